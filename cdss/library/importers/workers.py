"""One import by several processes: each takes the rows whose source ids fall to it, so that no two meet in one item."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO
from zlib import crc32

from django.conf import settings

from cdss.library.importers.base import Read
from cdss.library.importers.run import Outcome

# What a worker writes for each row it has seen.
TICK = "+"


@dataclass(frozen=True, slots=True)
class Share:
    """The rows of one of several workers."""

    number: int
    of: int

    @classmethod
    def parse(cls, value: str) -> Share:
        """NUMBER/OF, counted from 0. Raises ValueError."""
        number, of = map(int, value.split("/"))
        if not 0 <= number < of:
            raise ValueError(value)
        return cls(number, of)

    def takes(self, read: Read) -> bool:
        """Rows of one source id fall to one worker, in their order; what cannot be read is told once."""
        if read.row is None:
            return self.number == 0
        return crc32(f"{read.row.source_name}\0{read.row.source_id}".encode()) % self.of == self.number

    def own(self, reads: Iterator[Read]) -> Iterator[Read]:
        return (read for read in reads if self.takes(read))


def import_by_workers(arguments: Sequence[str], *, workers: int, on_row: Callable[[], object]) -> Outcome:
    """Runs `import_library` with these arguments in so many processes and adds up what they did.

    A process that died leaves the outcome stopped: running it again goes on from there.
    """
    children = [_child(arguments, f"{number}/{workers}") for number in range(workers)]
    lock = threading.Lock()

    def listen(stream: IO[str]) -> None:
        for line in stream:
            if line.strip() == TICK:
                with lock:
                    on_row()

    listeners = [threading.Thread(target=listen, args=(child.stderr,), daemon=True) for child in children]
    for listener in listeners:
        listener.start()
    outcome = Outcome()
    try:
        for child in children:
            outcome.add(_outcome(child))
    finally:
        for child in children:
            child.kill()
            child.wait()
    outcome.skipped.sort(key=lambda skip: (str(skip.get("file", "")), int(skip["line"])))
    return outcome


def _child(arguments: Sequence[str], share: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "manage.py", "import_library", *arguments, "--share", share],
        cwd=settings.BASE_DIR,
        env=os.environ.copy(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _outcome(child: subprocess.Popen[str]) -> Outcome:
    said = child.stdout.read() if child.stdout else ""
    child.wait()
    try:
        return Outcome(**json.loads(said))
    except (ValueError, TypeError):
        reason = "One of the workers ended before it was done. Run it again to go on from there."
        return Outcome(stopped=True, skipped=[{"line": 0, "reason": reason}])
