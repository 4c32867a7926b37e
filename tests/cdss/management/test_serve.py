import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

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
    assert [child.name for child in serve.background()] == ["encoder service", "worker", "index worker"]
    settings.ENCODER_SERVICE = ""
    assert [child.name for child in serve.background()] == ["worker", "index worker"]


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


def children(pid: int) -> dict[str, int]:
    listed = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid=,args="], capture_output=True, text=True, check=False)
    rows = (line.strip().split(None, 1) for line in listed.stdout.splitlines())
    return {"index" if "--queue" in args else "worker" if "worker" in args else "web": int(pid) for pid, args in rows}


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
        family = children(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    assert server.returncode == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in family.values())
