"""A site of its own under load: python -m tests.load.run [--users 50] [--minutes 1] [--database sqlite] [--faults].

Needs locust (`make load` puts it where PYTHONPATH of the child points). Prints the figures, and as JSON with --json.
"""

import argparse
import csv
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tests.postgres import postgres

ROOT = Path(__file__).resolve().parent.parent.parent
# What is asked and the event it has to leave.
EVENTS = {
    "case": "library.viewed", "document": "library.viewed", "search": "library.listed",
    "consultation": "consultation.viewed", "consult": "consultation.started",
    "consult with an image": "consultation.started",
}  # fmt: skip
FAULT_SECONDS = 20


def environment_of(home: Path, url: str, port: int) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "CDSS_HOME")}
    defaults = {"CDSS_TEXT_ENCODER": "hashing", "CDSS_IMAGE_ENCODER": "hashing", "CDSS_RELEVANCE_FLOOR": "0.05"}
    fixed = {
        "DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": str(home), "CDSS_HTTPS": "False", "PORT": str(port),
        "CDSS_OCR": "never", "OMP_NUM_THREADS": "1", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    return {**defaults, **inherited, **fixed, **({"DATABASE_URL": url} if url else {})}


@contextmanager
def serving(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=file, stderr=file
        )
        try:
            url = f"http://127.0.0.1:{environment['PORT']}/accounts/sign-in/"
            for _ in range(240):
                try:
                    urllib.request.urlopen(url, timeout=5).read()
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                raise RuntimeError(f"the site did not start: {log.read_text()[-2000:]}")
            yield server
        finally:
            server.terminate()
            server.wait(60)


def children(pid: int) -> dict[str, int]:
    """The processes of the site by what they do."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or f"\nPPid:\t{pid}\n" not in (entry / "status").read_text():
                continue
            command = (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        queue = command[command.index("--queue") + 1] if "--queue" in command else "default"
        found["web" if "cdss.web" in command else f"worker {queue}"] = int(entry.name)
    return found


def memory(pid: int) -> float:
    """MB of its own: what it shares with others counts by its share."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


class Faults(threading.Thread):
    """Every so often one of them: a worker killed, the newest index damaged, the index gone."""

    def __init__(self, server: subprocess.Popen[bytes], home: Path) -> None:
        super().__init__(daemon=True)
        self.server, self.home = server, home
        self.ended = threading.Event()
        self.done: list[str] = []

    def run(self) -> None:
        rng = random.Random(5)
        while not self.ended.wait(FAULT_SECONDS):
            act = rng.choice((self.kill, self.damage))
            if said := act(rng):
                self.done.append(said)

    def kill(self, rng: random.Random) -> str:
        workers = {name: pid for name, pid in children(self.server.pid).items() if name.startswith("worker")}
        if not workers:
            return ""
        name = rng.choice(sorted(workers))
        os.kill(workers[name], 9)
        return f"{name} killed"

    def damage(self, rng: random.Random) -> str:
        files = sorted(self.home.glob("indexes/0*/*.npy"))
        if not files:
            return ""
        path = files[-1]
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1
        path.write_bytes(data)
        return "index damaged"


def loaded(arguments: argparse.Namespace, environment: dict[str, str], folder: Path) -> dict[str, Any]:
    """Locust's own table, by name."""
    command = [sys.executable, "-m", "locust", "-f", "tests/load/locustfile.py", "--headless", "--only-summary",
               "-u", str(arguments.users), "-r", str(max(1, arguments.users // 10)),
               "-t", f"{round(arguments.minutes * 60)}s", "--host", f"http://127.0.0.1:{environment['PORT']}",
               "--csv", str(folder / "load"), "--exit-code-on-error", "0"]  # fmt: skip
    children_of = {
        **environment,
        "PYTHONPATH": os.environ.get("CDSS_LOAD_PACKAGES", ""),
        "CDSS_LOAD_FILE": str(folder / "site.json"),
    }
    done = subprocess.run(command, cwd=ROOT, env=children_of, capture_output=True, text=True, check=False)
    table = folder / "load_stats.csv"
    if not table.exists():
        raise RuntimeError(f"locust did not run: {done.stderr[-2000:]}")
    rows = list(csv.DictReader(table.open()))
    failures = list(csv.DictReader((folder / "load_failures.csv").open()))
    return {
        "pages": {
            row["Name"]: {
                "requests": int(row["Request Count"]), "failed": int(row["Failure Count"]),
                "median_ms": _number(row["50%"]), "p95_ms": _number(row["95%"]), "p99_ms": _number(row["99%"]),
            }
            for row in rows
        },
        "failures": [f"{row['Name']}: {row['Error'][:120]} ×{row['Occurrences']}" for row in failures],
    }  # fmt: skip


def _number(text: str) -> float:
    """Of what was never asked there is no figure."""
    return float(text) if text not in ("", "N/A") else 0.0


def events(environment: dict[str, str]) -> dict[str, int]:
    script = (
        "import json, django; django.setup()\nfrom collections import Counter\nfrom cdss.audit.models import Event\n"
        "from cdss.audit.verify import verify\nfound = Counter(Event.objects.filter(actor__startswith='load-')"
        ".values_list('action', flat=True))\nprint(json.dumps({**found, 'holds': verify().holds}))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def unaudited(pages: dict[str, dict[str, Any]], kept: dict[str, int]) -> dict[str, int]:
    """Requests that worked, beyond the events they should have left."""
    asked: dict[str, int] = {}
    for name, action in EVENTS.items():
        row = pages.get(name, {"requests": 0, "failed": 0})
        asked[action] = asked.get(action, 0) + row["requests"] - row["failed"]
    return {action: count - kept.get(action, 0) for action, count in asked.items() if count > kept.get(action, 0)}


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cdss-load-")))
        url = stack.enter_context(postgres() if arguments.database == "postgresql" else nullcontext(""))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            environment = environment_of(folder / "home", url, free.getsockname()[1])
        if arguments.site:
            shutil.copytree(arguments.site, folder / "home")
        prepared = ["-m", "tests.load.prepare", str(arguments.users), f"{folder}/site.json"]
        programs = (["manage.py", "migrate" if arguments.site else "setup_site"], prepared)
        for program in programs:
            subprocess.run([sys.executable, *program], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        began = os.getloadavg()[0]
        with serving(environment, folder / "serve.log") as server:
            if arguments.warm:
                loaded(argparse.Namespace(**{**vars(arguments), "minutes": arguments.warm}), environment, folder)
            before = {name: memory(pid) for name, pid in children(server.pid).items()}
            faults = Faults(server, folder / "home") if arguments.faults else None
            if faults:
                faults.start()
            kept_before = events(environment)
            found = loaded(arguments, environment, folder)
            if faults:
                faults.ended.set()
                faults.join()
            after = {name: memory(pid) for name, pid in children(server.pid).items()}
            kept = events(environment)
        log = (folder / "serve.log").read_text(errors="replace")
    holds = bool(kept.pop("holds"))
    kept_before.pop("holds")
    grown = {action: count - kept_before.get(action, 0) for action, count in kept.items()}
    return {
        "users": arguments.users, "minutes": arguments.minutes, "database": arguments.database,
        "machine_load": {"before": round(began, 1), "after": round(os.getloadavg()[0], 1)},
        **found,
        "memory_mb": {name: [round(before[name], 1), round(after.get(name, 0.0), 1)] for name in sorted(before)},
        "faults": faults.done if faults else [],
        "unaudited": unaudited(found["pages"], grown), "trail_holds": holds,
        "locked_shown": log.count("database is locked"),
    }  # fmt: skip


def show(found: dict[str, Any]) -> None:
    print(f"{found['users']} users, {found['minutes']:g} min, {found['database']}, load of the machine "
          f"{found['machine_load']['before']} → {found['machine_load']['after']}")  # fmt: skip
    print(f"{'page':<24}{'requests':>9}{'failed':>8}{'median':>8}{'p95':>8}{'p99':>8}  ms")
    for name, row in found["pages"].items():
        print(f"{name:<24}{row['requests']:>9}{row['failed']:>8}{row['median_ms']:>8.0f}{row['p95_ms']:>8.0f}"
              f"{row['p99_ms']:>8.0f}")  # fmt: skip
    for name, (before, after) in found["memory_mb"].items():
        print(f"memory of {name}: {before} → {after} MB")
    print("failures:", "; ".join(found["failures"]) or "none")
    if found["faults"]:
        print("faults:", ", ".join(found["faults"]))
    print(f"requests without their event: {found['unaudited'] or 'none'}; the trail holds: {found['trail_holds']}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--warm", type=float, default=0.3, help="minutes before the figures are taken")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--site", metavar="FOLDER", help="a CDSS_HOME on SQLite: its copy is loaded, it is left alone")
    parser.add_argument("--faults", action="store_true", help="kill workers and damage the index meanwhile")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    found = run(arguments)
    show(found)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=1))
    nothing = not found["pages"].get("Aggregated", {}).get("requests")
    return 1 if nothing or found["failures"] or found["unaudited"] or not found["trail_holds"] else 0


if __name__ == "__main__":
    sys.exit(main())
