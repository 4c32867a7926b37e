// Marks over a picture, as SVG in the places the pane says.
const SVG = "http://www.w3.org/2000/svg";

const element = (name, attributes, text) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
};

const line = (from, to) => element("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1] });

const head = ([x0, y0], [x1, y1]) => {
  const angle = Math.atan2(y1 - y0, x1 - x0);
  const tip = (turn) => [x1 - 12 * Math.cos(angle + turn), y1 - 12 * Math.sin(angle + turn)];
  const [a, b] = [tip(0.4), tip(-0.4)];
  return element("path", { d: `M${a[0]} ${a[1]}L${x1} ${y1}L${b[0]} ${b[1]}` });
};

const box = ([[x0, y0], [x1, y1]]) => [Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0)];

// Of an ellipse by the ends of its axes: first the one, then the other.
const STEPS = 96;
const outline = ([a, b, c, d]) => {
  const middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  return Array.from({ length: STEPS }, (_, step) => {
    const [along, aside] = [Math.cos((2 * Math.PI * step) / STEPS) / 2, Math.sin((2 * Math.PI * step) / STEPS) / 2];
    return [0, 1].map((axis) => middle[axis] + along * (b[axis] - a[axis]) + aside * (d[axis] - c[axis]));
  });
};

const figure = (kind, points) => {
  if (points.length < 2) return [];
  if (kind === "ellipse" && points.length === 4) return [element("polygon", { points: outline(points).map((point) => point.join(",")).join(" ") })];
  if (kind === "ellipse") {
    const [x, y, width, height] = box(points);
    return [element("ellipse", { cx: x + width / 2, cy: y + height / 2, rx: width / 2, ry: height / 2 })];
  }
  if (kind === "box") {
    const [x, y, width, height] = box(points);
    return [element("rect", { x, y, width, height })];
  }
  const lines = points.slice(1).map((point, index) => line(points[index], point));
  return kind === "arrow" ? [...lines, head(points[0], points[1])] : lines;
};

export const drawMarks = (svg, marks, place, words) => {
  svg.replaceChildren(
    ...marks.map((mark) => {
      const points = mark.points.map(place);
      const group = element("g", { class: `mark mark-${mark.kind}${mark.selected ? " mark-selected" : ""}${mark.own === false ? " mark-other" : ""}` });
      group.append(...figure(mark.kind, points));
      for (const point of mark.kind === "arrow" || mark.kind === "box" ? [] : points) group.append(element("circle", { cx: point[0], cy: point[1], r: 3 }));
      const at = mark.kind === "ellipse" && points[1] ? [Math.max(...points.map((point) => point[0])), Math.min(...points.map((point) => point[1]))] : points[mark.kind === "arrow" ? 0 : points.length - 1];
      const rows = words(mark).filter(Boolean);
      // To the left of what stands at the right, so that it can be read.
      const isRight = at[0] > 0.6 * svg.clientWidth;
      const spot = { x: at[0] + (isRight ? -8 : 8), "text-anchor": isRight ? "end" : "start" };
      rows.forEach((row, index) => group.append(element("text", { ...spot, y: Math.max(14, at[1] - 6) + 15 * index }, row)));
      return group;
    }),
  );
};
