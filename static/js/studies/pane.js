// One picture: its stack, window, zoom and place, and what pointers do on it.
import { drawMarks } from "./overlay.js";
import { NEEDED, measure, parts, valueAt } from "./measure.js";
import { FrameStore } from "./store.js";
import { surfaceFor } from "./surface.js";

const MOST_ZOOM = 40;
const MOVE = { window: 1, pan: 1, zoom: 1, scroll: 1 };

export class Pane {
  constructor(root, meta, { budget, hear }) {
    this.root = root;
    this.meta = meta;
    this.hear = hear;
    this.stage = root.querySelector("[data-stage]");
    this.slider = root.querySelector("[data-slider]");
    this.svg = root.querySelector("[data-marks]");
    this.canvas = document.createElement("canvas");
    root.querySelector("[data-canvas]").replaceChildren(this.canvas);
    this.surface = surfaceFor(this.canvas, meta);
    root.dataset.surface = this.surface.name;
    this.store = new FrameStore(meta, root.dataset.frames, budget, (frame, error) => this.arrived(frame, error));
    this.frame = Math.floor(meta.frames / 2);
    this.seen = -1;
    this.direction = 1;
    [, this.center, this.width] = meta.presets[0];
    this.preset = 0;
    this.inverted = false;
    this.marks = [];
    this.pointers = new Map();
    this.undo = new AbortController();
    this.slider.max = String(meta.frames - 1);
    this.slider.closest("[data-frames-row]").hidden = meta.frames < 2;
    for (const side of ["left", "right", "top", "bottom"]) root.querySelector(`[data-side=${side}]`).textContent = meta.markers[side] ?? "";
    root.querySelector("[data-laterality]").textContent = { R: "Right", L: "Left", B: "Both sides" }[meta.laterality] ?? "";
    this.listen();
    this.fit();
    this.go(this.frame, true);
  }

  listen() {
    const on = (target, name, act, more = {}) => target.addEventListener(name, act, { signal: this.undo.signal, ...more });
    on(this.stage, "wheel", (event) => this.wheel(event), { passive: false });
    on(this.stage, "pointerdown", (event) => this.down(event));
    on(this.stage, "pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) on(this.stage, name, (event) => this.up(event));
    on(this.stage, "pointerleave", () => this.readout(null));
    on(this.stage, "contextmenu", (event) => event.preventDefault());
    on(this.slider, "input", () => this.go(Number(this.slider.value)));
    this.resize = new ResizeObserver(() => this.resized());
    this.resize.observe(this.stage);
  }

  close() {
    this.undo.abort();
    this.resize.disconnect();
    this.store.close();
  }

  // Where pixels lie on the stage, in CSS pixels.
  get aspect() {
    return this.meta.spacing.length === 2 ? this.meta.spacing[0] / this.meta.spacing[1] : 1;
  }

  get origin() {
    const { clientWidth, clientHeight } = this.stage;
    return [clientWidth / 2 + this.x - (this.meta.columns * this.zoom) / 2, clientHeight / 2 + this.y - (this.meta.rows * this.zoom * this.aspect) / 2];
  }

  place([x, y]) {
    const [left, top] = this.origin;
    return [left + x * this.zoom, top + y * this.zoom * this.aspect];
  }

  point(event) {
    const box = this.stage.getBoundingClientRect();
    const [left, top] = this.origin;
    return [(event.clientX - box.left - left) / this.zoom, (event.clientY - box.top - top) / (this.zoom * this.aspect)];
  }

  fit() {
    const { clientWidth, clientHeight } = this.stage;
    this.fitted = Math.min(clientWidth / this.meta.columns, clientHeight / (this.meta.rows * this.aspect)) || 1;
    this.zoom = this.fitted;
    this.x = this.y = 0;
    this.isFitted = true;
    this.draw();
  }

  resized() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(this.stage.clientWidth * ratio), Math.round(this.stage.clientHeight * ratio)];
    if (!width || !height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    if (this.isFitted) this.fit();
    else this.draw();
  }

  zoomBy(factor, at = null) {
    const before = this.zoom;
    this.zoom = Math.min(MOST_ZOOM, Math.max(this.fitted / 4, this.zoom * factor));
    const { clientWidth, clientHeight } = this.stage;
    const [x, y] = at ?? [clientWidth / 2, clientHeight / 2];
    const grown = this.zoom / before;
    this.x = x - clientWidth / 2 - (x - clientWidth / 2 - this.x) * grown;
    this.y = y - clientHeight / 2 - (y - clientHeight / 2 - this.y) * grown;
    this.isFitted = false;
    this.draw();
    this.hear.viewed(this);
  }

  panBy(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.isFitted = false;
    this.draw();
    this.hear.viewed(this);
  }

  setWindow(center, width, preset = -1) {
    this.center = center;
    this.width = Math.max(width, 0.001);
    this.preset = preset;
    this.draw();
    this.hear.windowed(this);
  }

  usePreset(index) {
    const preset = this.meta.presets[index];
    if (preset) this.setWindow(preset[1], preset[2], index);
  }

  invert() {
    this.inverted = !this.inverted;
    this.draw();
    this.hear.windowed(this);
  }

  // Frames
  go(frame, quietly = false) {
    const next = Math.min(this.meta.frames - 1, Math.max(0, Math.round(frame)));
    this.direction = next < this.frame ? -1 : next > this.frame ? 1 : this.direction;
    if (this.drawing && next !== this.frame) this.drawing = null;
    this.frame = next;
    this.store.want(next, this.direction);
    this.draw();
    if (!quietly) this.hear.went(this);
  }

  arrived(frame, error) {
    if (frame !== this.frame) return;
    this.trouble = error ? "This frame could not be loaded. Scroll away and back to try again." : "";
    this.draw();
  }

  // Drawing happens once in a refresh of the screen, however many things changed.
  draw() {
    if (this.planned) return;
    this.planned = requestAnimationFrame(() => {
      this.planned = 0;
      this.paint();
    });
  }

  paint() {
    const data = this.store.get(this.frame);
    if (data && this.canvas.width) {
      const ratio = this.canvas.width / this.stage.clientWidth;
      const [slope, intercept] = this.meta.rescale[this.frame];
      const [left, top] = this.origin;
      this.surface.draw(data, {
        left: left * ratio, top: top * ratio, scaleX: this.zoom * ratio, scaleY: this.zoom * this.aspect * ratio,
        slope, intercept, center: this.center, width: this.width, inverted: this.inverted !== this.meta.inverted,
      });
      if (this.seen !== this.frame) this.painted = (this.painted ?? 0) + 1;
      this.seen = this.frame;
    }
    this.caption(Boolean(data));
    this.overlay();
  }

  caption(isThere) {
    const { meta } = this;
    this.slider.value = String(this.frame);
    this.root.toggleAttribute("data-loading", !isThere);
    // Never the number of one frame over the picture of another.
    const number = isThere ? `${this.frame + 1} / ${meta.frames}` : `loading ${this.frame + 1} / ${meta.frames}`;
    this.root.querySelector("[data-number]").textContent = this.trouble || number;
    this.slider.setAttribute("aria-valuetext", `Frame ${this.frame + 1} of ${meta.frames}`);
    const name = this.preset >= 0 ? meta.presets[this.preset][0] : "set by hand";
    const round = (value) => (Math.abs(this.width) < 10 ? value.toFixed(2) : value.toFixed(0));
    this.root.querySelector("[data-window]").textContent = `L ${round(this.center)} W ${round(this.width)} · ${name}${this.inverted ? " · inverted" : ""}`;
    this.root.querySelector("[data-zoom-now]").textContent = `${(this.zoom / this.fitted).toFixed(1)}×`;
    this.root.dataset.seen = String(this.seen);
  }

  overlay() {
    const marks = this.marks.filter((mark) => mark.frame === this.frame);
    const all = this.drawing ? [...marks, this.drawing] : marks;
    drawMarks(this.svg, all, (point) => this.place(point), (mark) => [mark.label, ...parts(this.valuesOf(mark), this.meta)]);
  }

  valuesOf(mark) {
    if (mark.values && Object.keys(mark.values).length && mark !== this.drawing) return mark.values;
    return measure(mark, this.meta, this.store.get(mark.frame));
  }

  readout(point) {
    const data = this.store.get(this.frame);
    const value = point && data ? valueAt(this.meta, data, this.frame, ...point) : null;
    const unit = this.meta.unit === "grey value" ? "grey" : this.meta.unit;
    this.root.querySelector("[data-value]").textContent = value === null ? "" : `${Math.floor(point[0])}, ${Math.floor(point[1])}: ${Number(value.toFixed(2))} ${unit}`;
  }

  // Pointers
  wheel(event) {
    event.preventDefault();
    this.hear.chosen(this);
    const box = this.stage.getBoundingClientRect();
    if (event.ctrlKey || this.meta.frames < 2) this.zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15, [event.clientX - box.left, event.clientY - box.top]);
    else {
      // A wheel gives 100 a notch, a touchpad a little at a time.
      this.turned = (this.turned ?? 0) + event.deltaY / (event.deltaMode ? 3 : Math.abs(event.deltaY) < 40 ? 20 : Math.abs(event.deltaY));
      const steps = Math.trunc(this.turned);
      this.turned -= steps;
      if (steps) this.go(this.frame + steps);
    }
  }

  down(event) {
    this.hear.chosen(this);
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pointers.size === 2) this.drawing = null;
    const chosen = event.button === 2 ? "zoom" : event.button === 1 ? "pan" : this.hear.tool();
    this.act = { tool: chosen, from: [event.clientX, event.clientY], frame: this.frame, moved: false };
    if (chosen in NEEDED && this.pointers.size === 1 && event.button === 0) this.begin(chosen, this.inside(this.point(event)));
  }

  inside([x, y]) {
    const keep = (value, most) => Math.round(Math.min(most, Math.max(0, value)) * 100) / 100;
    return [keep(x, this.meta.columns), keep(y, this.meta.rows)];
  }

  begin(kind, point) {
    if (this.drawing?.waiting && this.drawing.kind === kind) {
      this.drawing.points[this.drawing.points.length - 1] = point;
      return;
    }
    this.drawing = { kind, frame: this.frame, points: NEEDED[kind] === 1 ? [point] : [point, [...point]], label: "", own: true };
  }

  move(event) {
    const held = this.pointers.get(event.pointerId);
    this.readout(this.point(event));
    if (!held) {
      if (this.drawing?.waiting) this.stretch(event);
      return;
    }
    const [dx, dy] = [event.clientX - held[0], event.clientY - held[1]];
    if (this.pointers.size === 2) this.pinch(event, held);
    else if (this.drawing && this.act.tool in NEEDED) this.stretch(event);
    else if (this.act.tool in MOVE) this.drag(event, dx, dy);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  stretch(event) {
    this.drawing.points[this.drawing.points.length - 1] = this.inside(this.point(event));
    this.draw();
  }

  drag(event, dx, dy) {
    if (this.act.tool === "window") {
      const step = Math.max(this.meta.presets[0][2], 1) / 400;
      this.setWindow(this.center + dy * step, this.width + dx * step);
    } else if (this.act.tool === "pan") this.panBy(dx, dy);
    else if (this.act.tool === "zoom") this.zoomBy(1 - dy / 200);
    else this.go(this.act.frame + (event.clientY - this.act.from[1]) / 6);
  }

  pinch(event, held) {
    const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    const box = this.stage.getBoundingClientRect();
    const before = Math.hypot(held[0] - other[0], held[1] - other[1]);
    const after = Math.hypot(event.clientX - other[0], event.clientY - other[1]);
    if (before > 10) this.zoomBy(after / before, [(event.clientX + other[0]) / 2 - box.left, (event.clientY + other[1]) / 2 - box.top]);
    this.panBy((event.clientX - held[0]) / 2, (event.clientY - held[1]) / 2);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (!this.drawing || this.pointers.size) return;
    const { points, kind } = this.drawing;
    const [a, b] = points.slice(-2);
    const short = b && Math.hypot(a[0] - b[0], a[1] - b[1]) * this.zoom < 4;
    if (event.type === "pointercancel") this.drawing = null;
    // A click sets one point, and the next follows the pointer until it is clicked too.
    else if (short) this.drawing.waiting = true;
    else if (points.length < NEEDED[kind]) {
      points.push([...b]);
      this.drawing.waiting = true;
    } else if (points.length === NEEDED[kind]) {
      const made = this.drawing;
      this.drawing = null;
      delete made.waiting;
      this.hear.drawn(this, made);
    }
    this.draw();
  }
}
