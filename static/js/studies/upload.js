// Sends a study in parts, so that several hundred slices arrive with progress and none is sent in one great request.
const form = document.querySelector("[data-study-upload]");
const bar = form.querySelector("progress");
const saying = form.querySelector("[data-upload-said]");
const trouble = form.querySelector("[data-upload-trouble]");
const PART_BYTES = 24e6;
const PART_FILES = 60;
const inputs = [...form.querySelectorAll("input[type=file]")];
const csrf = form.querySelector("[name=csrfmiddlewaretoken]").value;
let dropped = [];

// A title is asked for where a draft is begun, and not where the study goes to a case that has one.
const draft = form.querySelector("[data-new-draft]");
const chosenCase = form.elements.case;
const showTitle = () => { draft.hidden = chosenCase.value !== ""; };
chosenCase.addEventListener("change", showTitle);
showTitle();

const chosen = () => [...dropped, ...inputs.flatMap((input) => [...input.files])];
const count = () => {
  const files = chosen();
  const size = files.reduce((sum, file) => sum + file.size, 0);
  trouble.textContent = "";
  saying.textContent = files.length ? `${files.length} file${files.length > 1 ? "s" : ""}, ${(size / 1e6).toFixed(1)} MB` : "";
};

const parts = (files) => {
  const made = [[]];
  let bytes = 0;
  for (const file of files) {
    if (made.at(-1).length && (bytes + file.size > PART_BYTES || made.at(-1).length >= PART_FILES)) {
      made.push([]);
      bytes = 0;
    }
    made.at(-1).push(file);
    bytes += file.size;
  }
  return made;
};

const post = (address, body, progress) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrf);
    request.upload.addEventListener("progress", (event) => progress?.(event.loaded));
    request.addEventListener("error", () => reject(new Error("The connection broke off, and nothing was read. Send the study again.")));
    request.addEventListener("load", () => {
      let found = {};
      try {
        found = JSON.parse(request.responseText);
      } catch {
        if (request.status < 400) found = { url: request.responseURL };
      }
      if (request.status < 400) resolve({ ...found, url: request.responseURL });
      else reject(new Error(found.error ?? (request.status === 413 ? request.responseText : "The site did not accept this. Reload the page and try again.")));
    });
    request.send(body);
  });

// Sent again after a failure, the study goes to the draft that was begun, and not to a second one.
const keepDraft = (to) => {
  if (!chosenCase.querySelector(`option[value="${to.case}"]`)) chosenCase.add(new Option(to.title, String(to.case)));
  chosenCase.value = String(to.case);
  showTitle();
};

const send = async () => {
  const files = chosen();
  const total = files.reduce((sum, file) => sum + file.size, 0) || 1;
  trouble.textContent = "";
  const about = new FormData();
  for (const name of ["case", "title", "visibility"]) about.append(name, form.elements[name].value);
  const to = await post(form.action || location.href, about);
  if (!to.files) throw new Error("Your session has ended. Sign in and send the study again.");
  keepDraft(to);
  let sent = 0;
  for (const part of parts(files)) {
    const body = new FormData();
    for (const file of part) body.append("files", file);
    const size = part.reduce((sum, file) => sum + file.size, 0);
    await post(to.files, body, (loaded) => {
      bar.value = Math.min(100, (100 * (sent + Math.min(loaded, size))) / total);
    });
    sent += size;
    bar.value = (100 * sent) / total;
    saying.textContent = `${Math.round((100 * sent) / total)} % sent`;
  }
  const { url } = await post(to.start, new FormData());
  location.assign(url);
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!chosen().length) {
    trouble.textContent = "Choose the files of the study first.";
    inputs[0].focus();
    return;
  }
  const button = form.querySelector("button.button-primary");
  button.disabled = true;
  bar.hidden = false;
  try {
    await send();
  } catch (error) {
    trouble.textContent = error.message;
    button.disabled = false;
    bar.hidden = true;
  }
});

for (const input of inputs) input.addEventListener("change", count);
for (const element of form.querySelectorAll("[data-with-script]")) element.hidden = false;
const walk = async (entry) => {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    for (const each of some) found.push(...(await walk(each)));
  }
  return found;
};
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", async (event) => {
  event.preventDefault();
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  for (const entry of entries) dropped.push(...(await walk(entry)));
  count();
});
