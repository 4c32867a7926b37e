// A folder to import: browsers send its files without the names they have in it, so these go along.
const choice = document.querySelector("[data-folder-choice]");
const folder = choice?.querySelector("[data-folder]");
if (folder && "webkitdirectory" in folder) {
  const names = document.querySelector("[data-folder-names]");
  choice.hidden = false;
  folder.form.addEventListener("submit", () => {
    names.value = JSON.stringify([...folder.files].map((file) => file.webkitRelativePath || file.name));
  });
}
