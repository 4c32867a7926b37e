"""How the viewer scrolls: `python -m tests.bench_viewer` sets a site up, gives it a series, and measures in Chromium.

Prints one JSON object: for each way of drawing, frames per second of the page and of new slices while they are loaded
and when they are there, the time to the first slice, and the memory.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
ARGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--enable-precise-memory-info",
]
MAKE = """
from cdss.library.models import Case
from cdss.studies.frame_files import frame_writer
from cdss.studies.models import Series
from cdss.studies.phantom import chest_slices
with frame_writer() as (folder, writer):
    for pixels in chest_slices(slices={slices}, size={size}):
        writer.add(pixels)
facts = [dict(uid=f"2.25.{{n + 1}}", number=0, position=[0, 0, n], slope=1.0, intercept=0.0) for n in range({slices})]
print("SERIES", Series.objects.create(
    case=Case.objects.filter(synthetic=True).earliest("pk"), digest="0" * 64, study_uid="2.25.1", series_uid="2.25.2",
    modality="CT", unit="HU", plane="Axial", folder=folder, rows={size}, columns={size}, frames={slices},
    pixels="int16", row_spacing=0.7, column_spacing=0.7, orientation=[1, 0, 0, 0, 1, 0], frame_facts=facts,
    synthetic=True).pk)
"""
SCROLL = """async ([seconds, last]) => {
  const stage = document.querySelector('[data-first] [data-stage]');
  const ticks = [];
  let runs = true;
  const tick = (at) => { ticks.push(at); if (runs) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  const before = window.cdssViewer.measured()[0].painted;
  const end = performance.now() + seconds * 1000;
  let step = 1, turned = 0;
  while (performance.now() < end) {
    stage.dispatchEvent(new WheelEvent('wheel', { deltaY: 100 * step, bubbles: true, cancelable: true }));
    turned += 1;
    const { frame } = window.cdssViewer.currentReference();
    if (frame >= last) step = -1;
    if (frame <= 0) step = 1;
    await new Promise(requestAnimationFrame);
  }
  runs = false;
  const gaps = ticks.slice(1).map((at, index) => at - ticks[index]).sort((a, b) => a - b);
  const now = window.cdssViewer.measured()[0];
  const round = (value) => Math.round(value * 10) / 10;
  return {
    frames_per_second: round((1000 * gaps.length) / gaps.reduce((a, b) => a + b)),
    slices_per_second: round((now.painted - before) / seconds),
    share_shown: round((100 * (now.painted - before)) / turned),
    gap_ms_median: round(gaps[gaps.length >> 1]), gap_ms_p95: round(gaps[Math.floor(gaps.length * 0.95)]),
    gap_ms_worst: round(gaps.at(-1)), held_slices: now.frames, held_mb: round(now.held / 1048576),
    heap_mb: round((performance.memory?.usedJSHeapSize ?? 0) / 1048576),
  };
}"""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--slices", type=int, default=300)
    asked.add_argument("--size", type=int, default=512)
    asked.add_argument("--seconds", type=float, default=8)
    options = asked.parse_args()
    home = tempfile.mkdtemp(prefix="cdss-bench-")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": home, "CDSS_HTTPS": "False",
                   "CDSS_TEXT_ENCODER": "hashing", "CDSS_IMAGE_ENCODER": "hashing", "PORT": str(port)}  # fmt: skip
    environment.pop("DATABASE_URL", None)

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    server = None
    try:
        said = manage("setup_site")
        name, password = next(iter(re.findall(r"^\s+(\S*educator\S*)\s+(\S{12,})$", said, re.MULTILINE)))
        series = (
            manage("shell", "-c", MAKE.format(slices=options.slices, size=options.size)).split("SERIES ")[1].strip()
        )
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(url)
            page.get_by_label("Username").fill(name)
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_load_state()
            found = {
                way: _measured(page, f"{url}/studies/series/{series}/?surface={way}", options)
                for way in ("2d", "webgl2")
            }
            browser.close()
        print(json.dumps({"slices": options.slices, "size": options.size, "cpus": os.cpu_count(), **found}, indent=1))
    finally:
        if server:
            server.terminate()
            server.wait(timeout=30)
        shutil.rmtree(home, ignore_errors=True)


def _measured(page: Page, address: str, options: argparse.Namespace) -> dict[str, Any]:
    begun = time.monotonic()
    page.goto(address)
    page.locator(f"[data-first][data-seen='{options.slices // 2}']").wait_for(timeout=60_000)
    first = time.monotonic() - begun
    arguments = [options.seconds, options.slices - 1]
    loading = page.evaluate(SCROLL, arguments)
    held, before = 0, -1
    while held > before:
        before = held
        page.wait_for_timeout(2000)
        held = page.evaluate("window.cdssViewer.measured()[0].frames")
    return {"first_slice_s": round(first, 2), "while_loading": loading, "loaded": page.evaluate(SCROLL, arguments)}


def _wait_for(url: str) -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
