// The viewer's page: tools, keys, comparison, marks. What other parts may build on is in docs/viewer.md.
import { typing } from "../app.js";
import { MarkList } from "./marklist.js";
import { said } from "./measure.js";
import { howLinked, matchingFrame } from "./linked.js";
import { Pane } from "./pane.js";

const BUDGET = 256 * 1024 * 1024;
const page = document.querySelector("[data-viewer-page]");
const find = (selector) => page.querySelector(selector);
const every = (selector) => [...page.querySelectorAll(selector)];
const csrf = page.querySelector("[name=csrfmiddlewaretoken]").value;
const panes = [];
const lists = new Map();
let active = null;
let tool = matchMedia("(pointer: coarse)").matches ? "scroll" : "window";
let linked = true;
let anchor = null;
let oneWindow = false;
let cine = 0;
let chosenMark = null;

export const currentReference = () => {
  const { meta, frame, center, width, inverted } = active;
  return { kind: meta.kind, id: meta.id, case: meta.case, frame, center, width, inverted, rows: meta.rows, columns: meta.columns };
};
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`cdss:${name}`, { detail }));
const say = (text) => {
  find("[data-said]").textContent = text;
};

// Panes
const hear = {
  tool: () => tool,
  chosen: (pane) => choose(pane),
  went: (pane) => {
    if (linked) for (const other of panes) if (other !== pane) other.go(matchingFrame(pane, other, anchor), true);
    if (pane === active) {
      showFrame();
      tell("frame", currentReference());
    }
  },
  windowed: (pane) => {
    if (oneWindow) {
      for (const other of panes) {
        if (other === pane || other.meta.unit !== pane.meta.unit || (other.center === pane.center && other.width === pane.width && other.inverted === pane.inverted)) continue;
        Object.assign(other, { center: pane.center, width: pane.width, inverted: pane.inverted, preset: other.meta.presets.findIndex((preset) => preset[1] === pane.center && preset[2] === pane.width) });
        other.draw();
      }
    }
    if (pane === active) showPreset();
  },
  viewed: (pane) => {
    if (!linked) return;
    for (const other of panes) {
      if (other === pane) continue;
      Object.assign(other, { zoom: (pane.zoom / pane.fitted) * other.fitted, x: pane.x, y: pane.y, isFitted: false });
      other.draw();
    }
  },
  drawn: (pane, mark) => {
    choose(pane);
    if (mark.kind === "box") {
      const [[x0, y0], [x1, y1]] = mark.points;
      tell("region", { ...currentReference(), box: { left: Math.min(x0, x1), top: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) } });
      return;
    }
    if (mark.kind === "text") {
      // The mark chosen before stays what it is.
      select(null);
      form.elements.label.value = "";
      fill(mark);
      find("[data-mark-form] [name=label]").focus();
      say("Write the text, then save the mark.");
      return;
    }
    select(lists.get(pane).add(mark));
  },
};

const open = async (root, address) => {
  const answer = await fetch(`${address}data/`, { headers: { Accept: "application/json" } });
  if (answer.status === 404) throw new Error("This picture is not there, or you may not open it.");
  if (!answer.ok || answer.redirected) throw new Error("This picture could not be opened. Reload the page.");
  const meta = await answer.json();
  root.dataset.frames = `${address}frames/`;
  const pane = new Pane(root, meta, { budget: BUDGET, hear });
  const list = new MarkList(`${address}marks/`, csrf, () => {
    pane.marks = list.marks;
    pane.draw();
    if (pane === active) showMarks();
  });
  lists.set(pane, list);
  panes.push(pane);
  for (const each of panes) each.store.setBudget(BUDGET / panes.length);
  root.addEventListener("focusin", () => choose(pane));
  list.load();
  return pane;
};

const choose = (pane) => {
  if (active === pane) return;
  active = pane;
  for (const each of panes) each.root.toggleAttribute("data-active", each === pane && panes.length > 1);
  const presets = find("[data-presets]");
  presets.replaceChildren(...pane.meta.presets.map(([name, center, width], index) => new Option(`${index < 9 ? `${index + 1}  ` : ""}${name} (${Number(center.toFixed(2))} / ${Number(width.toFixed(2))})`, String(index))), new Option("Set by hand", "-1"));
  showPreset();
  showMarks();
  showFrame();
};

const showPreset = () => {
  find("[data-presets]").value = String(active.preset);
  find("[data-invert]").setAttribute("aria-pressed", String(active.inverted));
};
const showFrame = () => {
  const frame = find("[data-mark-form] [name=frame]");
  frame.max = String(active.meta.frames);
  if (!chosenMark) frame.value = String(active.frame + 1);
};
const HOW = {
  length: "Drag from end to end, or click both ends.",
  angle: "Drag or click from one end to the corner, then click the other end.",
  ellipse: "Drag from corner to corner of its box, or click both.",
  arrow: "Drag from the tail to what it points at, or click both.",
  text: "Click the place.",
  box: "Drag a box.",
};
const setTool = (name) => {
  tool = name;
  say(HOW[name] ?? "");
  for (const pane of panes) {
    pane.drawing = null;
    pane.stage.dataset.tool = name;
    pane.draw();
  }
  for (const button of every("button[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
};
const setCine = (runs) => {
  clearInterval(cine);
  cine = runs && active.meta.frames > 1 ? setInterval(() => active.go((active.frame + 1) % active.meta.frames), Math.max(16, active.meta.frameTime)) : 0;
  find("[data-cine]").setAttribute("aria-pressed", String(Boolean(cine)));
};
const LINKED = {
  place: ["Linked by place", "Both scroll together, by their place in the patient."],
  distance: ["Linked by distance", "Both scroll together, by millimetres from the pair that you linked."],
  share: ["Linked by share", "Both scroll together, by their share of the stack: their slices are not parallel, or they were not taken in one space. To keep two levels together, unlink, scroll each to its place, and link again."],
};
const sayLinked = () => {
  const [first, second] = panes;
  const button = find("[data-link]");
  button.setAttribute("aria-pressed", String(linked));
  if (!second) return;
  const isOne = first.meta.frames < 2 || second.meta.frames < 2;
  const [name, words] = isOne ? ["Linked", "One of them has a single frame: zoom and place go together."] : LINKED[howLinked(first, second, anchor)];
  find("[data-link-how]").textContent = linked ? name : "Not linked";
  say(linked ? words : "Each scrolls by itself.");
};
const setLinked = (on) => {
  if (panes.length < 2) return;
  linked = on;
  anchor = on ? new Map(panes.map((pane) => [pane, pane.frame])) : null;
  sayLinked();
  if (on) hear.went(active);
};
const setOneWindow = (on) => {
  oneWindow = on;
  find("[data-same-window]").setAttribute("aria-pressed", String(on));
  if (on) hear.windowed(active);
};

const compare = async (key) => {
  const second = find("[data-second]");
  if (panes.length > 1) {
    const gone = panes.pop();
    if (lists.get(gone).unsaved.length) {
      panes.push(gone);
      say("Marks of the second picture are still being saved. Try again in a moment.");
      return;
    }
    gone.close();
    lists.delete(gone);
    panes[0].store.setBudget(BUDGET);
    choose(panes[0]);
    panes[0].root.removeAttribute("data-active");
  }
  second.hidden = !key;
  find("[data-link]").hidden = !key;
  find("[data-same-window]").hidden = true;
  linked = true;
  anchor = null;
  say("");
  find("[data-stages]").toggleAttribute("data-two", Boolean(key));
  if (!key) return;
  const [kind, id] = key.split(":");
  try {
    const pane = await open(second, `/studies/${kind}/${id}/`);
    pane.stage.dataset.tool = tool;
    second.querySelector("[data-title]").textContent = `${pane.meta.identity} · ${pane.meta.label}`;
    find("[data-same-window]").hidden = pane.meta.unit !== panes[0].meta.unit;
    setOneWindow(false);
    hear.went(panes[0]);
    sayLinked();
    return pane;
  } catch (error) {
    second.hidden = true;
    find("[data-link]").hidden = true;
    find("[data-stages]").removeAttribute("data-two");
    find("[data-compare]").value = "";
    say(error.message);
  }
};

// One that an address names may be of any case that this user may open.
const compareNamed = async (key) => {
  const choice = find("[data-compare]");
  const pane = await compare(key);
  if (!pane) return;
  if (![...choice.options].some((option) => option.value === key)) choice.add(new Option(`${pane.meta.label} · case ${pane.meta.caseLabel}`, key));
  choice.value = key;
};

// Marks
const form = find("[data-mark-form]");
const coordinates = ["x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4"].map((name) => form.elements[name]);
const NEEDED = { length: 2, angle: 3, ellipse: 2, arrow: 2, text: 1 };
// An ellipse from a file may be tilted: it is given by the ends of its two axes.
const needed = () => (chosenMark?.kind === form.elements.kind.value ? chosenMark.points.length : NEEDED[form.elements.kind.value]);
const shape = () => coordinates.forEach((input, index) => {
  const isNeeded = index < 2 * needed();
  input.closest("label").hidden = !isNeeded;
  input.required = isNeeded;
});
const fill = (mark) => {
  form.elements.kind.value = mark.kind;
  form.elements.frame.value = String(mark.frame + 1);
  form.elements.label.value = mark.label ?? "";
  mark.points.flat().forEach((value, index) => {
    coordinates[index].value = String(value);
  });
  shape();
};
const select = (mark) => {
  chosenMark = mark;
  for (const each of lists.get(active).marks) each.selected = each === mark;
  form.querySelector("[data-save]").textContent = mark ? "Save the changes" : "Add the mark";
  form.querySelector("[data-new]").hidden = !mark;
  form.elements.kind.disabled = Boolean(mark);
  if (mark) {
    fill(mark);
    active.go(mark.frame);
  }
  active.draw();
  showMarks();
};
const row = (mark) => {
  const item = document.createElement("li");
  const pick = document.createElement("button");
  pick.type = "button";
  pick.className = "mark-pick";
  if (mark.selected) pick.setAttribute("aria-current", "true");
  const words = [mark.label, said(active.valuesOf(mark), active.meta)].filter(Boolean).join(" · ");
  pick.textContent = `${mark.frame + 1} · ${mark.kind}${words ? `: ${words}` : ""}${mark.unsaved ? " · not saved yet" : ""}${mark.own === false ? " · by the author" : ""}`;
  pick.addEventListener("click", () => (mark.own === false ? active.go(mark.frame) : select(mark)));
  item.append(pick);
  if (mark.own !== false) {
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "icon-button icon-button-small";
    remove.textContent = "✕";
    remove.setAttribute("aria-label", `Delete the ${mark.kind} on frame ${mark.frame + 1}`);
    remove.addEventListener("click", () => drop(mark));
    item.append(remove);
  }
  return item;
};
const drop = async (mark) => {
  const list = lists.get(active);
  await list.remove(mark);
  if (mark === chosenMark) select(null);
  find("[data-mark-list]").querySelector("button")?.focus();
};
const showMarks = () => {
  if (!active || !lists.has(active)) return;
  const list = lists.get(active);
  const holder = find("[data-mark-list]");
  const focused = [...holder.querySelectorAll("button")].indexOf(document.activeElement);
  holder.replaceChildren(...list.marks.map(row));
  if (focused >= 0) holder.querySelectorAll("button")[focused]?.focus();
  find("[data-no-marks]").hidden = list.marks.length > 0;
  const waits = list.unsaved.length;
  find("[data-saved]").textContent = list.message || (waits ? `${waits} not saved yet` : list.marks.length ? "All saved." : "");
};

form.elements.kind.addEventListener("change", shape);
form.querySelector("[data-new]").addEventListener("click", () => {
  select(null);
  form.reset();
  shape();
  showFrame();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const kind = form.elements.kind.value;
  const points = Array.from({ length: needed() }, (_, index) => [Number(coordinates[2 * index].value), Number(coordinates[2 * index + 1].value)]);
  const content = { kind, frame: Number(form.elements.frame.value) - 1, points, label: form.elements.label.value };
  const { meta } = active;
  if (points.some(([x, y]) => x < 0 || y < 0 || x > meta.columns || y > meta.rows)) {
    say(`Coordinates lie between 0 and ${meta.columns} across, and 0 and ${meta.rows} down.`);
    return;
  }
  say("");
  const list = lists.get(active);
  if (chosenMark) list.change(chosenMark, { ...content, refused: undefined });
  else select(list.add(content));
});

// Files of marks, key images
const send = async (address, body) => {
  const answer = await fetch(address, { method: "POST", headers: { "X-CSRFToken": csrf, Accept: "application/json" }, body });
  const type = answer.headers.get("Content-Type") ?? "";
  if (answer.redirected || !type.includes("json")) throw new Error("The site did not accept this. Reload the page and try again.");
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
};
const many = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;
const taken = ({ marks, known, passed_over: left }) => {
  if (!marks.length && !known) return left ? `None was taken: ${many(left, "mark")} of this file, not of these images or of no kind that is drawn here. Open the series that it was made on.` : "This file holds no mark that is drawn here: no length, angle, ellipse, arrow or text. Nothing was taken.";
  const parts = [`${many(marks.length, "mark")} taken`, known && `${known} here already`, left && `${left} not of these images or of no kind that is drawn here`];
  return `${parts.filter(Boolean).join(", ")}.`;
};
find("[data-import]").addEventListener("change", async (event) => {
  const body = new FormData();
  body.append("file", event.target.files[0]);
  try {
    const found = await send(`/studies/${active.meta.kind}/${active.meta.id}/marks/import/`, body);
    await lists.get(active).load();
    say(taken(found));
  } catch (error) {
    say(error.message);
  }
  event.target.value = "";
});
for (const link of every("[data-export]")) {
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const { meta } = active;
    const answer = await fetch(`/studies/${meta.kind}/${meta.id}/marks/${link.dataset.export}/`);
    if (!answer.ok) {
      say(answer.status === 409 ? await answer.text() : "It could not be exported. Reload the page and try again.");
      return;
    }
    const file = document.createElement("a");
    file.href = URL.createObjectURL(await answer.blob());
    file.download = `${meta.kind}-${meta.id}-${link.dataset.export}.dcm`;
    file.click();
    setTimeout(() => URL.revokeObjectURL(file.href), 1000);
  });
}
const key = async () => {
  const { meta, frame, center, width, inverted } = panes[0];
  if (!find("[data-key]") || meta.kind !== "series") return;
  const body = new FormData();
  for (const [name, value] of Object.entries({ frame, center, width, inverted })) body.append(name, String(value));
  try {
    const found = await send(`/studies/series/${meta.id}/key/`, body);
    say(found.image ? `Frame ${frame + 1} is image ${found.position + 1} of the case now.` : `Frame ${frame + 1} is an image of the working text now. Readers see it when that has been reviewed and published.`);
  } catch (error) {
    say(error.message);
  }
};

// Buttons and keys
const IDENTITY = "viewer identity";
const showIdentity = (shown) => {
  page.toggleAttribute("data-no-identity", !shown);
  find("[data-identity-toggle]").setAttribute("aria-pressed", String(shown));
};
const setIdentity = () => {
  const shown = page.hasAttribute("data-no-identity");
  showIdentity(shown);
  localStorage.setItem(IDENTITY, shown ? "shown" : "hidden");
};
showIdentity(localStorage.getItem(IDENTITY) !== "hidden");
page.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.tool) setTool(button.dataset.tool);
  if ("invert" in button.dataset) active.invert();
  if ("fit" in button.dataset) reset();
  if (button.dataset.zoom) active.zoomBy(button.dataset.zoom === "in" ? 1.25 : 0.8);
  if ("cine" in button.dataset) setCine(!cine);
  if ("link" in button.dataset) setLinked(!linked);
  if ("sameWindow" in button.dataset) setOneWindow(!oneWindow);
  if ("key" in button.dataset) key();
  if ("identityToggle" in button.dataset) setIdentity();
});
find("[data-presets]").addEventListener("change", (event) => active.usePreset(Number(event.target.value)));
find("[data-compare]").addEventListener("change", (event) => compare(event.target.value));
const reset = () => {
  active.fit();
  hear.viewed(active);
};
const scroll = (step) => active.go(active.frame + step);
const level = (center, width) => active.setWindow(active.center + center * Math.max(active.width / 20, 0.1), active.width * width);
const nextMark = (step) => {
  const own = lists.get(active).marks.filter((mark) => mark.own !== false);
  if (own.length) select(own[(own.indexOf(chosenMark) + step + own.length) % own.length]);
};
const KEYS = {
  ArrowUp: () => scroll(-1), ArrowDown: () => scroll(1), PageUp: () => scroll(-10), PageDown: () => scroll(10),
  Home: () => active.go(0), End: () => active.go(active.meta.frames - 1), ArrowLeft: () => scroll(-1), ArrowRight: () => scroll(1),
  "shift ArrowUp": () => level(1, 1), "shift ArrowDown": () => level(-1, 1), "shift ArrowLeft": () => level(0, 1 / 1.1), "shift ArrowRight": () => level(0, 1.1),
  "alt ArrowUp": () => active.panBy(0, -20), "alt ArrowDown": () => active.panBy(0, 20), "alt ArrowLeft": () => active.panBy(-20, 0), "alt ArrowRight": () => active.panBy(20, 0),
  "+": () => active.zoomBy(1.25), "=": () => active.zoomBy(1.25), "-": () => active.zoomBy(0.8), f: reset, 0: reset,
  i: () => active.invert(), w: () => active.usePreset((active.preset + 1) % active.meta.presets.length), c: () => setCine(!cine), s: () => setLinked(!linked),
  u: () => find("[data-same-window]").hidden || setOneWindow(!oneWindow),
  v: () => find("[data-compare]").focus(), o: setIdentity, k: key, d: () => setTool("window"), p: () => setTool("pan"), z: () => setTool("zoom"), r: () => setTool("scroll"),
  l: () => setTool("length"), a: () => setTool("angle"), e: () => setTool("ellipse"), h: () => setTool("arrow"), t: () => setTool("text"),
  m: () => form.elements.kind.focus(), n: () => nextMark(1), b: () => nextMark(-1), Delete: () => chosenMark && drop(chosenMark),
  x: () => panes.length > 1 && choose(panes[1 - panes.indexOf(active)]),
};
document.addEventListener("keydown", (event) => {
  const isPicture = event.target.closest?.("[data-slider], [data-stage]");
  if (!active || document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey) return;
  // From a field back to the picture, where the keys are.
  if (event.key === "Escape" && !isPicture && page.contains(event.target) && typing(event)) {
    active.stage.focus();
    return;
  }
  if (!isPicture && typing(event) && !(event.altKey && !event.target.closest("input, textarea, select"))) return;
  if (event.key === "Escape") {
    if (active.drawing) active.drawing = null;
    else if (chosenMark) form.querySelector("[data-new]").click();
    active.draw();
    return;
  }
  const name = `${event.shiftKey && event.key.startsWith("Arrow") ? "shift " : ""}${event.altKey ? "alt " : ""}${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
  const preset = /^[1-9]$/.test(event.key) && !event.altKey ? () => active.usePreset(Number(event.key) - 1) : null;
  const act = KEYS[name] ?? preset;
  if (!act) return;
  event.preventDefault();
  act();
});
addEventListener("beforeunload", (event) => {
  if ([...lists.values()].some((list) => list.unsaved.length)) event.preventDefault();
});

const start = async () => {
  try {
    choose(await open(find("[data-first]"), page.dataset.address));
    setTool(tool);
    shape();
    panes[0].stage.focus({ preventScroll: true });
    tell("viewer", currentReference());
    const beside = new URLSearchParams(location.search).get("with") ?? "";
    if (/^(series|images):[1-9]\d{0,17}$/.test(beside)) await compareNamed(beside);
    else if (beside) say("The picture to compare with is not named as one here is: choose one under “Compare with”.");
  } catch (error) {
    say(error.message);
  }
};

// A part of the page that acts on a region brings the tool that draws one.
const regions = document.querySelector("a[data-region-action]");
find("[data-tool=box]").hidden = !document.querySelector("[data-region-action]");
if (regions) {
  document.addEventListener("cdss:region", ({ detail: { kind, id, frame, box } }) => {
    if (`${kind}/${id}` !== page.dataset.picture) say("Similar regions are looked for from the first picture: draw the box there.");
    else location.assign(`${regions.href}&${new URLSearchParams({ frame, x: box.left, y: box.top, w: box.width, h: box.height })}`);
  });
}
start();

// For measuring from outside (make bench).
export const measured = () => panes.map((pane) => ({ surface: pane.surface.name, painted: pane.painted ?? 0, held: pane.store.used, frames: pane.store.frames.size }));
window.cdssViewer = { currentReference, measured };
