// A box on an image, drawn or moved with keys and kept in step with its typed numbers; the overlays of a comparison.
import { typing } from "./app.js";

const LEAST = 2;

class BoxStage {
  constructor(stage, form) {
    this.surface = stage.querySelector("[data-box-surface]");
    this.rect = stage.querySelector("[data-box]");
    this.image = stage.querySelector("img");
    this.form = form;
    this.inputs = ["x", "y", "w", "h"].map((name) => form.elements[name]);
    const { width, height } = this.surface.viewBox.baseVal;
    this.width = width;
    this.height = height;
    this.surface.addEventListener("pointerdown", (event) => this.start(event));
    this.surface.addEventListener("pointermove", (event) => this.move(event));
    this.surface.addEventListener("pointerup", () => this.end());
    this.surface.addEventListener("pointercancel", () => this.end());
    this.surface.addEventListener("keydown", (event) => this.key(event));
    for (const input of this.inputs) input.addEventListener("input", () => this.show());
    form.querySelector("[data-frame]")?.addEventListener("change", (event) => this.frame(event.target.value));
    this.show();
  }

  point(event) {
    const place = this.surface.getBoundingClientRect();
    const x = ((event.clientX - place.left) / place.width) * this.width;
    const y = ((event.clientY - place.top) / place.height) * this.height;
    return [Math.min(Math.max(x, 0), this.width), Math.min(Math.max(y, 0), this.height)];
  }

  start(event) {
    if (event.button !== 0) return;
    this.surface.setPointerCapture(event.pointerId);
    this.from = this.point(event);
  }

  move(event) {
    if (!this.from) return;
    const [x, y] = this.point(event);
    const box = [Math.min(x, this.from[0]), Math.min(y, this.from[1]), Math.abs(x - this.from[0]), Math.abs(y - this.from[1])];
    if (box[2] >= LEAST && box[3] >= LEAST) this.set(box);
  }

  end() {
    this.from = null;
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "Enter") {
      event.preventDefault();
      this.form.requestSubmit();
      return;
    }
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const by = Math.max(1, Math.round(Math.max(this.width, this.height) / 64));
    let [x, y, w, h] = this.values() ?? [this.width * 0.375, this.height * 0.375, this.width / 4, this.height / 4];
    if (event.shiftKey) {
      w = Math.min(Math.max(w + step[0] * by, LEAST), this.width - x);
      h = Math.min(Math.max(h + step[1] * by, LEAST), this.height - y);
    } else {
      x = Math.min(Math.max(x + step[0] * by, 0), this.width - w);
      y = Math.min(Math.max(y + step[1] * by, 0), this.height - h);
    }
    this.set([x, y, w, h]);
  }

  values() {
    const found = this.inputs.map((input) => (input.value === "" ? NaN : Number(input.value)));
    return found.every(Number.isFinite) ? found : null;
  }

  set(box) {
    this.inputs.forEach((input, place) => {
      input.value = String(Math.round(box[place]));
    });
    this.show();
  }

  show() {
    const box = this.values();
    this.rect.toggleAttribute("hidden", !box);
    ["x", "y", "width", "height"].forEach((name, place) => this.rect.setAttribute(name, String(Math.max(0, box?.[place] ?? 0))));
  }

  frame(number) {
    const address = new URL(this.image.src);
    address.searchParams.set("frame", number);
    this.image.src = address.href;
  }
}

class Overlays {
  constructor(root) {
    this.root = root;
    this.toggle = root.querySelector("[data-heat-toggle]");
    this.pairs = root.querySelector("[data-pair-toggle]");
    this.opacity = root.querySelector("[data-heat-opacity]");
    for (const control of [this.toggle, this.pairs, this.opacity]) control.addEventListener("input", () => this.show());
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-pair-show]");
      if (button) this.one(button.getAttribute("aria-pressed") === "true" ? null : button.dataset.pairShow);
    });
    document.addEventListener("keydown", (event) => {
      if (typing(event)) return;
      const control = { h: this.toggle, m: this.pairs }[event.key];
      if (!control) return;
      control.checked = !control.checked;
      this.show();
    });
    this.show();
  }

  show() {
    for (const layer of this.root.querySelectorAll("[data-heat-layer]")) {
      layer.style.display = this.toggle.checked ? "" : "none";
      layer.style.opacity = String(Number(this.opacity.value) / 100);
    }
    for (const layer of this.root.querySelectorAll("[data-pair-layer]")) layer.hidden = !this.pairs.checked;
  }

  one(number) {
    for (const layer of this.root.querySelectorAll("[data-pair-layer]")) layer.toggleAttribute("data-one", number !== null);
    for (const mark of this.root.querySelectorAll("[data-pair]")) mark.toggleAttribute("data-lit", mark.dataset.pair === number);
    for (const row of this.root.querySelectorAll("[data-pair-row]")) row.toggleAttribute("data-lit", row.dataset.pairRow === number);
    for (const button of this.root.querySelectorAll("[data-pair-show]")) {
      button.setAttribute("aria-pressed", String(button.dataset.pairShow === number));
    }
  }
}

const stage = document.querySelector("[data-box-stage]");
if (stage) new BoxStage(stage, document.querySelector("[data-box-form]"));
const heat = document.querySelector("[data-heat]");
if (heat) new Overlays(heat);
