"""The service: connections, a bounded queue, and one thread that runs the models."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import stat
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from retrieval.errors import EncoderError
from retrieval.machine import resident
from retrieval.service import wire
from retrieval.service.answers import Encoders, answer, answer_texts, refusal
from retrieval.service.wire import Message, WireError

logger = logging.getLogger(__name__)
# Behind everything else: nobody waits in front of a page for it.
BULK = frozenset(("text.stored",))
MERGED = "text.queries"
LONGEST_WINDOW_MS = 5.0
# Of what is waiting, in bytes: eight large images.
QUEUED_BYTES = 8 * 32 * 1024 * 1024
_TOGETHER = 16
_BUSY = "The encoders are busy. Try again in a moment."
_PATH_LIMIT = 100


@dataclass(slots=True)
class _Work:
    question: Message
    deadline: float
    done: threading.Event = field(default_factory=threading.Event)
    answer: Message | None = None


class EncoderServer:
    """Answers questions on a Unix socket that only its owner can reach.

    Args:
        path: of the socket.
        encoders: what answers.
        queue: questions that may wait; one more is told that the service is busy.
        connections: open at once.
        window_ms: how long a question waits for others to be encoded with it, and only while several are asked at
            once; at most 5.
        patience: seconds between two bytes of a message.

    Raises:
        ValueError: a window over 5 ms, or a queue or number of connections below 1.
    """

    def __init__(
        self,
        path: Path,
        encoders: Encoders,
        *,
        queue: int = 64,
        connections: int = 128,
        window_ms: float = 2.0,
        patience: float = 10.0,
    ) -> None:
        if not 0 <= window_ms <= LONGEST_WINDOW_MS or queue < 1 or connections < 1:
            raise ValueError(f"window_ms={window_ms}, queue={queue}, connections={connections}: out of bounds.")
        self._path, self._encoders, self._limit = path, encoders, queue
        self._window, self._patience = window_ms / 1000, patience
        self._slots = threading.BoundedSemaphore(connections)
        self._changed = threading.Condition()
        self._asked: deque[_Work] = deque()
        self._bulk: deque[_Work] = deque()
        self._bytes = 0
        self._stopping = threading.Event()
        self._several = False
        self._counts = {"answered": 0, "refused": 0, "late": 0, "together": 0}
        self._started = time.monotonic()

    def run(self, ready: threading.Event | None = None) -> None:
        """Serves until `stop`.

        Raises:
            EncoderError: the socket cannot be made there, or another service has it.
        """
        with _listening(self._path) as listener:
            worker = threading.Thread(target=self._work, name="models", daemon=True)
            worker.start()
            if ready is not None:
                ready.set()
            listener.settimeout(0.2)
            while not self._stopping.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                self._take(connection)
        with self._changed:
            self._changed.notify_all()
        worker.join(self._patience)

    def stop(self) -> None:
        """No new questions; what is being encoded is still answered."""
        self._stopping.set()

    def health(self) -> dict[str, Any]:
        """Counts and sizes; nothing of what was asked."""
        with self._changed:
            queued = len(self._asked) + len(self._bulk)
        return {
            "protocol": wire.PROTOCOL,
            "pid": os.getpid(),
            "uptime_seconds": round(time.monotonic() - self._started, 1),
            "queued": queued,
            "memory_mb": resident() // (1024 * 1024),
            **self._counts,
        }

    def _take(self, connection: socket.socket) -> None:
        if not _is_ours(connection) or not self._slots.acquire(blocking=False):
            with contextlib.suppress(OSError, WireError), connection:
                connection.settimeout(1.0)
                wire.send(connection, refusal("busy", _BUSY))
            return
        threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                while not self._stopping.is_set():
                    question = wire.receive(connection, idle=None, whole=self._patience)
                    if question is None:
                        return
                    connection.settimeout(self._patience)
                    wire.send(connection, self._answered(question))
        except (OSError, WireError) as error:
            # What was asked is not logged: only that somebody sent what cannot be read, or went away.
            logger.info("a connection ended: %s", type(error).__name__)
        finally:
            self._slots.release()

    def _answered(self, question: Message) -> Message:
        if question.header.get("op") == "health":
            return Message(self.health())
        if question.header.get("protocol") != wire.PROTOCOL:
            return refusal("version", f"The encoder service speaks protocol {wire.PROTOCOL}. Start both sides anew.")
        seconds = question.header.get("seconds")
        seconds = float(seconds) if isinstance(seconds, int | float) and 0 < seconds <= 600 else 30.0
        work = _Work(question, time.monotonic() + seconds)
        if not self._queue(work):
            self._counts["refused"] += 1
            return refusal("busy", _BUSY)
        work.done.wait(seconds + self._patience)
        return work.answer or refusal("busy", _BUSY)

    def _queue(self, work: _Work) -> bool:
        size = len(work.question.payload)
        with self._changed:
            full = len(self._asked) + len(self._bulk) >= self._limit or self._bytes + size > QUEUED_BYTES
            if full or self._stopping.is_set():
                return False
            self._bytes += size
            (self._bulk if work.question.header.get("op") in BULK else self._asked).append(work)
            self._changed.notify_all()
        return True

    def _work(self) -> None:
        while True:
            group = self._next()
            if not group:
                return
            try:
                self._answer(group)
            except Exception as error:
                # A failing model must not end the service, and its message may quote the text.
                logger.error("encoding failed: %s", type(error).__name__)
                for work in group:
                    work.answer = work.answer or refusal("failed", f"Encoding failed: {type(error).__name__}.")
            finally:
                for work in group:
                    work.done.set()

    def _next(self) -> list[_Work]:
        """What is to be encoded now; empty when the service stops."""
        with self._changed:
            while not (self._asked or self._bulk):
                if self._stopping.is_set():
                    return []
                self._changed.wait(0.2)
            first = (self._asked or self._bulk).popleft()
            group = [first]
            if first.question.header.get("op") == MERGED:
                if self._several and not self._asked:
                    # While several are asked at once, the next one is on its way.
                    self._changed.wait(self._window)
                group += self._alike(first)
                self._several = len(group) > 1
            self._bytes -= sum(len(work.question.payload) for work in group)
        return group

    def _alike(self, first: _Work) -> list[_Work]:
        version = first.question.header.get("version")
        found = [
            work
            for work in self._asked
            if (work.question.header.get("op"), work.question.header.get("version")) == (MERGED, version)
        ][: _TOGETHER - 1]
        for work in found:
            self._asked.remove(work)
        return found

    def _answer(self, group: list[_Work]) -> None:
        now = time.monotonic()
        waiting = [work for work in group if work.deadline > now]
        self._counts["late"] += len(group) - len(waiting)
        for work in group:
            if work not in waiting:
                work.answer = refusal("busy", _BUSY)
        if len(waiting) > 1:
            self._counts["together"] += len(waiting)
            for work, found in zip(
                waiting, answer_texts(self._encoders, [each.question for each in waiting]), strict=True
            ):
                work.answer = found
        elif waiting:
            waiting[0].answer = answer(self._encoders, waiting[0].question)
        self._counts["answered"] += len(waiting)


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """A socket only its owner can connect to, for as long as no other service has it."""
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise EncoderError(f"{path} is too long for a socket: name a shorter path in CDSS_ENCODER_SERVICE.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.with_name(f"{path.name}.lock").open("a") as lock:
            _locked(lock, path)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                beside = path.with_name(f".{path.name}.{os.getpid()}")
                beside.unlink(missing_ok=True)
                listener.bind(str(beside))
                beside.chmod(stat.S_IRUSR | stat.S_IWUSR)
                listener.listen(64)
                # Whoever finds the name finds a service that answers.
                beside.rename(path)
                try:
                    yield listener
                finally:
                    path.unlink(missing_ok=True)
    except OSError as error:
        raise EncoderError(f"The encoder service cannot listen on {path}: {error.strerror}.") from error


def _locked(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise EncoderError(f"Another encoder service listens on {path}.") from error


def _is_ours(connection: socket.socket) -> bool:
    """Whether the other side runs as the same user, or as root."""
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return user in (os.geteuid(), 0)
