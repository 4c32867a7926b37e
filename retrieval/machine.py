"""What Linux says of this machine and of this process, and which packages are installed; elsewhere next to nothing."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

# Instruction sets: with one of them a processor multiplies bfloat16 itself; elsewhere it is slower than float32.
BFLOAT16 = frozenset(("amx_bf16", "avx512_bf16"))
# glibc, malloc.h
_M_ARENA_MAX = -8


def processor_flags() -> frozenset[str]:
    """Instruction sets, as Linux names them; of several kinds of cores what all can do. None where it is not told."""
    found = [frozenset(said.split()) for said in _told("flags")]
    return frozenset.intersection(*found) if found else frozenset()


def processor_name() -> str:
    return ", ".join(sorted(set(_told("model name")))) or os.uname().machine


def memory_of_process() -> dict[str, int]:
    """Bytes by Linux's own name (VmRSS, VmData, VmSize, …); empty where it is not told."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if line.startswith("Vm"))
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}


def resident() -> int:
    """Bytes this process holds in memory now; 0 where it is not told."""
    return memory_of_process().get("VmRSS", 0)


def few_heaps() -> None:
    """Two heaps for all threads of this process, where glibc would make up to eight a core and hand little back.

    Elsewhere nothing happens. Source: mallopt(3), M_ARENA_MAX.
    """
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(_M_ARENA_MAX, 2)


def package_version(package: str) -> str:
    """Empty where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _told(name: str) -> list[str]:
    """Of each core."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(name)]
