// Decoded frames of one stack: fetched in groups around the one that is seen, kept within a bound.
const ARRAYS = { uint8: Uint8Array, rgb8: Uint8Array, uint16: Uint16Array, int16: Int16Array };
const IN_FLIGHT = 4;
const GROUP = 8;
const GROUP_BYTES = 6e6;
const RETRIES = 3;

export class FrameStore {
  constructor(meta, base, budget, arrived) {
    this.meta = meta;
    this.base = base;
    this.arrived = arrived;
    this.count = meta.rows * meta.columns * (meta.pixels === "rgb8" ? 3 : 1);
    this.bytes = this.count * ARRAYS[meta.pixels].BYTES_PER_ELEMENT;
    this.group = Math.max(1, Math.min(GROUP, Math.floor(GROUP_BYTES / this.bytes)));
    this.setBudget(budget);
    this.frames = new Map();
    this.flying = new Set();
    this.failed = new Map();
    this.queue = [];
    this.kept = new Set();
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", ({ data }) => (data.buffer ? this.receive(data) : this.landed(data)));
  }

  setBudget(bytes) {
    this.budget = bytes;
    this.most = Math.max(3, Math.floor(bytes / this.bytes));
    if (this.frames) this.evict();
  }

  get(frame) {
    return this.frames.get(frame);
  }

  get used() {
    return this.frames.size * this.bytes;
  }

  // What is wanted, nearest first; further ahead than behind, so that scrolling on finds it there.
  want(frame, direction) {
    const wanted = Math.min(this.most, this.meta.frames);
    const order = new Set([frame]);
    const add = (next) => order.size < wanted && next >= 0 && next < this.meta.frames && order.add(next);
    for (let step = 1; order.size < wanted; step += 1) {
      add(frame + direction * (2 * step - 1));
      add(frame + direction * 2 * step);
      add(frame - direction * step);
    }
    this.kept = order;
    const groups = new Set();
    for (const each of order) if (!this.frames.has(each)) groups.add(Math.floor(each / this.group) * this.group);
    // The one that is waited for comes alone and first.
    this.queue = [...groups].map((first) => [first, Math.min(this.group, this.meta.frames - first)]);
    if (!this.frames.has(frame) && this.group > 1) this.queue.unshift([frame, 1]);
    this.send();
  }

  send() {
    while (this.flying.size < IN_FLIGHT && this.queue.length) {
      const [first, many] = this.queue.shift();
      const key = `${first}+${many}`;
      if (this.flying.has(key) || (this.failed.get(key) ?? 0) >= RETRIES) continue;
      this.flying.add(key);
      this.worker.postMessage({ first, many, url: `${this.base}${first}/?count=${many}&v=${this.meta.version}`, pixels: this.meta.pixels, count: this.count });
    }
  }

  receive({ frame, buffer }) {
    if (!this.frames.has(frame)) this.frames.set(frame, new ARRAYS[this.meta.pixels](buffer));
    this.evict();
    this.arrived(frame);
  }

  landed({ landed, many, error }) {
    const key = `${landed}+${many}`;
    this.flying.delete(key);
    if (error) {
      this.failed.set(key, (this.failed.get(key) ?? 0) + 1);
      if (this.failed.get(key) < RETRIES) this.queue.push([landed, many]);
      else if (many === 1 || this.group === 1) this.arrived(landed, error);
    }
    this.send();
  }

  evict() {
    for (const isFree of [(frame) => !this.kept.has(frame), () => true]) {
      for (const frame of this.frames.keys()) {
        if (this.frames.size <= this.most) return;
        if (isFree(frame)) this.frames.delete(frame);
      }
    }
  }

  close() {
    this.worker.terminate();
    this.frames.clear();
  }
}
