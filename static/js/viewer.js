// The images of the case: one large and a strip, presets, inversion, zoom by buttons or double click, pan by dragging.
// A filter is set only when its reader asks for it; no theme sets one.
import { typing } from "./app.js";

const PRESETS = [
  ["As stored", ""],
  ["Brighter", "brightness(1.5)"],
  ["Darker", "brightness(0.65)"],
  ["More contrast", "contrast(1.7)"],
  ["Less contrast", "contrast(0.65)"],
  ["Dark detail", "brightness(2.2) contrast(1.3)"],
];
const ZOOMS = [1, 1.5, 2, 3, 4, 6];

class Viewer {
  constructor(root) {
    this.root = root;
    this.image = root.querySelector("[data-image]");
    this.stage = root.querySelector("[data-stage]");
    this.note = root.querySelector("[data-note]");
    this.frames = root.querySelector("[data-frames]");
    this.preset = 0;
    this.inverted = false;
    this.reset();
    root.addEventListener("click", (event) => this.click(event));
    this.stage.addEventListener("dblclick", () => this.zoomTo(this.zoom === 1 ? 2 : 1));
    this.stage.addEventListener("pointerdown", (event) => this.grab(event));
    this.frames?.querySelector("input").addEventListener("input", (event) => this.frame(event.target.value));
    const current = root.querySelector("[data-thumb][aria-current]");
    if (current) this.setFrames(current);
  }

  click(event) {
    const thumb = event.target.closest("[data-thumb]");
    if (thumb) {
      event.preventDefault();
      this.show(thumb);
    }
    if (event.target.closest("[data-preset]")) this.nextPreset();
    if (event.target.closest("[data-invert]")) this.invert();
    const zoom = event.target.closest("[data-zoom]");
    if (zoom) this.zoomTo(zoom.dataset.zoom === "fit" ? 1 : (ZOOMS.find((step) => step > this.zoom) ?? 1));
  }

  show(thumb) {
    for (const other of this.root.querySelectorAll("[data-thumb]")) other.removeAttribute("aria-current");
    thumb.setAttribute("aria-current", "true");
    this.image.src = thumb.href;
    this.image.alt = thumb.dataset.alt;
    this.setFrames(thumb);
    this.reset();
  }

  setFrames(thumb) {
    const count = Number(thumb.dataset.frames);
    this.frames.hidden = count < 2;
    const slider = this.frames.querySelector("input");
    slider.max = String(count - 1);
    slider.value = "0";
    this.address = thumb.href;
    this.count = count;
    this.frames.querySelector("output").textContent = `1 / ${count}`;
    this.key = thumb.dataset.key;
    this.linkRegions(0);
  }

  frame(number) {
    this.image.src = `${this.address}?frame=${number}`;
    this.frames.querySelector("output").textContent = `${Number(number) + 1} / ${this.count}`;
    this.linkRegions(number);
  }

  // The search by region is about the frame that is shown.
  linkRegions(frame) {
    const link = this.root.querySelector("[data-region-link]");
    if (link) link.href = `${link.dataset.regionLink}${this.key}&frame=${frame}`;
  }

  nextPreset() {
    this.preset = (this.preset + 1) % PRESETS.length;
    this.root.querySelector("[data-preset-name]").textContent = PRESETS[this.preset][0];
    this.paint();
  }

  invert() {
    this.inverted = !this.inverted;
    this.root.querySelector("[data-invert]").setAttribute("aria-pressed", String(this.inverted));
    this.paint();
  }

  paint() {
    this.image.style.filter = `${this.inverted ? "invert(1) " : ""}${PRESETS[this.preset][1]}`.trim();
    this.note.textContent = [PRESETS[this.preset][1] && PRESETS[this.preset][0], this.inverted && "inverted"].filter(Boolean).join(", ");
  }

  reset() {
    this.x = this.y = 0;
    this.zoomTo(1);
  }

  zoomTo(zoom) {
    this.zoom = zoom;
    if (zoom === 1) this.x = this.y = 0;
    this.stage.toggleAttribute("data-zoomed", zoom > 1);
    this.move();
  }

  move() {
    this.image.style.transform = this.zoom === 1 ? "" : `translate(${this.x}px, ${this.y}px) scale(${this.zoom})`;
  }

  grab(start) {
    if (this.zoom === 1) return;
    start.preventDefault();
    this.stage.setPointerCapture(start.pointerId);
    const from = { x: this.x - start.clientX, y: this.y - start.clientY };
    const drag = (event) => {
      this.x = from.x + event.clientX;
      this.y = from.y + event.clientY;
      this.move();
    };
    this.stage.addEventListener("pointermove", drag);
    this.stage.addEventListener("lostpointercapture", () => this.stage.removeEventListener("pointermove", drag), { once: true });
  }
}

let viewer = null;
export const startViewer = () => {
  const root = document.querySelector("[data-viewer]");
  if (root && viewer?.root !== root) viewer = new Viewer(root);
};

document.addEventListener("keydown", (event) => {
  if (!viewer || typing(event) || document.querySelector("dialog[open]")) return;
  if (event.key === "w") viewer.nextPreset();
  if (event.key === "i") viewer.invert();
});
