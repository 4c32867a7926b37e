// The list of cases: searched by the start of words, titles and diagnoses shown when asked for. All text is written as text.
(function () {
  "use strict";
  var form = document.querySelector("form.tools");
  var rows = Array.prototype.slice.call(document.querySelectorAll("[data-case]"));
  var known = new Map(window.CASES.map(function (entry) { return [String(entry.n), entry]; }));
  var query = form.elements.q;
  var answers = form.elements.answers;

  function fold(text) {
    return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  }

  function kept(value) {
    try {
      if (value === undefined) return sessionStorage.getItem("answers");
      sessionStorage.setItem("answers", value);
    } catch { /* A browser that keeps nothing for files: the next page hides again. */ }
    return null;
  }

  function update() {
    var wanted = fold(query.value);
    var found = 0;
    rows.forEach(function (row) {
      var entry = known.get(row.dataset.case);
      var words = entry.open + (answers.checked ? entry.answer + " " : "");
      var fits = wanted.every(function (word) { return words.includes(" " + word); });
      var told = row.querySelector(".told");
      row.hidden = !fits;
      told.hidden = !answers.checked;
      told.textContent = answers.checked ? entry.title : "";
      if (fits) found += 1;
    });
    form.querySelector(".count").textContent = found + " of " + rows.length + " cases";
    document.querySelector(".none").hidden = found > 0;
  }

  answers.checked = (kept() || form.dataset.answers) === "shown";
  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  query.addEventListener("input", update);
  answers.addEventListener("change", function () {
    kept(answers.checked ? "shown" : "hidden");
    update();
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "/" || event.target.closest("input")) return;
    event.preventDefault();
    query.focus();
  });
  update();
})();
