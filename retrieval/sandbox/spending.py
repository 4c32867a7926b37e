"""What a child may spend on one file, and how the kernel holds it to that."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from retrieval.machine import memory_of_process

MEGABYTE = 1024 * 1024
# Address space beside the data: files and libraries that are mapped, and gaps.
MAPPED = 1024 * MEGABYTE
OPEN_FILES = 128
NO_NEW_PRIVILEGES, DEATH_SIGNAL = 38, 1
NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000
CAPABILITIES_VERSION = 0x20080522
# The kernel takes a child first when the whole machine is short of memory.
OOM_SCORE = "800"


@dataclass(frozen=True, slots=True)
class Spending:
    """What reading one file, or producing one part of its answer, may take.

    Args:
        memory: bytes of data beyond what the idle child holds.
        cpu: seconds of processor time.
        seconds: by the clock; afterwards the child is killed.
        answer: bytes of blobs in one part.
    """

    memory: int = 512 * MEGABYTE
    cpu: int = 20
    seconds: float = 30.0
    answer: int = 256 * MEGABYTE


def leave_the_network() -> bool:
    """Once for a process with one thread, whose children inherit it: no network is left but one without a way out.

    True where the kernel allows it: to root, and to anybody where user namespaces are open.
    """
    with suppress(OSError, AttributeError):
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        return bool(unshare(NEW_NETWORK) == 0 or unshare(NEW_USER | NEW_NETWORK) == 0)
    return False


def confine(*, keep: int, threads: bool = False) -> None:
    """Once for a child, before it reads anything.

    No core, no file written, no process begun, few descriptors and none that were inherited but `keep` and the standard
    ones, no privileges and no new ones.

    Args:
        keep: the descriptor of its connection.
        threads: whether its libraries begin threads, which count as processes. (The kernel does not count root's.)
    """
    os.closerange(3, keep)
    os.closerange(keep + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    with suppress(OSError):
        descriptor = Path("/proc/self/oom_score_adj")
        descriptor.write_text(OOM_SCORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    if not threads:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        library.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        library.capset((ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)())


def begin(spending: Spending) -> None:
    """Counts from now: what the child already holds and has spent is not the file's."""
    held, mapped = _held()
    _soften(resource.RLIMIT_DATA, held + spending.memory)
    _soften(resource.RLIMIT_AS, mapped + spending.memory + MAPPED)
    renew(spending)


def renew(spending: Spending) -> None:
    """Time for the next part."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _soften(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + spending.cpu)
    # Nobody handles this signal: it ends the process, whatever it is doing.
    signal.setitimer(signal.ITIMER_REAL, spending.seconds)


def pause() -> None:
    """While the parent takes its time to listen."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def end() -> None:
    """Between two files."""
    pause()
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS, resource.RLIMIT_CPU):
        _soften(kind, resource.RLIM_INFINITY)


def peak() -> int:
    """Bytes this process has held in memory at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _soften(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _held() -> tuple[int, int]:
    status = memory_of_process()
    return status.get("VmData", 256 * MEGABYTE), status.get("VmSize", 512 * MEGABYTE)
