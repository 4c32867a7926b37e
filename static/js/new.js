// A new consultation: images from anywhere on the page, with previews, in the file input the form sends.
const form = document.getElementById("case-form");
const input = document.getElementById("id_images");
const list = document.querySelector("[data-uploads]");
const trouble = document.querySelector("[data-upload-error]");
const veil = document.querySelector("[data-drop-veil]");
const SHOWN = ["image/png", "image/jpeg"];
let files = [];

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const isImage = (file) => SHOWN.includes(file.type) || /\.(dcm|dicom)$/i.test(file.name) || file.type === "" || file.type === "application/dicom";

const card = (file) => {
  const item = document.createElement("li");
  item.className = "upload";
  const frame = document.createElement("div");
  frame.className = "frame";
  if (SHOWN.includes(file.type)) {
    const image = document.createElement("img");
    image.src = URL.createObjectURL(file);
    image.alt = "";
    image.addEventListener("load", () => URL.revokeObjectURL(image.src));
    frame.append(image);
  } else frame.textContent = "DICOM";
  const name = document.createElement("p");
  name.className = "name";
  name.title = file.name;
  name.textContent = `${file.name} · ${size(file.size)}`;
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "icon-button icon-button-small";
  remove.textContent = "✕";
  remove.setAttribute("aria-label", `Remove ${file.name}`);
  remove.addEventListener("click", () => {
    set(files.filter((other) => other !== file));
    input.focus();
  });
  item.append(frame, name, remove);
  return item;
};

const set = (chosen) => {
  files = chosen;
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
  list.replaceChildren(...files.map(card));
};

const add = (chosen) => {
  const wanted = [...chosen].filter(isImage);
  const known = new Set(files.map((file) => `${file.name}/${file.size}`));
  trouble.textContent = wanted.length < chosen.length ? "Only DICOM, PNG and JPEG can be added." : "";
  set([...files, ...wanted.filter((file) => !known.has(`${file.name}/${file.size}`))]);
};

input.addEventListener("change", () => add(input.files));
const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  veil.hidden = false;
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) veil.hidden = true;
});
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  veil.hidden = true;
  add(event.dataTransfer.files);
});
addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length) add(event.clipboardData.files);
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.requestConfig?.path?.endsWith("/split/")) document.body.dispatchEvent(new Event("case-split"));
});
form.addEventListener("paste", (event) => {
  // A whole case pasted into the empty box is split at once; it can still be corrected below.
  if (event.target.name !== "paste" || event.target.value) return;
  setTimeout(() => document.querySelector('[hx-target="#case-fields"]')?.click(), 50);
});
form.addEventListener("submit", () => {
  for (const button of form.querySelectorAll(".actions-bar button")) button.setAttribute("aria-busy", "true");
});
