// Citation chips: one hover state with the span they cite, the quote on hover, focus and tap, the evidence on click.
import { reveal } from "./panes.js";
import { unfold } from "./evidence.js";

const popover = document.getElementById("citation-popover");
const CAN_HOVER = matchMedia("(hover: hover)");
const LEAVE_MS = 150;
let shown = null;
let leaving = 0;

const light = (span, on) => {
  for (const chip of document.querySelectorAll(`.cite[data-span="${CSS.escape(span)}"]`)) chip.classList.toggle("lit", on);
  for (const mark of document.querySelectorAll(`mark[data-spans~="${CSS.escape(span)}"]`)) mark.classList.toggle("lit", on);
};

const put = (tag, className, text, parent) => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
};

const place = (chip) => {
  const at = chip.getBoundingClientRect();
  const box = popover.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left), innerWidth - box.width - 8);
  const below = at.bottom + 6 + box.height < innerHeight;
  popover.style.left = `${left}px`;
  popover.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - box.height - 6)}px`;
};

export const hide = () => {
  clearTimeout(leaving);
  if (!shown) return;
  light(shown.dataset.span, false);
  shown.removeAttribute("aria-describedby");
  shown = null;
  popover.hidden = true;
};

const show = (chip) => {
  clearTimeout(leaving);
  if (shown === chip) return;
  hide();
  shown = chip;
  light(chip.dataset.span, true);
  popover.replaceChildren();
  put("span", "quote", `“${chip.dataset.quote}”`, popover);
  put("p", "small muted", `${chip.textContent.trim()} · ${chip.dataset.title}`, popover);
  if (chip.dataset.warning) put("p", "small warned", chip.dataset.warning, popover);
  if (!CAN_HOVER.matches) put("button", "button button-small", "Show in the evidence", popover).type = "button";
  chip.setAttribute("aria-describedby", popover.id);
  popover.hidden = false;
  place(chip);
};

export const goTo = (chip) => {
  const card = document.getElementById(chip.dataset.span.split("-")[0]);
  if (!card) return;
  const span = chip.dataset.span;
  const mark = document.querySelector(`mark[data-spans~="${CSS.escape(span)}"]`);
  reveal(card);
  unfold(card, mark);
  hide();
  card.focus({ preventScroll: true });
  (mark ?? card).scrollIntoView({ block: "center", behavior: "smooth" });
  light(span, true);
  setTimeout(() => light(span, false), 4000);
};

document.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse") return;
  const chip = event.target.closest(".cite[data-span]");
  const mark = event.target.closest("mark[data-spans]");
  if (chip) show(chip);
  else if (popover.contains(event.target)) clearTimeout(leaving);
  else if (shown && shown !== document.activeElement) leaving = setTimeout(hide, LEAVE_MS);
  if (mark) for (const span of mark.dataset.spans.split(" ")) light(span, true);
});
document.addEventListener("pointerout", (event) => {
  const mark = event.target.closest("mark[data-spans]");
  if (mark) for (const span of mark.dataset.spans.split(" ")) light(span, false);
});
document.addEventListener("focusin", (event) => {
  const chip = event.target.closest(".cite[data-span]");
  if (chip && chip.matches(":focus-visible")) show(chip);
  else if (!popover.contains(event.target)) hide();
});
document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const chip = event.target.closest(".cite[data-span]");
  if (chip) {
    event.preventDefault();
    // Without a pointer that hovers, the first tap shows the quote and the second goes there.
    if (!CAN_HOVER.matches && shown !== chip) show(chip);
    else goTo(chip);
  } else if (shown && popover.contains(event.target)) {
    if (event.target.closest("button")) goTo(shown);
  } else hide();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});
addEventListener("scroll", (event) => {
  if (shown && !popover.contains(event.target)) hide();
}, { capture: true, passive: true });
