// What a mark measures, as the site computes it when it is stored.
export const NEEDED = { length: 2, angle: 3, ellipse: 2, arrow: 2, text: 1, box: 2 };

const scaleOf = (meta) => (meta.spacing.length === 2 ? [meta.spacing[1], meta.spacing[0], "mm"] : [1, 1, "px"]);

export const measure = (mark, meta, data) => {
  const [across, down, unit] = scaleOf(meta);
  const [a, b, c] = mark.points;
  if (mark.kind === "length") return { length: Math.hypot((b[0] - a[0]) * across, (b[1] - a[1]) * down), length_unit: unit };
  if (mark.kind === "angle" && c) {
    const one = [(a[0] - b[0]) * across, (a[1] - b[1]) * down];
    const two = [(c[0] - b[0]) * across, (c[1] - b[1]) * down];
    const size = Math.hypot(...one) * Math.hypot(...two);
    if (!size) return {};
    const cosine = (one[0] * two[0] + one[1] * two[1]) / size;
    return { angle: (Math.acos(Math.max(-1, Math.min(1, cosine))) * 180) / Math.PI };
  }
  return mark.kind === "ellipse" && data ? ellipse(mark, meta, data, across, down, unit) : {};
};

export const valueAt = (meta, data, frame, x, y) => {
  if (x < 0 || y < 0 || x >= meta.columns || y >= meta.rows) return null;
  const at = Math.floor(y) * meta.columns + Math.floor(x);
  const stored = meta.pixels === "rgb8" ? 0.299 * data[3 * at] + 0.587 * data[3 * at + 1] + 0.114 * data[3 * at + 2] : data[at];
  const [slope, intercept] = meta.rescale[frame];
  return stored * slope + intercept;
};

// The middle of an ellipse and its half axes, from the corners of its box or from the ends of its axes.
const axesOf = (points) => {
  const [[ax, ay], [bx, by], c, d] = points;
  const middle = [(ax + bx) / 2, (ay + by) / 2];
  if (!d) return [...middle, Math.abs(bx - ax) / 2, 0, 0, Math.abs(by - ay) / 2];
  return [...middle, (bx - ax) / 2, (by - ay) / 2, (d[0] - c[0]) / 2, (d[1] - c[1]) / 2];
};

const ellipse = (mark, meta, data, across, down, unit) => {
  const [cx, cy, ux, uy, vx, vy] = axesOf(mark.points);
  const size = ux * vy - uy * vx;
  if (!size) return {};
  const [rx, ry] = [Math.hypot(ux, vx), Math.hypot(uy, vy)];
  let [n, mean, m2, min, max] = [0, 0, 0, Infinity, -Infinity];
  for (let row = Math.max(0, Math.floor(cy - ry)); row < Math.min(meta.rows, Math.ceil(cy + ry)); row += 1) {
    for (let column = Math.max(0, Math.floor(cx - rx)); column < Math.min(meta.columns, Math.ceil(cx + rx)); column += 1) {
      const [x, y] = [column + 0.5 - cx, row + 0.5 - cy];
      if (((x * vy - y * vx) / size) ** 2 + ((y * ux - x * uy) / size) ** 2 > 1) continue;
      const value = valueAt(meta, data, mark.frame, column, row);
      n += 1;
      const away = value - mean;
      mean += away / n;
      m2 += away * (value - mean);
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  }
  if (!n) return {};
  return { mean, sd: Math.sqrt(m2 / n), min, max, area: Math.PI * Math.abs(size) * across * down, pixels: n, unit: meta.unit, area_unit: `${unit}²` };
};

const short = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1));

export const parts = (values, meta) => {
  if (values.length !== undefined) return [`${values.length.toFixed(1)} ${values.length_unit}${meta?.spacingAtDetector ? " at the detector" : ""}`];
  if (values.angle !== undefined) return [`${values.angle.toFixed(1)}°`];
  if (values.mean === undefined) return [];
  const unit = values.unit === "grey value" ? "" : ` ${values.unit}`;
  return [`mean ${short(values.mean)}${unit} · SD ${short(values.sd)}`, `${short(values.min)} to ${short(values.max)} · ${short(values.area)} ${values.area_unit}`];
};

export const said = (values, meta) => parts(values, meta).join(" · ");
