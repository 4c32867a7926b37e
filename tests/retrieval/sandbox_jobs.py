"""What a reader may do wrong, for the tests of the sandbox."""

import ctypes
import os
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
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


def confined(args: Args, file: File) -> Part:
    """What the kernel says of the child, and what it answers to what a child has no need for."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    limits = {
        name: list(resource.getrlimit(getattr(resource, f"RLIMIT_{name}")))
        for name in ("NPROC", "NOFILE", "FSIZE", "CORE")
    }
    return Part({
        "limits": limits,
        "status": {name: status[name].strip() for name in ("NoNewPrivs", "CapEff", "CapPrm", "CapInh", "Threads")},
        "interfaces": [name for _, name in socket.if_nameindex()],
        "network": str(Path("/proc/self/ns/net").readlink()),
        "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),  # noqa: PTH208
        "fork": said_to(os.fork), "connect": said_to(lambda: socket.create_connection(("127.0.0.1", args["port"]), 5)),
        "open": said_to(lambda: [os.dup(0) for _ in range(2000)]),
        "raise": said_to(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))),
        "core": said_to(lambda: resource.setrlimit(resource.RLIMIT_CORE, (1, 1))),
    })  # fmt: skip


def said_to(act: Callable[[], object]) -> str:
    try:
        made = act()
    except (OSError, ValueError) as error:
        return type(error).__name__
    if made == 0 and act is os.fork:
        os._exit(0)
    return "done"


def _hidden(args: Args, file: File) -> Part:
    return Part()
