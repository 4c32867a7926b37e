// Scrolling two stacks together: by place in the patient where both say it in the same space, else by share.
const normal = ([a, b, c, d, e, f]) => [b * f - c * e, c * d - a * f, a * e - b * d];
const dot = (a, b) => a.reduce((sum, part, index) => sum + part * b[index], 0);

const sameSpace = (a, b) =>
  a.frameOfReference && a.frameOfReference === b.frameOfReference && a.orientation.length === 6 && b.orientation.length === 6 &&
  a.positions.every((at) => at.length === 3) && b.positions.every((at) => at.length === 3) &&
  Math.abs(dot(normal(a.orientation), normal(b.orientation))) > 0.95;

export const matchingFrame = (from, to) => {
  const [a, b] = [from.meta, to.meta];
  if (!sameSpace(a, b)) return Math.round((from.frame / Math.max(1, a.frames - 1)) * (b.frames - 1));
  const axis = normal(a.orientation);
  const wanted = dot(a.positions[from.frame], axis);
  let best = 0;
  let away = Infinity;
  b.positions.forEach((at, index) => {
    const distance = Math.abs(dot(at, axis) - wanted);
    if (distance < away) [best, away] = [index, distance];
  });
  return best;
};
