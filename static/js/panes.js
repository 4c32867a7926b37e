// Panes on small screens: the evidence drawer, and the three tabs.
const DRAWER = matchMedia("(min-width: 700px) and (max-width: 1099px)");
const TABS = matchMedia("(max-width: 699px)");

const evidencePane = () => document.getElementById("pane-evidence");

export const draw = (open) => {
  evidencePane().toggleAttribute("data-drawn", open);
  for (const button of document.querySelectorAll("[data-drawer][aria-expanded]")) button.setAttribute("aria-expanded", String(open));
};

export const showPane = (name) => {
  document.querySelector(".panes").dataset.shown = name;
  for (const button of document.querySelectorAll("[data-pane]")) {
    button.setAttribute("aria-pressed", String(button.dataset.pane === name));
  }
};

export const reveal = (element) => {
  const pane = element.closest(".pane");
  if (!pane) return;
  if (TABS.matches) showPane(pane.id.replace("pane-", ""));
  if (DRAWER.matches && pane === evidencePane()) draw(true);
};

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-pane]");
  if (tab) {
    showPane(tab.dataset.pane);
    scrollTo(0, 0);
  }
  if (event.target.closest("[data-drawer]")) {
    const open = !evidencePane().hasAttribute("data-drawn");
    draw(open);
    (open ? evidencePane() : document.querySelector(".drawer-button")).focus();
  }
  const inner = event.target.closest('a[href^="#"]:not([data-span])');
  const target = inner && document.getElementById(inner.hash.slice(1));
  if (!target) return;
  for (let folded = target.closest("details"); folded; folded = folded.parentElement.closest("details")) folded.open = true;
  reveal(target);
});

document.addEventListener("keydown", (event) => {
  const open = DRAWER.matches && evidencePane()?.hasAttribute("data-drawn");
  if (event.key === "Escape" && open && !document.querySelector("dialog[open]")) {
    draw(false);
    document.querySelector(".drawer-button").focus();
  }
});
