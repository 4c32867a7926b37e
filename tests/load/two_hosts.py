"""Two hosts on one PostgreSQL, each in a network namespace of its own; one is cut off and comes back.

python -m tests.load.two_hosts [--seconds 90] [--cut 20] [--json FILE]     needs root and the `ip` command

Each host serves the site with VECTOR_BACKEND=pgvector and a CDSS_HOME of its own, and somebody on it works: searches,
opens what there is, starts consultations. Told at the end: what either host answered before, during and after the cut,
how soon the cut one was back, and whether anything that was acknowledged is missing.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.load.run import ROOT, environment_of, events
from tests.postgres import postgres

NAMES = ("a", "b")
PORT = 8000
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
FINDINGS = "A well-circumscribed 2 cm nodule with popcorn calcification in the left lower lobe."


class Answer(NamedTuple):
    """When it was asked and answered, in seconds from the start, what, and the status; 0 is no answer at all."""

    at: float
    until: float
    what: str
    status: int
    consultation: str = ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def work(site: Path, seconds: float, out: Path) -> None:
    """Runs inside a host: one person who asks for something all the time."""
    known = json.loads(site.read_text())
    base = f"http://127.0.0.1:{PORT}"
    opener = urllib.request.build_opener(_NoRedirect)
    cookies = {known["cookie"]: known["sessions"][0]}
    began, answers = time.monotonic(), []

    def ask(what: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        request = urllib.request.Request(base + path, data, {"Cookie": cookie, "Referer": base + path})
        at = time.monotonic() - began
        try:
            answer = opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError:
            answers.append(Answer(at, time.monotonic() - began, what, 0))
            return 0, "", ""
        body = answer.read().decode(errors="replace")
        for header in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = header.split(";")[0].partition("=")
            cookies[name] = value
        place = answer.headers.get("Location", "")
        answers.append(Answer(at, time.monotonic() - began, what, answer.status, place if form else ""))
        return answer.status, body, place

    turn = 0
    while time.monotonic() - began < seconds:
        turn += 1
        ask("search", f"/library/?q=nodule+{turn}")
        ask("case", f"/library/cases/{known['cases'][turn % len(known['cases'])]}/")
        _, body, _ = ask("form", "/consultations/new/")
        if found := TOKEN.search(body):
            ask("consult", "/consultations/new/", {"csrfmiddlewaretoken": found[1], "findings": FINDINGS, "age": "60"})
        time.sleep(0.2)
    out.write_text(json.dumps(answers))


@contextmanager
def hosts() -> Iterator[None]:
    """Namespaces cdss-a and cdss-b, each with a cable to this one: 10.77.1.2 and 10.77.2.2."""
    try:
        for number, name in enumerate(NAMES, 1):
            for command in (
                f"netns add cdss-{name}",
                f"link add cdss-{name}0 type veth peer name cdss-{name}1",
                f"link set cdss-{name}1 netns cdss-{name}",
                f"addr add 10.77.{number}.1/24 dev cdss-{name}0",
                f"link set cdss-{name}0 up",
                f"-n cdss-{name} addr add 10.77.{number}.2/24 dev cdss-{name}1",
                f"-n cdss-{name} link set cdss-{name}1 up",
                f"-n cdss-{name} link set lo up",
            ):
                _ip(command)
        yield
    finally:
        for name in NAMES:
            _ip(f"netns del cdss-{name}", check=False)
            _ip(f"link del cdss-{name}0", check=False)


def _ip(words: str, *, check: bool = True) -> None:
    subprocess.run(["ip", *words.split()], check=check, capture_output=not check)


class Door(threading.Thread):
    """PostgreSQL of the tests listens on a Unix socket alone: hands on what comes from the hosts."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.path, self.ready = path, threading.Event()

    def run(self) -> None:
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        servers = [
            await asyncio.start_server(self._hand_on, f"10.77.{number}.1", 5432) for number in range(1, len(NAMES) + 1)
        ]
        self.ready.set()
        await asyncio.gather(*(server.serve_forever() for server in servers))

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # As a server of PostgreSQL is set up for a network: who does not answer is gone.
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        inward, outward = await asyncio.open_unix_connection(self.path)
        await asyncio.gather(_copy(reader, outward), _copy(inward, writer), return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@contextmanager
def serving(name: str, environment: dict[str, str], log: Path) -> Iterator[None]:
    command = ["ip", "netns", "exec", f"cdss-{name}", sys.executable, "manage.py", "serve"]
    with log.open("wb") as file:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)
    try:
        script = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/accounts/sign-in/', timeout=5)"
        ask = ["ip", "netns", "exec", f"cdss-{name}", sys.executable, "-c", script]
        for _ in range(120):
            if subprocess.run(ask, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.5)
        else:
            raise RuntimeError(f"host {name} did not start: {log.read_text()[-2000:]}")
        yield
    finally:
        server.terminate()
        server.wait(60)


def run(seconds: float, cut: float) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cdss-hosts-")))
        url = stack.enter_context(postgres())
        data = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["host"][0]
        stack.enter_context(hosts())
        door = Door(f"{data}/.s.PGSQL.5432")
        door.start()
        door.ready.wait(10)
        homes = {name: folder / name for name in NAMES}
        environments = {
            name: environment_of(homes[name], f"postgresql://postgres@10.77.{number}.1/postgres", PORT)
            | {"VECTOR_BACKEND": "pgvector"}
            for number, name in enumerate(NAMES, 1)
        }
        here = environments["a"] | {"DATABASE_URL": url}
        for program in (["manage.py", "setup_site"], ["-m", "tests.load.prepare", "2", f"{folder}/site.json"]):
            subprocess.run([sys.executable, *program], cwd=ROOT, env=here, check=True, stdout=subprocess.DEVNULL)
        # What hosts need alike: keys and models.
        shutil.copytree(homes["a"], homes["b"], ignore=shutil.ignore_patterns("*.sock", "indexes"))
        for name in NAMES:
            stack.enter_context(serving(name, environments[name], folder / f"{name}.log"))
        answers = _worked(folder, seconds, cut)
        started = seconds / 3
        kept = _consultations(here)
        trail = events(here)
        logs = {name: (folder / f"{name}.log").read_text(errors="replace") for name in NAMES}
    acknowledged = {one.consultation for found in answers.values() for one in found if one.consultation}
    return {
        "seconds": seconds, "cut": cut,
        "hosts": {name: _told(found, started, started + cut) for name, found in answers.items()},
        "back_after_s": _back_after(answers["b"], started + cut),
        "acknowledged": len(acknowledged),
        "lost": sorted(acknowledged - kept),
        "consultations_started_events": trail.get("consultation.started", 0),
        "trail_holds": trail["holds"],
        "tracebacks": {name: log.count("Traceback") for name, log in logs.items()},
    }  # fmt: skip


def _worked(folder: Path, seconds: float, cut: float) -> dict[str, list[Answer]]:
    command = [sys.executable, "-m", "tests.load.two_hosts", "--work", f"{folder}/site.json", "--seconds", str(seconds)]
    workers = [
        subprocess.Popen(["ip", "netns", "exec", f"cdss-{name}", *command, "--json", f"{folder}/{name}.json"], cwd=ROOT)
        for name in NAMES
    ]
    time.sleep(seconds / 3)
    _ip("link set cdss-b0 down")
    time.sleep(cut)
    _ip("link set cdss-b0 up")
    for worker in workers:
        worker.wait(seconds + 120)
    return {name: [Answer(*values) for values in json.loads((folder / f"{name}.json").read_text())] for name in NAMES}


def _consultations(environment: dict[str, str]) -> set[str]:
    script = (
        "import json, django; django.setup()\nfrom cdss.consultations.models import Consultation\n"
        "print(json.dumps([each.get_absolute_url() for each in Consultation.objects.all()]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def _told(answers: Sequence[Answer], start: float, end: float) -> dict[str, Any]:
    parts: dict[str, list[Answer]] = {"before": [], "cut": [], "after": []}
    for one in answers:
        parts["before" if one.until < start else "cut" if one.at < end else "after"].append(one)
    return {
        name: {
            "requests": len(found),
            "worked": sum(0 < one.status < 400 for one in found),
            "said_unreachable": sum(one.status == 503 for one in found),
            "otherwise": sorted({one.status for one in found if not 0 < one.status < 400 and one.status != 503}),
            "longest_s": round(max((one.until - one.at for one in found), default=0.0), 1),
        }
        for name, found in parts.items()
    }


def _back_after(answers: Sequence[Answer], end: float) -> float | None:
    """Seconds from the moment the cable was back to the first answer from the database."""
    return next((round(one.until - end, 1) for one in answers if one.until > end and 0 < one.status < 400), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--cut", type=float, default=20)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--work", metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(Path(arguments.work), arguments.seconds, Path(arguments.json))
        return 0
    if os.geteuid() != 0 or shutil.which("ip") is None:
        print("Network namespaces need root and the ip command (Debian's iproute2).", file=sys.stderr)
        return 2
    found = run(arguments.seconds, arguments.cut)
    print(json.dumps(found, indent=1))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=1))
    whole = all(part["otherwise"] == [] for host in found["hosts"].values() for part in host.values())
    alone = found["hosts"]["a"]["cut"]
    good = whole and alone["worked"] == alone["requests"] and not found["lost"] and found["trail_holds"]
    return 0 if good and found["back_after_s"] is not None else 1


if __name__ == "__main__":
    sys.exit(main())
