// A place on an image: clicked, or typed in percent. Typing alone does everything.
const round = (value) => Math.round(Math.min(100, Math.max(0, value)) * 10) / 10;

for (const root of document.querySelectorAll("[data-hotspot]")) {
  const stage = root.querySelector("[data-stage]");
  const spot = root.querySelector("[data-spot]");
  const put = (x, y) => {
    spot.hidden = x === "" || y === "" || Number.isNaN(Number(x)) || Number.isNaN(Number(y));
    spot.style.left = `${x}%`;
    spot.style.top = `${y}%`;
  };
  if ("shown" in root.dataset) {
    put(spot.dataset.x, spot.dataset.y);
    continue;
  }
  const x = root.querySelector("input[data-x]");
  const y = root.querySelector("input[data-y]");
  const follow = () => put(x.value, y.value);
  stage.addEventListener("click", (event) => {
    const box = stage.getBoundingClientRect();
    x.value = round(((event.clientX - box.left) / box.width) * 100);
    y.value = round(((event.clientY - box.top) / box.height) * 100);
    follow();
  });
  for (const input of [x, y]) input.addEventListener("input", follow);
  follow();
}
