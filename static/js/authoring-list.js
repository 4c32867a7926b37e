// The list of cases: one box for what the chosen change asks for, and a button that chooses all.
const kind = document.querySelector("[data-bulk-kind]");
const OWN = ["collection", "visibility", "difficulty"];
const NOTHING = ["submit", "retire"];

const show = () => {
  const wanted = NOTHING.includes(kind.value) ? "" : OWN.includes(kind.value) ? kind.value : "text";
  for (const box of document.querySelectorAll("[data-bulk-value]")) box.hidden = box.dataset.bulkValue !== wanted;
};

if (kind) {
  kind.addEventListener("change", show);
  show();
  const all = document.querySelector("[data-choose-all]");
  all.hidden = false;
  all.addEventListener("click", () => {
    const boxes = [...document.querySelectorAll("[data-bulk] tbody [type=checkbox]")];
    const to = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = to;
  });
}
