"""The child: reads one file after another, each within its own spending, and says what became of it."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from retrieval.errors import RetrievalError
from retrieval.machine import resident
from retrieval.sandbox import spending as limits
from retrieval.sandbox.protocol import ClosedError, Part, receive, send
from retrieval.sandbox.sources import File
from retrieval.sandbox.spending import MEGABYTE, Spending

Job = Callable[[dict[str, Any], File], Part | Iterator[Part]]
# A child that holds on to so much more than when it began is replaced by a fresh one.
GROWN = 192 * MEGABYTE


def serve(connection: socket.socket, *, modules: Sequence[str], files: int) -> None:
    """Answers until `files` were read, the parent is gone, or too much memory stuck to the process."""
    threads = any(getattr(importlib.import_module(module), "BEGINS_THREADS", False) for module in modules)
    limits.confine(keep=connection.fileno(), threads=threads)
    at_first = resident()
    while files > 0:
        try:
            request, descriptors = receive(connection, most_bytes=0)
        except (ClosedError, OSError):
            return
        spending = Spending(**request.facts["spending"])
        job = _job(request.facts["job"], modules)
        for args, descriptor in zip(request.facts["args"], descriptors, strict=True):
            _read(connection, job, args, descriptor, spending)
            files -= 1
        grown = resident() - at_first > GROWN + request.facts.get("keeps", 0)
        files = 0 if grown else files
        try:
            send(connection, Part({"state": "ready" if files > 0 else "leaving", "peak": limits.peak()}))
        except OSError:
            return


def _job(name: str, modules: Sequence[str]) -> Job:
    module, _, function = name.partition(":")
    if module not in modules or function.startswith("_"):
        raise LookupError(name)
    found: Job = getattr(importlib.import_module(module), function)
    return found


def _read(connection: socket.socket, job: Job, args: dict[str, Any], descriptor: int, spending: Spending) -> None:
    """Every part, then how it ended: done, refused with what to say, or failed with the kind of error alone."""
    limits.begin(spending)
    try:
        answer = job(args, File(descriptor))
        for part in [answer] if isinstance(answer, Part) else answer:
            limits.pause()
            send(connection, Part({"state": "part", "facts": part.facts}, part.blobs))
            limits.renew(spending)
        ended = {"state": "done"}
    except RetrievalError as error:
        ended = {"state": "refused", "said": str(error)[:2000]}
    except ConnectionError:
        # The parent is gone.
        raise
    except Exception as error:
        ended = {"state": "failed", "kind": type(error).__name__}
    finally:
        limits.end()
        os.close(descriptor)
    send(connection, Part(ended))
