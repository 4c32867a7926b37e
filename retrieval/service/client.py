"""Who asks the service: connections that are kept, and a question asked again when the service went away."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retrieval.errors import AlignmentError, EncoderBusyError, EncoderError, EncoderUnavailableError
from retrieval.service import wire
from retrieval.service.wire import Message, WireError

_LOST = (
    "The encoders do not answer at the moment. Try again in a minute; if it stays so, "
    "an administrator has to look at manage.py encoder_service."
)
_STEP, _LONGEST_STEP = 0.1, 1.0


class EncoderClient:
    """Asks the encoder service. Safe to use from several threads, and after a fork.

    Args:
        path: of its socket.
        seconds: an answer may take.
        patience: seconds to wait for a service that is not there, as while it is started again.
        busy_patience: seconds to go on asking one that has too much to do.
        kept: connections that stay open.
    """

    def __init__(
        self, path: Path, *, seconds: float = 30.0, patience: float = 3.0, busy_patience: float = 0.0, kept: int = 8
    ) -> None:
        self.path, self.seconds, self.patience, self.busy_patience = path, seconds, patience, busy_patience
        self._kept = kept
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._process = os.getpid()

    def ask(self, op: str, about: Mapping[str, Any] | None = None, payload: bytes = b"") -> Message:
        """The answer.

        Raises:
            EncoderUnavailableError: there is no service, or it goes away again and again.
            EncoderBusyError: it has too much to do, and had for as long as this one may go on asking.
            AlignmentError: text and images are not aligned.
            EncoderError: it refuses the question.
        """
        until, pause = time.monotonic() + self.busy_patience, _STEP
        while True:
            try:
                return self._asked(op, about, payload)
            except EncoderBusyError:
                if time.monotonic() + pause > until:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_STEP)

    def _asked(self, op: str, about: Mapping[str, Any] | None, payload: bytes) -> Message:
        question = Message({"op": op, "protocol": wire.PROTOCOL, "seconds": self.seconds, **(about or {})}, payload)
        deadline = time.monotonic() + self.patience
        fresh = False
        while True:
            connection = self._connection(deadline, fresh=fresh)
            try:
                found = self._exchanged(connection, question)
            except TimeoutError as error:
                connection.close()
                raise EncoderBusyError("The encoders take too long. Try again in a moment.") from error
            except WireError as error:
                connection.close()
                if fresh or len(payload) > wire.PAYLOAD_LIMIT:
                    raise EncoderError(f"The encoder service cannot be asked this: {error}") from error
            except OSError as error:
                connection.close()
                if fresh and time.monotonic() + _STEP > deadline:
                    raise EncoderUnavailableError(_LOST) from error
                if fresh:
                    # The next one may be lost as well: a service that is ending still has its door open.
                    time.sleep(_STEP)
            else:
                self._keep(connection)
                return _checked(found)
            # A vector is made of the question alone: asking again does nothing twice. Idle connections are as dead.
            self.close()
            fresh = True

    def close(self) -> None:
        """Closes what is kept open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchanged(self, connection: socket.socket, question: Message) -> Message:
        connection.settimeout(self.seconds)
        wire.send(connection, question)
        found = wire.receive(connection, idle=self.seconds, whole=self.seconds)
        if found is None:
            raise ConnectionResetError("closed")
        return found

    def _connection(self, deadline: float, *, fresh: bool) -> socket.socket:
        with self._lock:
            if self._process != os.getpid():
                # They are the other process's, which may be in the middle of a message.
                self._idle, self._process = [], os.getpid()
            if self._idle and not fresh:
                return self._idle.pop()
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(1.0)
                connection.connect(str(self.path))
                return connection
            except OSError as error:
                connection.close()
                if time.monotonic() + _STEP > deadline:
                    raise EncoderUnavailableError(_LOST) from error
                time.sleep(_STEP)

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            if len(self._idle) < self._kept:
                self._idle.append(connection)
                return
        connection.close()


def _checked(found: Message) -> Message:
    kind = found.header.get("error")
    if kind is None:
        return found
    text = str(found.header.get("text", ""))
    if kind == "busy":
        raise EncoderBusyError(text)
    if kind == "alignment":
        raise AlignmentError(text)
    raise EncoderError(text)
