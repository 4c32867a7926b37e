import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from cdss import lifeline
from cdss.accounts.models import Role
from cdss.management.commands import serve
from cdss.management.commands.serve import Child

HEAVY = ("torch", "faiss", "transformers", "sentence_transformers", "open_clip", "langchain", "bm25s")
AGAIN = (
    "import sys, django; django.setup(); from django.core.management import call_command; call_command('setup_site');"
    f"print('loaded', [name for name in {HEAVY!r} if name in sys.modules])"
)


@pytest.fixture
def child() -> Iterator[type[Child]]:
    made: list[Child] = []

    class Kept(Child):
        def __init__(self, *args: object) -> None:
            super().__init__("child", ["-c", *args])
            made.append(self)

    yield Kept
    for one in made:
        if one.process and one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_a_process_that_dies_is_started_again_at_longer_intervals(child, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(serve.time, "monotonic", lambda: now[0])
    one = child("raise SystemExit(1)")
    one.start()
    starts = []
    for _ in range(100):
        now[0] += 1
        one.process.wait()
        if one.restart_when_due():
            starts.append(now[0])
    assert starts == [1, 3, 7, 15, 31, 61, 91]


def test_the_encoder_service_is_started_first_where_there_is_one(settings) -> None:
    settings.ENCODER_SERVICE = "/run/e.sock"
    assert [child.name for child in serve.background(0)] == ["encoder service", "worker", "index worker"]
    settings.ENCODER_SERVICE = ""
    assert [child.name for child in serve.background(0)] == ["worker", "index worker"]


def test_each_process_of_the_web_server_has_a_name_and_the_same_socket() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        one, two = serve.web_servers(2, listener, 7)
        assert (one.name, two.name, one.inherits) == ("web server 1", "web server 2", (listener.fileno(), 7))
        assert one.command == two.command
        assert [child.name for child in serve.web_servers(1, listener, 7)] == ["web server"]


@pytest.mark.parametrize("ignores", [False, True], ids=["asked", "killed"])
def test_a_process_ends_when_the_line_to_its_parent_is_cut(ignores: bool) -> None:
    reading, writing = os.pipe()
    script = (
        "import signal, sys, threading\nfrom cdss import lifeline\nlifeline.GRACE_SECONDS = 0.1\n"
        + ("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if ignores else "")
        + "lifeline.hold()\nprint(lifeline.VARIABLE in __import__('os').environ, flush=True)\nthreading.Event().wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], env=os.environ | {lifeline.VARIABLE: str(reading)}, pass_fds=[reading],
        stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR,
    ) as process:  # fmt: skip
        os.close(reading)
        assert process.stdout.readline() == "False\n"
        assert process.poll() is None
        os.close(writing)
        assert process.wait(30) == -(signal.SIGKILL if ignores else signal.SIGTERM)


def test_a_process_that_serve_did_not_start_holds_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(lifeline.VARIABLE, raising=False)
    before = threading.active_count()
    lifeline.hold()
    assert threading.active_count() == before


def test_the_line_is_taken_away_with_what_held_it() -> None:
    with serve.kept_line() as line:
        assert os.environ[lifeline.VARIABLE] == str(line)
        assert os.get_inheritable(line) is False
    assert lifeline.VARIABLE not in os.environ
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(line)


def test_a_process_that_runs_is_left_alone(child) -> None:
    one = child("import time; time.sleep(60)")
    one.start()
    one.started -= 1000
    assert not one.restart_when_due()


def test_a_process_that_does_not_stop_is_killed(child) -> None:
    one = child(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    one.process = subprocess.Popen(one.command, stdout=subprocess.PIPE)
    one.process.stdout.readline()
    one.ask_to_stop()
    one.stop(time.monotonic() + 0.2)
    assert one.process.returncode == -signal.SIGKILL
    one.process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listed(pid: int) -> list[list[str]]:
    told = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid=,args="], capture_output=True, text=True, check=False)
    return [line.strip().split(None, 1) for line in told.stdout.splitlines()]


def children(pid: int) -> dict[str, int]:
    return {
        "index" if "--queue" in args else "worker" if "worker" in args else "web": int(pid) for pid, args in listed(pid)
    }


def descendants(pid: int) -> set[int]:
    below = {int(child) for child, _ in listed(pid)}
    return below.union(*map(descendants, below))


def is_running(pid: int) -> bool:
    """Neither gone nor only waiting for somebody to note that it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.e2e
def test_a_new_site_is_set_up_and_served(tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {
        "CDSS_HOME": str(tmp_path / "home"),
        "DJANGO_SETTINGS_MODULE": "cdss.settings",
        "CDSS_HTTPS": "False",
        "CDSS_TEXT_ENCODER": "hashing",
        "CDSS_IMAGE_ENCODER": "hashing",
        "PORT": str(port),
    }
    environment.pop("DATABASE_URL", None)
    manage = [sys.executable, "manage.py"]
    common = {"cwd": settings.BASE_DIR, "env": environment, "text": True}
    first = subprocess.run([*manage, "setup_site"], **common, capture_output=True, check=True)
    assert len(re.findall(r"^  demo-\w+ +\w{16}$", first.stdout, re.MULTILINE)) == len(Role)

    started = time.monotonic()
    again = subprocess.run([sys.executable, "-c", AGAIN], **common, capture_output=True, check=True)
    assert "loaded []" in again.stdout
    log = tmp_path / "log"
    with log.open("w") as out:
        server = subprocess.Popen([*manage, "serve"], **common, stdout=out, stderr=out)
    try:
        wait_for(lambda: "Ready:" in log.read_text())
        assert time.monotonic() - started < 15
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).read()
        assert b"Sign in" in page

        taken = subprocess.run([*manage, "serve"], **common, capture_output=True, check=False)
        assert taken.returncode == 1
        assert f"Port {port} on 127.0.0.1 cannot be used" in taken.stderr

        worker = children(server.pid)["worker"]
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: children(server.pid).get("worker", worker) != worker)
        assert "The worker ended and was started again." in log.read_text()
        os.kill(children(server.pid)["web"], signal.SIGKILL)
        assert b"Sign in" in urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).read()
        assert "The web server ended and was started again." in log.read_text()
        family = children(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    assert server.returncode == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in family.values())

    several = environment | {"CDSS_WEB_PROCESSES": "2", "CDSS_ENCODER_SERVICE": "auto"}
    with log.open("w") as out:
        server = subprocess.Popen([*manage, "serve"], **common | {"env": several}, stdout=out, stderr=out)
    family = set()
    try:
        wait_for(lambda: "Ready:" in log.read_text())
        family = descendants(server.pid)
        assert sum("cdss.web" in args for _, args in listed(server.pid)) == 2
        assert sum("encoder_service" in args for _, args in listed(server.pid)) == 1
        server.kill()
        server.wait(30)
        wait_for(lambda: not any(is_running(pid) for pid in family))
    finally:
        server.kill()
        for pid in family:
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)
