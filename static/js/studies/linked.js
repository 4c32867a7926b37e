// Scrolling two stacks together: by place in the patient where both say it in the same space; by millimetres from the
// pair at which they were linked where they lie the same way; else by share of the stack.
const normal = ([a, b, c, d, e, f]) => [b * f - c * e, c * d - a * f, a * e - b * d];
const dot = (a, b) => a.reduce((sum, part, index) => sum + part * b[index], 0);

const areParallel = (a, b) =>
  a.orientation.length === 6 && b.orientation.length === 6 && a.positions.length > 0 && b.positions.length > 0 &&
  a.positions.every((at) => at.length === 3) && b.positions.every((at) => at.length === 3) &&
  Math.abs(dot(normal(a.orientation), normal(b.orientation))) > 0.95;

// `anchor` holds the frame of each pane at which both were linked by hand.
export const howLinked = (from, to, anchor) => {
  const [a, b] = [from.meta, to.meta];
  if (!areParallel(a, b)) return "share";
  if (a.frameOfReference && a.frameOfReference === b.frameOfReference) return "place";
  return anchor ? "distance" : "share";
};

const nearest = (positions, axis, wanted) => {
  let best = 0;
  let away = Infinity;
  positions.forEach((at, index) => {
    const distance = Math.abs(dot(at, axis) - wanted);
    if (distance < away) [best, away] = [index, distance];
  });
  return best;
};

const share = (frame, meta) => frame / Math.max(1, meta.frames - 1);

export const matchingFrame = (from, to, anchor) => {
  const [a, b] = [from.meta, to.meta];
  const how = howLinked(from, to, anchor);
  if (how === "share") {
    const offset = anchor ? share(anchor.get(to), b) - share(anchor.get(from), a) : 0;
    return Math.round((share(from.frame, a) + offset) * (b.frames - 1));
  }
  const axis = normal(a.orientation);
  const here = dot(a.positions[from.frame], axis);
  if (how === "place") return nearest(b.positions, axis, here);
  return nearest(b.positions, axis, dot(b.positions[anchor.get(to)], axis) + here - dot(a.positions[anchor.get(from)], axis));
};
