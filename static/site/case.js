// One case: the answer stays open where the list shows answers; images zoom, pan, invert and scroll through slices.
(function () {
  "use strict";
  var steps = [1, 1.5, 2, 3, 4, 6];
  var answer = document.querySelector("[data-answer]");

  try {
    if (sessionStorage.getItem("answers") === "shown") answer.open = true;
  } catch { /* The browser keeps nothing for files. */ }

  function start(figure) {
    var image = figure.querySelector("img");
    var stage = figure.querySelector("[data-stage]");
    var bar = figure.querySelector(".bar");
    var slider = figure.querySelector("input[type=range]");
    var zoom = 0, x = 0, y = 0, inverted = false;

    function move() {
      if (zoom === 0) x = y = 0;
      image.style.transform = zoom === 0 ? "" : "translate(" + x + "px, " + y + "px) scale(" + steps[zoom] + ")";
      image.style.filter = inverted ? "invert(1)" : "";
      stage.toggleAttribute("data-zoomed", zoom > 0);
    }

    function slice(number) {
      var at = Math.min(Math.max(number, 1), Number(figure.dataset.frames));
      slider.value = String(at);
      image.src = figure.dataset.stem + String(at - 1).padStart(4, "0") + ".png";
      bar.querySelector("output").textContent = at + " / " + figure.dataset.frames;
    }

    bar.hidden = false;
    bar.addEventListener("click", function (event) {
      var what = event.target.dataset.do;
      if (what === "in") zoom = Math.min(zoom + 1, steps.length - 1);
      if (what === "out") zoom = Math.max(zoom - 1, 0);
      if (what === "fit") zoom = 0;
      if (what === "invert") {
        inverted = !inverted;
        event.target.setAttribute("aria-pressed", String(inverted));
      }
      if (what) move();
    });
    // The link to the file itself is for the keyboard and for pages without scripts.
    stage.addEventListener("click", function (event) {
      if (event.detail > 0) event.preventDefault();
    });
    stage.addEventListener("dblclick", function () {
      zoom = zoom === 0 ? 2 : 0;
      move();
    });
    stage.addEventListener("wheel", function (event) {
      if (!slider && !event.ctrlKey) return;
      event.preventDefault();
      if (slider) slice(Number(slider.value) + Math.sign(event.deltaY));
    }, { passive: false });
    stage.addEventListener("pointerdown", function (begin) {
      if (zoom === 0) return;
      begin.preventDefault();
      stage.setPointerCapture(begin.pointerId);
      var fromX = x - begin.clientX, fromY = y - begin.clientY;
      function drag(event) {
        x = fromX + event.clientX;
        y = fromY + event.clientY;
        move();
      }
      stage.addEventListener("pointermove", drag);
      stage.addEventListener("lostpointercapture", function () { stage.removeEventListener("pointermove", drag); }, { once: true });
    });
    if (slider) slider.addEventListener("input", function () { slice(Number(slider.value)); });
  }

  document.querySelectorAll("[data-viewer]").forEach(start);
})();
