// Runs before the first paint, so that a reading room is never flashed white. Not a module: modules run too late.
(() => {
  const root = document.documentElement;
  const wanted = () => {
    const stored = (() => {
      try {
        return localStorage.getItem("theme");
      } catch {
        return null;
      }
    })();
    if (["light", "dark", "contrast"].includes(stored)) return stored;
    if (matchMedia("(prefers-contrast: more)").matches) return "contrast";
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  };
  const apply = () => {
    root.dataset.theme = wanted();
  };
  root.classList.add("js");
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  addEventListener("storage", apply);
  window.setTheme = (name) => {
    try {
      localStorage.setItem("theme", name);
    } catch {
      // A browser that keeps nothing still shows it until the page is left.
    }
    root.dataset.theme = name;
  };
})();
