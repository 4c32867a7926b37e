"""What a reader may do wrong, for the tests of the sandbox."""

import ctypes
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from retrieval.errors import UnreadableError
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File

Args = Mapping[str, Any]


def echo(args: Args, file: File) -> Part:
    data = file.whole()
    return Part({"size": len(data), "said": args.get("said")}, [data, data[::-1]])


def number(args: Args, file: File) -> Part:
    return Part({"process": os.getpid()})


def lines(args: Args, file: File) -> Iterator[Part]:
    for line in file.buffered():
        yield Part({"line": line.decode().strip()})


def refuse(args: Args, file: File) -> Part:
    raise UnreadableError("Nothing of this can be read. Send another.")


def stumble(args: Args, file: File) -> Part:
    raise KeyError("a value that nobody may see")


def crash_if_asked(args: Args, file: File) -> Part:
    if file.whole() == b"crash":
        ctypes.string_at(0)
    return echo(args, file)


def hog(args: Args, file: File) -> Part:
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))


def spin(args: Args, file: File) -> Part:
    while True:
        pass


def sleep(args: Args, file: File) -> Part:
    time.sleep(3600)
    return Part()


def write(args: Args, file: File) -> Part:
    Path(args["path"]).write_text("something")
    return Part()


def world(args: Args, file: File) -> Part:
    """What the child knows: its surroundings, and what it has loaded."""
    opened = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    return Part(
        {"environment": dict(os.environ), "modules": sorted(sys.modules), "open": opened, "session": os.getsid(0)}
    )


def _hidden(args: Args, file: File) -> Part:
    return Part()
