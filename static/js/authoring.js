// Writing a case: what is typed is saved a moment later; what somebody else changed meanwhile comes in.
import { startCodes } from "./codes.js";

const PAUSE = 1200;
const AGAIN = 5000;
const form = document.getElementById("manuscript-form");
const saving = document.querySelector("[data-saving]");
const trouble = document.querySelector("[data-trouble]");
const baseInput = form.querySelector("[data-base]");
const token = form.querySelector("[name=csrfmiddlewaretoken]").value;

let base = JSON.parse(baseInput.value);
const changed = new Set();
// What of a field was sent last: leaving it without a change sends nothing.
const sentLast = new Map();
// Fields of which another text waits: their base stays, so that nothing is written over it.
const contested = new Set();
let timer = 0;
let busy = false;

const controls = () => [...form.elements].filter((each) => each.name && !["hidden", "submit", "button"].includes(each.type));
const valueOf = (control) => (control.type === "checkbox" ? (control.checked ? "on" : "") : control.value);
const controlOf = (name) => controls().find((each) => each.name === name);
const setValue = (control, value) => {
  if (control.type === "checkbox") control.checked = Boolean(value);
  else control.value = value;
  control.dispatchEvent(new CustomEvent("taken-over", { bubbles: true }));
};

const say = (text) => {
  if (saving.textContent !== text) saving.textContent = text;
};

const body = (names) => {
  const data = new URLSearchParams({ csrfmiddlewaretoken: token, base: JSON.stringify(base) });
  for (const name of names) {
    const control = controlOf(name);
    if (control) data.append(name, valueOf(control));
  }
  return data;
};

const showProblem = (name, text) => {
  const place = document.querySelector(`[data-control="${CSS.escape(name)}"] [data-problem]`);
  if (place) place.textContent = text;
};

const takeOver = (answer, sent) => {
  for (const name of answer.conflicts) contested.add(name);
  for (const [name, digest] of Object.entries(answer.base)) if (!contested.has(name)) base[name] = digest;
  baseInput.value = JSON.stringify(base);
  const arrived = [];
  for (const [name, value] of Object.entries(answer.values)) {
    const control = controlOf(name);
    if (!control || contested.has(name) || name in answer.problems) continue;
    const now = valueOf(control);
    const mine = sent.get(name);
    if (mine !== undefined && now === mine && now !== value) {
      // Written as it is stored: an identifier was taken out. Not under the fingers of who is typing.
      if (document.activeElement === control) control.addEventListener("blur", () => valueOf(control) === mine && setValue(control, value), { once: true });
      else setValue(control, value);
    } else if (mine === undefined && !changed.has(name) && now !== value) {
      setValue(control, value);
      arrived.push(name);
    }
  }
  return arrived;
};

const showMeter = (answer) => {
  document.querySelector("[data-meter]").value = answer.percent;
  document.querySelector("[data-percent]").textContent = `${answer.percent} %`;
  document.querySelector("[data-missing-count]").textContent = answer.missing.length;
  document.querySelector("[data-missing]").replaceChildren(
    ...answer.missing.map(([name, why, field]) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `#${field}`;
      link.textContent = name;
      const reason = document.createElement("span");
      reason.className = "small muted";
      reason.textContent = why;
      item.append(link, document.createElement("br"), reason);
      return item;
    }),
  );
  document.querySelector("[data-references]").replaceChildren(
    ...answer.references.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
};

const told = (answer, arrived) => {
  const time = new Date().toTimeString().slice(0, 5);
  const said = [`Saved at ${time}, version ${answer.version}.`];
  const removed = Object.entries(answer.removed);
  if (removed.length) said.push(`Taken out: ${removed.map(([kind, count]) => `${count} ${kind}`).join(", ")}.`);
  if (arrived.length) said.push(`Changed by somebody else meanwhile and shown here: ${arrived.length}.`);
  if (answer.gone.length) said.push("An image was taken out meanwhile by somebody else.");
  return said.join(" ");
};

const save = async () => {
  if (busy || !changed.size) return;
  busy = true;
  const names = [...changed];
  changed.clear();
  const sent = new Map(names.map((name) => [name, controlOf(name) ? valueOf(controlOf(name)) : ""]));
  say("Saving …");
  try {
    const response = await fetch(form.action || location.pathname, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRFToken": token },
      body: body(names),
      redirect: "error",
    });
    if (response.status === 409) throw new Refused((await response.json()).refused);
    if (response.status === 423) throw new Refused("This site takes no new patient data at present.");
    if (!response.ok) throw new Error(String(response.status));
    const answer = await response.json();
    for (const [name, value] of sent) sentLast.set(name, value);
    for (const name of names) showProblem(name, answer.problems[name] ?? "");
    const arrived = takeOver(answer, sent);
    showMeter(answer);
    say(changed.size ? "Not saved yet." : told(answer, arrived));
    trouble.replaceChildren();
    if (contested.size) {
      const link = Object.assign(document.createElement("a"), { href: `${location.pathname}#conflicts`, textContent: "Choose" });
      link.addEventListener("click", (event) => {
        event.preventDefault();
        leaving = true;
        // Another address than this one: the page is asked for anew.
        location.assign(`${location.pathname}?choose=${answer.version}#conflicts`);
      });
      trouble.append("Somebody else changed the same field. Both texts are kept. ", link);
    }
  } catch (error) {
    for (const name of names) changed.add(name);
    if (error instanceof Refused) {
      say("Not saved.");
      trouble.textContent = error.message;
    } else {
      say("Not saved yet: the site does not answer. It is tried again.");
      timer = setTimeout(save, AGAIN);
    }
  } finally {
    busy = false;
    if (changed.size && !trouble.textContent) {
      clearTimeout(timer);
      timer = setTimeout(save, PAUSE);
    }
  }
};

class Refused extends Error {}
let leaving = false;

const note = (event) => {
  const control = event.target;
  if (control.form !== form || !control.name || control.type === "hidden") return;
  if (event.type === "change" && sentLast.get(control.name) === valueOf(control) && !changed.has(control.name)) return;
  changed.add(control.name);
  say("Not saved yet.");
  clearTimeout(timer);
  timer = setTimeout(save, event.type === "change" ? 200 : PAUSE);
};
document.addEventListener("input", note);
document.addEventListener("change", note);
form.addEventListener("submit", (event) => {
  // The button saves at once; without scripts the form itself is sent.
  event.preventDefault();
  clearTimeout(timer);
  if (changed.size) save();
  else say("Everything is saved.");
});
addEventListener("beforeunload", (event) => {
  if (changed.size && !leaving) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") save();
});
// Another form of the page takes it elsewhere: what is typed goes first.
document.addEventListener("submit", async (event) => {
  if (event.target === form || !changed.size || event.defaultPrevented) return;
  event.preventDefault();
  const { target, submitter } = event;
  clearTimeout(timer);
  await save();
  if (!changed.size) target.requestSubmit(submitter);
});

document.querySelector("[data-pictures]")?.addEventListener("submit", () => say("The images are taken in and looked at for text. You can go on writing."));

startCodes(form.dataset.suggest);
