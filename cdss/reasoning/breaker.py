"""A language model that fails time after time is left alone for a while: nobody waits for what does not come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cdss.reasoning.errors import Kind, WriterError

FAILURES = 5
PAUSE_SECONDS, LONGEST_PAUSE = 60.0, 600.0
# What says that the model or its server does not work; the rest is the matter of one request or of the settings.
FAILING: frozenset[Kind] = frozenset({"unreachable", "timeout", "busy", "garbage", "truncated", "redirected"})


@dataclass(slots=True)
class _State:
    failures: int = 0
    pause: float = PAUSE_SECONDS
    until: float = 0.0


@dataclass(slots=True)
class Breaker:
    """Of one process. After so many failures in a row nothing is asked until a pause is over; then one request tries,
    and what becomes of it ends the pause or doubles it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    states: dict[str, _State] = field(default_factory=dict)

    def is_open(self, spec: str) -> bool:
        with self.lock:
            state = self.states.get(spec)
            return state is not None and state.failures >= FAILURES and time.monotonic() < state.until

    @contextmanager
    def guarded(self, spec: str) -> Iterator[None]:
        """Raises WriterError (paused) where the model is not to be asked; notes what comes of asking."""
        self._enter(spec)
        try:
            yield
        except WriterError as error:
            if error.kind in FAILING:
                self._failed(spec)
            raise
        else:
            with self.lock:
                self.states.pop(spec, None)

    def _enter(self, spec: str) -> None:
        with self.lock:
            state = self.states.get(spec)
            if state is None or state.failures < FAILURES:
                return
            if time.monotonic() < state.until:
                raise WriterError("paused")
            # The one that tries; the others wait for what becomes of it.
            state.until = time.monotonic() + state.pause

    def _failed(self, spec: str) -> None:
        with self.lock:
            state = self.states.setdefault(spec, _State())
            state.failures += 1
            if state.failures > FAILURES:
                state.pause = min(2 * state.pause, LONGEST_PAUSE)
            if state.failures >= FAILURES:
                state.until = time.monotonic() + state.pause

    def forget(self) -> None:
        with self.lock:
            self.states.clear()


BREAKER = Breaker()
