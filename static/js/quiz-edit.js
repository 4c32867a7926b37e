// Making a question: proposals are put into the first empty line, shapes are drawn and typed alike.
for (const list of document.querySelectorAll("[data-proposals]")) {
  list.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-propose]");
    if (!chosen) return;
    const empty = [...document.querySelectorAll("[data-option]")].find((input) => !input.value);
    if (!empty) return;
    empty.value = chosen.dataset.propose;
    empty.parentElement.querySelector("[data-origin]").value = chosen.dataset.token;
    chosen.disabled = true;
    empty.focus();
  });
}

const NAMES = {
  rectangle: ["rect", ["x", "y", "width", "height"]],
  ellipse: ["ellipse", ["cx", "cy", "rx", "ry"]],
};
const short = (value) => String(Math.round(value * 10) / 10);

class Drawing {
  constructor(root) {
    this.root = root;
    this.stage = root.querySelector("[data-stage]");
    this.svg = root.querySelector("[data-shapes]");
    this.text = root.closest("form").querySelector("textarea[name=regions]");
    this.tool = "rectangle";
    this.corners = [];
    root.addEventListener("click", (event) => this.press(event));
    this.text.addEventListener("input", () => this.paint());
    this.stage.addEventListener("pointerdown", (event) => this.start(event));
    this.stage.addEventListener("dblclick", () => this.close());
    this.stage.querySelector("img").addEventListener("dragstart", (event) => event.preventDefault());
    this.paint();
  }

  press(event) {
    const tool = event.target.closest("[data-tool]");
    if (tool) {
      this.tool = tool.dataset.tool;
      this.corners = [];
      for (const other of this.root.querySelectorAll("[data-tool]")) other.setAttribute("aria-pressed", String(other === tool));
    }
    if (event.target.closest("[data-clear]")) {
      this.text.value = "";
      this.corners = [];
    }
    if (tool || event.target.closest("[data-clear]")) this.paint();
  }

  at(event) {
    const box = this.stage.getBoundingClientRect();
    const part = (value) => Math.min(100, Math.max(0, value * 100));
    return [part((event.clientX - box.left) / box.width), part((event.clientY - box.top) / box.height)];
  }

  start(event) {
    event.preventDefault();
    const from = this.at(event);
    if (this.tool === "polygon") {
      const last = this.corners.at(-1);
      if (!last || Math.hypot(last[0] - from[0], last[1] - from[1]) > 0.5) this.corners.push(from);
      this.paint();
      return;
    }
    this.stage.setPointerCapture(event.pointerId);
    const move = (moved) => this.paint(this.line(from, this.at(moved)));
    const end = (ended) => {
      this.stage.removeEventListener("pointermove", move);
      const line = this.line(from, this.at(ended));
      if (line) this.add(line);
      this.paint();
    };
    this.stage.addEventListener("pointermove", move);
    this.stage.addEventListener("pointerup", end, { once: true });
  }

  line([x1, y1], [x2, y2]) {
    const [left, top, width, height] = [Math.min(x1, x2), Math.min(y1, y2), Math.abs(x2 - x1), Math.abs(y2 - y1)];
    if (width < 0.5 || height < 0.5) return "";
    const numbers = this.tool === "ellipse" ? [left + width / 2, top + height / 2, width / 2, height / 2] : [left, top, width, height];
    return [this.tool, ...numbers.map(short)].join(" ");
  }

  close() {
    if (this.tool !== "polygon" || this.corners.length < 3) return;
    this.add(["polygon", ...this.corners.flat().map(short)].join(" "));
    this.corners = [];
    this.paint();
  }

  add(line) {
    this.text.value = [this.text.value.trim(), line].filter(Boolean).join("\n");
  }

  paint(more = "") {
    this.svg.replaceChildren();
    for (const line of [...this.text.value.split("\n"), more]) {
      const [kind, ...numbers] = line.trim().split(/[\s,]+/);
      if (NAMES[kind] && numbers.length === 4) {
        const [tag, names] = NAMES[kind];
        this.put(tag, Object.fromEntries(names.map((name, place) => [name, numbers[place]])));
      } else if (kind === "polygon" && numbers.length > 5) this.put("polygon", { points: numbers.join(" ") });
    }
    if (this.corners.length) this.put("polyline", { points: this.corners.map((corner) => corner.join(",")).join(" ") });
  }

  put(tag, attributes) {
    if (Object.values(attributes).some((value) => !/^[\d.,\s]+$/.test(value))) return;
    const made = document.createElementNS(this.svg.namespaceURI, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    this.svg.append(made);
  }
}

for (const root of document.querySelectorAll("[data-draw]")) new Drawing(root);
