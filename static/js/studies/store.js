// Decoded frames of one stack: fetched around the one that is seen, kept within a bound.
const ARRAYS = { uint8: Uint8Array, rgb8: Uint8Array, uint16: Uint16Array, int16: Int16Array };
const IN_FLIGHT = 6;
const RETRIES = 3;

export class FrameStore {
  constructor(meta, base, budget, arrived) {
    this.meta = meta;
    this.base = base;
    this.arrived = arrived;
    this.count = meta.rows * meta.columns * (meta.pixels === "rgb8" ? 3 : 1);
    this.bytes = this.count * ARRAYS[meta.pixels].BYTES_PER_ELEMENT;
    this.setBudget(budget);
    this.frames = new Map();
    this.flying = new Set();
    this.failed = new Map();
    this.queue = [];
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.receive(data));
  }

  setBudget(bytes) {
    this.budget = bytes;
    this.most = Math.max(3, Math.floor(bytes / this.bytes));
  }

  get(frame) {
    return this.frames.get(frame);
  }

  get used() {
    return this.frames.size * this.bytes;
  }

  // What is wanted, nearest first; further ahead than behind, so that scrolling on finds it there.
  want(frame, direction) {
    const order = [frame];
    for (let step = 1; order.length < Math.min(this.most, this.meta.frames) && step < this.meta.frames; step += 1) {
      const ahead = direction < 0 ? [-step, -2 * step, -2 * step - 1, step] : [step, 2 * step, 2 * step + 1, -step];
      for (const offset of ahead) {
        const next = frame + offset;
        if (next >= 0 && next < this.meta.frames && !order.includes(next)) order.push(next);
      }
    }
    this.kept = new Set(order.slice(0, this.most));
    this.queue = order.slice(0, this.most).filter((each) => !this.frames.has(each) && !this.flying.has(each) && (this.failed.get(each) ?? 0) < RETRIES);
    this.send();
  }

  send() {
    while (this.flying.size < IN_FLIGHT && this.queue.length) {
      const frame = this.queue.shift();
      this.flying.add(frame);
      this.worker.postMessage({ frame, url: `${this.base}${frame}/?v=${this.meta.version}`, pixels: this.meta.pixels, count: this.count });
    }
  }

  receive({ frame, buffer, error }) {
    this.flying.delete(frame);
    if (error) {
      this.failed.set(frame, (this.failed.get(frame) ?? 0) + 1);
      if ((this.failed.get(frame) ?? 0) < RETRIES) this.queue.push(frame);
    } else {
      this.frames.set(frame, new ARRAYS[this.meta.pixels](buffer));
      this.evict();
    }
    this.send();
    this.arrived(frame, error);
  }

  evict() {
    for (const frame of this.frames.keys()) {
      if (this.frames.size <= this.most) return;
      if (!this.kept?.has(frame)) this.frames.delete(frame);
    }
    for (const frame of this.frames.keys()) {
      if (this.frames.size <= this.most) return;
      this.frames.delete(frame);
    }
  }

  close() {
    this.worker.terminate();
    this.frames.clear();
  }
}
