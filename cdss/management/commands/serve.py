import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cdss import env, lifeline
from cdss.accounts.demo import demo_accounts
from cdss.management.site import MANAGE
from cdss.private_files import close_site
from cdss.static_files import static_files_collect

START_SECONDS = 60
STOP_SECONDS = 10
LONGEST_PAUSE = 30.0


class Child:
    """A process of ours, in a group of its own so that a key press reaches it only through us."""

    def __init__(self, name: str, command: Sequence[str], *, inherits: Sequence[int] = ()) -> None:
        self.name, self.command, self.inherits = name, [sys.executable, *command], tuple(inherits)
        self.pause, self.started = 1.0, 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter, and programs of this project
            self.command, cwd=settings.BASE_DIR, process_group=0, pass_fds=self.inherits
        )

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
    help = (
        "Serves the site: the web server and the workers, until Ctrl-C. PORT and CDSS_HOST say where, "
        "CDSS_WEB_PROCESSES how many processes answer there."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = env.text("CDSS_HOST", "127.0.0.1"), env.integer("PORT", 8000, low=1, high=65535)
        processes = env.integer("CDSS_WEB_PROCESSES", 1, low=1, high=64)
        with bound(host, port) as listener, kept_line() as line:
            self.close()
            self.name_static_files()
            web = web_servers(processes, listener, line)
            self.serve(web, background(line), host, port)

    def close(self) -> None:
        if changed := close_site():
            self.stderr.write(f"Other accounts could open {changed[0]}; now the owner of this site alone can.")

    def name_static_files(self) -> None:
        """Of the version that is about to run: `make setup` may have been left out after an update."""
        try:
            static_files_collect()
        except OSError as error:
            self.stderr.write(
                f"Files of pages cannot be kept by browsers ({error.strerror}: {error.filename}); the pages work all "
                "the same. Make room in CDSS_HOME, or let it be written to, and start again."
            )

    def serve(self, web: Sequence[Child], workers: Sequence[Child], host: str, port: int) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        try:
            for child in (*workers, *web):
                child.start()
            if wait_until_open(host, port, web, stop):
                self.say_where(host, port)
            elif have_ended(web) and not stop.is_set():
                raise CommandError("The web server did not start; its messages are above.")
            self.watch((*web, *workers), stop)
        finally:
            deadline = time.monotonic() + STOP_SECONDS
            for child in (*web, *workers):
                child.ask_to_stop()
            for child in (*web, *workers):
                child.stop(deadline)

    def watch(self, children: Sequence[Child], stop: threading.Event) -> None:
        """What ends is started again; who asks meanwhile waits, for the socket stays open."""
        while not stop.wait(0.5):
            for child in children:
                if child.restart_when_due():
                    self.stderr.write(f"The {child.name} ended and was started again.")

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


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """The socket that all processes of the web server listen on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}). "
                f"Stop what listens there, or choose another: PORT={port + 1} make run"
            ) from error
        yield listener


@contextmanager
def kept_line() -> Iterator[int]:
    """What children read to learn that this process is gone, whatever ended it: it alone could write there."""
    reading, writing = os.pipe()
    os.environ[lifeline.VARIABLE] = str(reading)
    try:
        yield reading
    finally:
        os.environ.pop(lifeline.VARIABLE, None)
        os.close(reading)
        os.close(writing)


def web_servers(processes: int, listener: socket.socket, line: int) -> list[Child]:
    names = [f"web server {number}" if processes > 1 else "web server" for number in range(1, processes + 1)]
    command = ["-m", "cdss.web", str(listener.fileno())]
    return [Child(name, command, inherits=[listener.fileno(), line]) for name in names]


def background(line: int) -> list[Child]:
    """All but the web server, in the order in which they are started: the others wait for the encoders."""
    found = [("encoder service", ["encoder_service"])] if settings.ENCODER_SERVICE else []
    found += [("worker", ["worker"]), ("index worker", ["worker", "--queue", "index"])]
    if settings.LLM:
        found.append(("language model worker", ["worker", "--queue", "llm"]))
    return [Child(name, ["manage.py", *command], inherits=[line]) for name, command in found]


def have_ended(children: Sequence[Child]) -> bool:
    return all(child.has_ended() for child in children)


def wait_until_open(host: str, port: int, web: Sequence[Child], stop: threading.Event) -> bool:
    deadline = time.monotonic() + START_SECONDS
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    while time.monotonic() < deadline and not have_ended(web) and not stop.wait(0.1):
        with socket.socket(socket.AF_INET6 if ":" in reachable else socket.AF_INET) as probe:
            if probe.connect_ex((reachable, port)) == 0:
                return True
    return False
