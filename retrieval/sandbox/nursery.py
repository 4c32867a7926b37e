"""The process that has loaded the readers, and forks a child for whoever asks: a child is ready in milliseconds.

It reads no file itself. Started as `python -m retrieval.sandbox.nursery DESCRIPTOR FILES MODULE…`.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress

from retrieval.sandbox.spending import leave_the_network
from retrieval.sandbox.worker import serve

NUMBER = struct.Struct(">i")
FORK, KILL = b"F", b"K"
# Between two looks for children that ended.
IDLE_MS = 5000


def main(arguments: list[str]) -> None:
    """Serves until the parent is gone, then takes its children with it."""
    descriptor, files, modules = int(arguments[0]), int(arguments[1]), arguments[2:]
    parent = socket.socket(fileno=descriptor)
    leave_the_network()
    for module in modules:
        loaded = importlib.import_module(module)
        getattr(loaded, "warm", lambda: None)()
    gc.collect()
    gc.freeze()
    children: set[int] = set()
    waiting = select.poll()
    waiting.register(parent, select.POLLIN | select.POLLHUP)
    try:
        while _answer(parent, waiting, children, modules, files):
            children -= {child for child in children if _ended(child)}
    finally:
        for child in children:
            _kill(child)


def _answer(parent: socket.socket, waiting: select.poll, children: set[int], modules: list[str], files: int) -> bool:
    if not waiting.poll(IDLE_MS):
        return True
    command, descriptors, _, _ = socket.recv_fds(parent, 1, 1)
    if command == FORK and descriptors:
        child = os.fork()
        if child == 0:
            parent.close()
            _be_a_child(descriptors[0], modules, files)
        os.close(descriptors[0])
        children.add(child)
        parent.sendall(NUMBER.pack(child))
        return True
    if command == KILL:
        (child,) = NUMBER.unpack(parent.recv(NUMBER.size, socket.MSG_WAITALL))
        if child in children:
            _kill(child)
        return True
    return False


def _be_a_child(descriptor: int, modules: list[str], files: int) -> None:
    code = 1
    try:
        os.setsid()
        serve(socket.socket(fileno=descriptor), modules=modules, files=files)
        code = 0
    finally:
        # Whatever happened: a child never goes on as its parent.
        os._exit(code)


def _kill(child: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _ended(child: int) -> bool:
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


if __name__ == "__main__":
    main(sys.argv[1:])
