// Similar cases beside the case: two stages, each with its strip.
import { openDialog } from "./app.js";

const pick = (side, index) => {
  const buttons = side.querySelectorAll(".strip button");
  buttons.forEach((button, place) => {
    if (place === index) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });
  const chosen = buttons[index];
  const image = side.querySelector(".stage img");
  image.src = chosen.dataset.src;
  image.alt = chosen.dataset.alt;
  const caption = side.querySelector("[data-caption]");
  if (caption) caption.textContent = chosen.dataset.caption ?? "";
};

const fill = (side, images) => {
  const strip = side.querySelector(".strip");
  strip.replaceChildren();
  images.forEach(({ src, alt, caption }, index) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const thumb = document.createElement("img");
    button.type = "button";
    Object.assign(button.dataset, { src, alt, caption });
    button.setAttribute("aria-label", alt);
    thumb.src = src;
    thumb.alt = "";
    button.append(thumb);
    button.addEventListener("click", () => pick(side, index));
    item.append(button);
    strip.append(item);
  });
  side.hidden = images.length === 0;
  strip.hidden = images.length < 2;
  if (images.length) pick(side, 0);
};

const ownImages = () => {
  const thumbs = [...document.querySelectorAll("[data-viewer] [data-thumb]")];
  const shown = document.querySelector("[data-viewer] [data-image]");
  if (thumbs.length) return thumbs.map((thumb) => ({ src: thumb.href, alt: thumb.dataset.alt, caption: "" }));
  return shown ? [{ src: shown.src, alt: shown.alt, caption: "" }] : [];
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-compare]");
  if (!button) return;
  const dialog = document.getElementById("compare");
  const card = document.querySelector(`[data-case="${CSS.escape(button.dataset.compare)}"]`);
  const others = [...card.querySelectorAll("[data-images] > li")].map((item, index) => ({
    src: item.dataset.src,
    alt: `${card.querySelector("strong").textContent}, image ${index + 1} ${item.dataset.label}`.trim(),
    caption: [item.dataset.label.trim(), item.dataset.caption].filter(Boolean).join(" · "),
  }));
  dialog.querySelector("[data-name]").textContent = card.querySelector("strong").textContent;
  fill(dialog.querySelector('[data-side="own"]'), ownImages());
  fill(dialog.querySelector('[data-side="other"]'), others);
  openDialog(dialog);
});
