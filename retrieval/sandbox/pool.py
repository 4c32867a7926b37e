"""The door to the children: threads of one process share a few of them, each has one at a time."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import ReaderFailedError, ReadersBusyError, UnreadableError
from retrieval.sandbox.nursery import FORK, KILL, NUMBER
from retrieval.sandbox.protocol import MOST_DESCRIPTORS, ClosedError, Part, receive, send
from retrieval.sandbox.sources import Source, descriptor_of
from retrieval.sandbox.spending import Spending

ROOT = Path(__file__).resolve().parents[2]
# The child's own clock comes first; this is for one that has stopped altogether.
GRACE = 5.0
START_SECONDS = 60.0
# A child that nobody needed for so long is let go.
IDLE_SECONDS = 120.0
FAILED = (
    "This file cannot be read: it is damaged, or reading it took more memory or time than one file may take. "
    "Export it again from its source, or send it in smaller parts."
)
BUSY = "Too many files are being read just now. Nothing was kept; try again in a minute."
# What a child is told of the world: nothing of the site, none of its secrets.
ENVIRONMENT = {
    "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One file to read, and what its reader is told."""

    source: Source
    args: dict[str, Any]


Answer = Part | UnreadableError


class _LostError(Exception):
    """A child that is gone."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(slots=True)
class _Child:
    connection: socket.socket
    number: int
    idle_since: float = 0.0


class Pool:
    """Children that read files with the functions of a few modules.

    Args:
        modules: where the jobs are; they are loaded once, before the children are forked, and their `warm()` is called.
        size: children at once.
        files: that one child reads before a fresh one takes its place.
        patience: seconds a file waits for its turn.
        keeps: bytes that a child may hold on to between two files: models it has loaded.
    """

    def __init__(
        self, modules: Sequence[str], *, size: int, files: int = 500, patience: float = 60.0, keeps: int = 0
    ) -> None:
        self.modules, self.size, self.files, self.patience, self.keeps = tuple(modules), size, files, patience, keeps
        # Bytes that any child has held at most, of those that lived to tell.
        self.peak = 0
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def run(self, job: str, source: Source, args: dict[str, Any], *, spending: Spending) -> Part:
        """The first part of what `job` ("module:function") makes of this file.

        Raises:
            UnreadableError: refused, with what to do; ReaderFailedError and ReadersBusyError are kinds of it.
        """
        answers = list(self.parts(job, source, args, spending=spending))
        if not answers:
            raise ReaderFailedError(FAILED)
        return answers[0]

    def parts(self, job: str, source: Source, args: dict[str, Any], *, spending: Spending) -> Generator[Part]:
        """All parts, one after the other as they are made. Raises as `run` does."""
        descriptor = descriptor_of(source)
        try:
            with closing(self._answers(job, [(args, descriptor)], spending)) as answers:
                for _, answer in answers:
                    if isinstance(answer, UnreadableError):
                        raise answer
                    yield answer
        except _LostError as error:
            raise ReaderFailedError(FAILED) from error
        finally:
            os.close(descriptor)

    def each(self, job: str, items: Sequence[Item], *, spending: Spending) -> Generator[tuple[int, Answer]]:
        """The parts of many files, each with the number of its file; in place of what cannot be read, why.

        Several files go to a child at once; one that is lost with its child costs no other.
        """
        for start in range(0, len(items), MOST_DESCRIPTORS):
            with _opened(items[start : start + MOST_DESCRIPTORS]) as (files, missing):
                yield from ((start + number, error) for number, error in missing)
                while files:
                    try:
                        for at, answer in self._answers(job, [file[1:] for file in files], spending):
                            yield start + files[at][0], answer
                        break
                    except _LostError as lost:
                        yield start + files[lost.number][0], ReaderFailedError(FAILED)
                        files = files[lost.number + 1 :]

    def warm(self) -> None:
        """Starts loading, without waiting for it."""
        with self._lock:
            self._nursery()

    def close(self) -> None:
        """Ends every child."""
        with self._lock:
            for child in self._idle:
                child.connection.close()
            self._idle.clear()
            self._let_go()

    def _begin(self) -> None:
        """As new; in a process that was forked off, too: what was inherited belongs to the other one."""
        self._lock, self._turns = threading.Lock(), threading.BoundedSemaphore(self.size)
        self._idle: list[_Child] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._commands: socket.socket | None = None

    def _answers(
        self, job: str, files: Sequence[tuple[dict[str, Any], int]], spending: Spending
    ) -> Generator[tuple[int, Answer]]:
        """By number of the file. Raises _LostError when the child is gone, with the file it was reading."""
        request = {
            "job": job, "args": [args for args, _ in files], "spending": asdict(spending), "keeps": self.keeps,
        }  # fmt: skip
        with self._turn() as turn:
            child, number = self._child(), 0
            turn.child = child
            try:
                child.connection.settimeout(spending.seconds + GRACE)
                send(child.connection, Part(request), [descriptor for _, descriptor in files])
                for number in range(len(files)):
                    for answer in _one(child.connection, spending):
                        yield number, answer
                ended, _ = receive(child.connection, most_bytes=0)
                turn.is_ready = ended.facts.get("state") == "ready"
                self.peak = max(self.peak, int(ended.facts.get("peak", 0)))
            except OSError as error:
                raise _LostError(number) from error

    @contextmanager
    def _turn(self) -> Iterator[_Turn]:
        if not self._turns.acquire(timeout=self.patience):
            raise ReadersBusyError(BUSY)
        turn = _Turn()
        try:
            yield turn
        finally:
            self._put_back(turn)
            self._turns.release()

    def _put_back(self, turn: _Turn) -> None:
        child = turn.child
        if child is None:
            return
        with self._lock:
            if turn.is_ready:
                child.idle_since = time.monotonic()
                self._idle.append(child)
                return
            child.connection.close()
            with suppress(OSError):
                if self._commands is not None:
                    self._commands.sendall(KILL + NUMBER.pack(child.number))

    def _child(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if time.monotonic() - child.idle_since < IDLE_SECONDS and not _has_said(child.connection):
                    return child
                child.connection.close()
            for attempt in (1, 2):
                try:
                    return self._born()
                except OSError as error:
                    self._let_go()
                    if attempt == 2:
                        raise ReaderFailedError(
                            f"The readers of this site do not start ({type(error).__name__}). Tell an administrator."
                        ) from error
        raise AssertionError

    def _born(self) -> _Child:
        commands = self._nursery()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(commands, [FORK], [theirs.fileno()])
            answer = commands.recv(NUMBER.size, socket.MSG_WAITALL)
            if len(answer) < NUMBER.size:
                raise ClosedError("the nursery is gone")
        except OSError:
            ours.close()
            raise
        return _Child(ours, NUMBER.unpack(answer)[0])

    def _nursery(self) -> socket.socket:
        if self._commands is not None and self._process is not None and self._process.poll() is None:
            return self._commands
        self._let_go()
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-s", "-m", "retrieval.sandbox.nursery", str(theirs.fileno())]
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and modules named in the code
                [*command, str(self.files), *self.modules],
                pass_fds=[theirs.fileno()], env=ENVIRONMENT, cwd="/", start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        ours.settimeout(START_SECONDS)
        self._commands = ours
        return ours

    def _let_go(self) -> None:
        if self._commands is not None:
            self._commands.close()
        if self._process is not None:
            try:
                self._process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._commands = self._process = None


@dataclass(slots=True)
class _Turn:
    child: _Child | None = None
    is_ready: bool = False


def _one(connection: socket.socket, spending: Spending) -> Iterator[Answer]:
    """The parts of one file, and its refusal."""
    while True:
        said, _ = receive(connection, most_bytes=spending.answer)
        state = said.facts.get("state")
        if state == "part":
            yield Part(said.facts["facts"], said.blobs)
        elif state == "done":
            return
        elif state == "refused":
            yield UnreadableError(str(said.facts["said"]))
            return
        elif state == "failed":
            yield ReaderFailedError(f"{FAILED} ({said.facts.get('kind', 'unknown')})")
            return
        else:
            raise ClosedError("not a state")


@contextmanager
def _opened(
    items: Sequence[Item],
) -> Iterator[tuple[list[tuple[int, dict[str, Any], int]], list[tuple[int, UnreadableError]]]]:
    """(number, args, descriptor) of each that can be opened, and why the others cannot."""
    files: list[tuple[int, dict[str, Any], int]] = []
    missing: list[tuple[int, UnreadableError]] = []
    try:
        for number, item in enumerate(items):
            try:
                files.append((number, item.args, descriptor_of(item.source)))
            except UnreadableError as error:
                missing.append((number, error))
        yield list(files), missing
    finally:
        for _, _, descriptor in files:
            os.close(descriptor)


def _has_said(connection: socket.socket) -> bool:
    """A child that nobody asked has said something: that it is gone."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN | select.POLLHUP)
    return bool(waiting.poll(0))
