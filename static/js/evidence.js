// The evidence pane: filter by kind, fold and unfold, and the keys j, k and 1 to 9.
import { typing } from "./app.js";
import { reveal } from "./panes.js";

const cards = () => [...document.querySelectorAll("article.evidence:not([hidden])")];

export const unfold = (card, mark) => {
  const far = mark?.closest(".far") || (mark && getComputedStyle(mark).display === "none");
  if (far) open(card, true);
};

const open = (card, on) => {
  card.toggleAttribute("data-open", on);
  const button = card.querySelector("[data-unfold]");
  if (!button) return;
  button.setAttribute("aria-expanded", String(on));
  button.textContent = on ? "Only what is cited" : "Whole passage";
};

const select = (card) => {
  reveal(card);
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "start", behavior: "smooth" });
};

const step = (by) => {
  const all = cards();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement?.closest("article.evidence"));
  select(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]);
};

const filter = (kind) => {
  for (const chip of document.querySelectorAll("[data-filter]")) {
    chip.setAttribute("aria-pressed", String(chip.dataset.filter === kind));
  }
  for (const card of document.querySelectorAll("#pane-evidence [data-kind]")) {
    card.hidden = kind === "cited" ? !("cited" in card.dataset) : kind !== "" && card.dataset.kind !== kind;
  }
  const similar = document.querySelector(".similar");
  if (similar) similar.hidden = kind !== "" && kind !== "case";
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-unfold]");
  if (button) {
    const card = button.closest("article.evidence");
    open(card, !card.hasAttribute("data-open"));
  }
  const chip = event.target.closest("[data-filter]");
  if (chip) filter(chip.dataset.filter);
});

document.addEventListener("keydown", (event) => {
  if (typing(event) || document.querySelector("dialog[open]")) return;
  if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (/^[1-9]$/.test(event.key)) {
    const card = document.querySelector(`article.evidence[data-number="${event.key}"]`);
    if (card?.hidden) filter("");
    if (card) select(card);
  }
});
