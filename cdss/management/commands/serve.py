import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cdss import env
from cdss.accounts.demo import demo_accounts
from cdss.management.site import MANAGE

START_SECONDS = 60
STOP_SECONDS = 10
LONGEST_PAUSE = 30.0
# Static files and images are small; what is large is streamed asynchronously.
QUIET = "ignore:StreamingHttpResponse must consume synchronous iterators"


class Child:
    """A process of ours, in a group of its own so that a key press reaches it only through us."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name, self.command = name, [sys.executable, *command]
        self.pause, self.started = 1.0, 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command, cwd=settings.BASE_DIR, process_group=0)  # noqa: S603

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def restart_when_due(self) -> bool:
        """A process that keeps dying is started at longer and longer intervals."""
        ran = time.monotonic() - self.started
        if not self.has_ended() or ran < self.pause:
            return False
        self.pause = 1.0 if ran > 2 * LONGEST_PAUSE else min(self.pause * 2, LONGEST_PAUSE)
        self.start()
        return True

    def ask_to_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def stop(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Command(BaseCommand):
    help = "Serves the site: the web server and the worker, until Ctrl-C. PORT and CDSS_HOST say where."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = env.text("CDSS_HOST", "127.0.0.1"), env.integer("PORT", 8000, low=1, high=65535)
        refuse_taken(host, port)
        web = Child("web server", web_command(host, port))
        workers = background()
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            for child in (*workers, web):
                child.start()
            if wait_until_open(host, port, web, stop):
                self.say_where(host, port)
            self.watch(web, workers, stop)
        finally:
            deadline = time.monotonic() + STOP_SECONDS
            for child in (web, *workers):
                child.ask_to_stop()
            for child in (web, *workers):
                child.stop(deadline)
        if not stop.is_set():
            raise CommandError("The web server ended by itself; its messages are above.")

    def watch(self, web: Child, workers: Sequence[Child], stop: threading.Event) -> None:
        while not stop.wait(0.5) and not web.has_ended():
            for worker in workers:
                if worker.restart_when_due():
                    self.stderr.write(f"The {worker.name} ended and was started again.")

    def say_where(self, host: str, port: int) -> None:
        scheme = "https" if settings.HTTPS else "http"
        self.stdout.write(f"\nReady: {scheme}://{host}:{port}/")
        if names := list(demo_accounts().values_list("username", flat=True)):
            self.stdout.write("Demonstration accounts: " + ", ".join(names))
            self.stdout.write(
                f"Their passwords were printed when they were made; {MANAGE} demo_passwords makes new ones."
            )
        self.stdout.write("Stop with Ctrl-C.")
        self.stdout.flush()


def background() -> list[Child]:
    """All but the web server, in the order in which they are started: the others wait for the encoders."""
    found = [Child("encoder service", ["manage.py", "encoder_service"])] if settings.ENCODER_SERVICE else []
    found += [
        Child("worker", ["manage.py", "worker"]),
        Child("index worker", ["manage.py", "worker", "--queue", "index"]),
    ]
    if settings.LLM:
        found.append(Child("language model worker", ["manage.py", "worker", "--queue", "llm"]))
    return found


def web_command(host: str, port: int) -> list[str]:
    # No access log: addresses of pages can hold what was searched for.
    command = [
        "-W",
        QUIET,
        "-m",
        "uvicorn",
        "cdss.asgi:application",
        "--host",
        host,
        "--port",
        str(port),
        "--lifespan",
        "off",
    ]
    command += ["--no-access-log", "--log-level", "warning", "--no-server-header", "--timeout-graceful-shutdown", "3"]
    # Longer than a reader thinks and than a proxy keeps a connection: none is closed while a request is on its way.
    command += ["--timeout-keep-alive", "75"]
    return [*command, "--proxy-headers" if env.boolean("CDSS_BEHIND_PROXY", False) else "--no-proxy-headers"]


def refuse_taken(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}). "
                f"Stop what listens there, or choose another: PORT={port + 1} make run"
            ) from error


def wait_until_open(host: str, port: int, web: Child, stop: threading.Event) -> bool:
    deadline = time.monotonic() + START_SECONDS
    reachable = "127.0.0.1" if host in ("0.0.0.0", "") else host  # noqa: S104
    while time.monotonic() < deadline and not web.has_ended() and not stop.wait(0.1):
        with socket.socket() as probe:
            if probe.connect_ex((reachable, port)) == 0:
                return True
    return False
