// A mask drawn over an image: brush, eraser, polygon. It is kept as a byte for each pixel and sent as run lengths.
import { typing } from "./app.js";

const COLOUR = [255, 190, 40, 110];
const UNDO = 20;

class MaskEditor {
  constructor(root, form) {
    this.root = root;
    this.form = form;
    this.runs = form.querySelector("[data-runs]");
    this.canvas = root.querySelector("[data-canvas]");
    this.paper = this.canvas.getContext("2d");
    this.width = Number(root.dataset.width);
    this.height = Number(root.dataset.height);
    this.status = root.querySelector("[data-status]");
    this.mask = this.read(this.runs.value);
    this.before = [];
    this.points = [];
    this.tool = "brush";
    root.querySelector("[data-tools]").hidden = false;
    this.listen();
    this.paint();
  }

  listen() {
    this.canvas.addEventListener("pointerdown", (event) => this.down(event));
    this.canvas.addEventListener("pointermove", (event) => this.moved(event));
    this.canvas.addEventListener("pointerup", () => (this.last = null));
    this.canvas.addEventListener("pointercancel", () => (this.last = null));
    this.canvas.addEventListener("dblclick", () => this.close());
    this.root.addEventListener("click", (event) => {
      const tool = event.target.closest("[data-tool]");
      if (tool) this.choose(tool.dataset.tool);
      if (event.target.closest("[data-undo]")) this.undo();
      if (event.target.closest("[data-clear]")) this.clear();
    });
    this.root.querySelector("[data-show]").addEventListener("input", () => this.paint());
    this.form.addEventListener("submit", () => (this.runs.value = this.write()));
    document.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    if (typing(event)) return;
    const tools = { b: "brush", e: "eraser", p: "polygon" };
    if (tools[event.key]) this.choose(tools[event.key]);
    if (event.key === "u") this.undo();
    if (event.key === "Enter" && this.points.length) {
      event.preventDefault();
      this.close();
    }
    if (event.key === "Escape") {
      this.points = [];
      this.paint();
    }
  }

  choose(tool) {
    this.tool = tool;
    this.points = [];
    for (const button of this.root.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
    this.paint();
  }

  point(event) {
    const place = this.canvas.getBoundingClientRect();
    return [((event.clientX - place.left) / place.width) * this.width, ((event.clientY - place.top) / place.height) * this.height];
  }

  down(event) {
    if (event.button !== 0) return;
    const point = this.point(event);
    if (this.tool === "polygon") {
      this.points.push(point);
      this.paint();
      return;
    }
    this.canvas.setPointerCapture(event.pointerId);
    this.keep();
    this.last = point;
    this.stroke(point, point);
  }

  moved(event) {
    if (!this.last) return;
    const point = this.point(event);
    this.stroke(this.last, point);
    this.last = point;
  }

  stroke(from, to) {
    const radius = Number(this.root.querySelector("[data-size]").value) / 2;
    this.fill((paper) => {
      paper.lineWidth = radius * 2;
      paper.lineCap = "round";
      paper.beginPath();
      paper.moveTo(...from);
      paper.lineTo(to[0] + 0.01, to[1]);
      paper.stroke();
    }, this.around([from, to], radius), this.tool === "eraser" ? 0 : 1);
  }

  close() {
    if (this.tool !== "polygon") return;
    if (this.points.length >= 3) {
      const points = this.points;
      this.keep();
      this.fill((paper) => {
        paper.beginPath();
        for (const point of points) paper.lineTo(...point);
        paper.closePath();
        paper.fill();
      }, this.around(points, 0), 1);
    }
    this.points = [];
    this.paint();
  }

  around(points, margin) {
    const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
    const left = Math.max(0, Math.floor(Math.min(...xs) - margin - 1));
    const top = Math.max(0, Math.floor(Math.min(...ys) - margin - 1));
    const right = Math.min(this.width, Math.ceil(Math.max(...xs) + margin + 1));
    const bottom = Math.min(this.height, Math.ceil(Math.max(...ys) + margin + 1));
    return [left, top, right - left, bottom - top];
  }

  // What is drawn on an empty sheet becomes mask, or is taken from it, where it covers half of a pixel.
  fill(draw, [left, top, width, height], value) {
    if (width < 1 || height < 1) return;
    const sheet = new OffscreenCanvas(width, height);
    const paper = sheet.getContext("2d");
    paper.translate(-left, -top);
    draw(paper);
    const drawn = paper.getImageData(0, 0, width, height).data;
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        if (drawn[(y * width + x) * 4 + 3] > 127) this.mask[(y + top) * this.width + x + left] = value;
      }
    }
    this.paint([left, top, width, height]);
  }

  paint([left, top, width, height] = [0, 0, this.width, this.height]) {
    const shown = this.root.querySelector("[data-show]").checked;
    const image = this.paper.createImageData(width, height);
    for (let y = 0; shown && y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        if (this.mask[(y + top) * this.width + x + left]) image.data.set(COLOUR, (y * width + x) * 4);
      }
    }
    this.paper.putImageData(image, left, top);
    this.outline();
    let area = 0;
    for (const pixel of this.mask) area += pixel;
    this.status.textContent = this.points.length
      ? `${this.points.length} points; double click or Enter closes the polygon, Escape drops it.`
      : `${this.width} × ${this.height} pixels, ${area} masked.`;
  }

  outline() {
    if (!this.points.length) return;
    const mark = getComputedStyle(this.root).getPropertyValue("--image-mark");
    this.paper.strokeStyle = mark;
    this.paper.lineWidth = Math.max(1, this.width / 300);
    this.paper.beginPath();
    for (const point of this.points) this.paper.lineTo(...point);
    this.paper.stroke();
    this.paper.fillStyle = mark;
    for (const [x, y] of this.points) this.paper.fillRect(x - 1, y - 1, 2 + this.width / 300, 2 + this.width / 300);
  }

  keep() {
    this.before.push(this.mask.slice());
    if (this.before.length > UNDO) this.before.shift();
  }

  undo() {
    const mask = this.before.pop();
    if (mask) this.mask = mask;
    this.paint();
  }

  clear() {
    this.keep();
    this.mask.fill(0);
    this.paint();
  }

  read(text) {
    const mask = new Uint8Array(this.width * this.height);
    let at = 0;
    text.trim().split(/\s+/).filter(Boolean).forEach((run, number) => {
      if (number % 2) mask.fill(1, at, at + Number(run));
      at += Number(run);
    });
    return mask;
  }

  write() {
    const runs = [];
    let [value, length] = [0, 0];
    for (const pixel of this.mask) {
      if (pixel !== value) {
        runs.push(length);
        [value, length] = [pixel, 0];
      }
      length += 1;
    }
    runs.push(length);
    return runs.join(" ");
  }
}

const editor = document.querySelector("[data-mask-editor]");
if (editor) new MaskEditor(editor, document.querySelector("[data-mask-form]"));
