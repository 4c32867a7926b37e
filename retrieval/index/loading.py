"""Loading FAISS with matrix code that fits the processor.

The OpenBLAS that comes with FAISS knows processors by their model number, and falls back to code of 2004 for one that
is newer than itself: k-means and batch search then take several times as long. What the processor can do stands in
its flags. Where OpenBLAS chose less, it is told which kernel to take (`OPENBLAS_CORETYPE`), before FAISS loads it,
and a product is compared with numpy's; where that fails, OpenBLAS keeps its own choice.

Sources: OpenBLAS, https://github.com/OpenMathLib/OpenBLAS (`driver/others/dynamic.c`).
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from retrieval.errors import IndexUnusableError
from retrieval.machine import processor_flags

logger = logging.getLogger(__name__)
Choice = Literal["auto", "off"]
VARIABLE = "OPENBLAS_CORETYPE"
# From the best to the least: the flags a kernel needs, its name, and what OpenBLAS may have chosen that is as good.
_AVX512, _AVX2 = ("SkylakeX", "Cooperlake", "SapphireRapids"), ("Haswell", "Zen")
_KERNELS = (
    ({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"}, _AVX512),
    ({"avx2", "fma"}, (*_AVX2, *_AVX512)),
)
# Small enough that OpenBLAS starts no thread for it, large and odd enough to reach the edges of its blocks.
_SHAPE = (61, 53, 67)
_ROW_MAJOR, _AS_IS, _TRANSPOSED = 101, 111, 112
_lock = threading.Lock()
# The limit FAISS takes for the size of one vector in a file belongs to the process, not to one reader.
_reading = threading.Lock()


class _State:
    choice: Choice = "auto"
    kernel = ""


def choose(choice: Choice) -> None:
    """Whether `load_faiss` may choose the kernel; to be said before FAISS is first loaded."""
    _State.choice = choice


def load_faiss() -> Any:
    """The module `faiss`, loaded when it is first needed."""
    if "faiss" not in sys.modules:
        with _lock, _kernel():
            import faiss
    import faiss

    return faiss


def one_thread() -> None:
    """Searches of this thread use no other: on busy cores a second one costs more than it brings."""
    load_faiss().omp_set_num_threads(1)


@contextmanager
def all_cores() -> Iterator[None]:
    """FAISS on every core of this process, and as before afterwards: for what is built, not for a search."""
    faiss = load_faiss()

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def deserialized(data: bytes) -> Any:
    """A FAISS index from what `serialize_index` gave. Raises IndexUnusableError for anything else."""
    faiss = load_faiss()

    with _reading:
        before = faiss.get_deserialization_vector_byte_limit()
        faiss.set_deserialization_vector_byte_limit(len(data) + 1024)
        try:
            return faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
        except (RuntimeError, AssertionError, MemoryError) as error:
            raise IndexUnusableError(f"The vectors cannot be read: {str(error)[:200]}") from error
        finally:
            faiss.set_deserialization_vector_byte_limit(before)


def kernel() -> str:
    """The kernel that OpenBLAS was told to take; empty where it was told nothing."""
    return _State.kernel


def wanted(flags: AbstractSet[str]) -> Sequence[str]:
    """Names of kernels that make full use of a processor with these flags, the one to take first; none if unknown."""
    return next((names for needed, names in _KERNELS if needed <= flags), ())


@contextmanager
def _kernel() -> Iterator[None]:
    """The variable is set while FAISS loads and no longer: numpy and child processes make their own choice."""
    names = wanted(processor_flags()) if _State.choice == "auto" and VARIABLE not in os.environ else ()
    libraries = _libraries() if names else []
    if not libraries or (own := _own_choice(libraries)) is None or own in names:
        yield
        return
    os.environ[VARIABLE] = names[0]
    try:
        if _is_trusted(libraries, names[0]):
            _State.kernel = names[0]
            logger.info("OpenBLAS takes %s, not %s.", names[0], own)
        else:
            del os.environ[VARIABLE]
            logger.warning("OpenBLAS keeps %s: %s did not compute what numpy does.", own, names[0])
        yield
    finally:
        os.environ.pop(VARIABLE, None)


def _libraries() -> list[Path]:
    """OpenBLAS as it comes with FAISS, last, after what it needs; nothing where FAISS has another library."""
    spec = find_spec("faiss")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent.parent / "faiss_cpu.libs"
    found = [next(iter(sorted(folder.glob(f"lib{name}*"))), None) for name in ("quadmath", "gfortran", "gomp")]
    openblas = next(iter(sorted(folder.glob("libopenblas*"))), None)
    return [path for path in (*found, openblas) if path] if openblas else []


def _own_choice(libraries: Sequence[Path]) -> str | None:
    library = _opened(libraries)
    if library is None:
        return None
    name = _name(library)
    _close(library)
    return name


def _is_trusted(libraries: Sequence[Path], name: str) -> bool:
    """Whether OpenBLAS took the kernel and computes what numpy does; it stays loaded for FAISS then, and only then."""
    library = _opened(libraries)
    if library is None:
        return False
    if _name(library) == name and computes(library.cblas_sgemm):
        return True
    _close(library)
    return False


def computes(sgemm: Any) -> bool:
    """Whether a `cblas_sgemm` gives the products that numpy gives, plain and with the second factor transposed."""
    random = np.random.default_rng(0)
    rows, columns, inner = _SHAPE
    left = random.standard_normal((rows, inner)).astype(np.float32)
    right = random.standard_normal((inner, columns)).astype(np.float32)
    expected = left.astype(np.float64) @ right.astype(np.float64)
    for factor, order in ((right, _AS_IS), (np.ascontiguousarray(right.T), _TRANSPOSED)):
        found = np.full((rows, columns), np.nan, dtype=np.float32)
        places = [ctypes.c_void_p(array.ctypes.data) for array in (left, factor, found)]
        one, zero = ctypes.c_float(1.0), ctypes.c_float(0.0)
        sizes = (rows, columns, inner)
        widths = (inner, factor.shape[1], columns)
        sgemm(
            _ROW_MAJOR,
            _AS_IS,
            order,
            *sizes,
            one,
            places[0],
            widths[0],
            places[1],
            widths[1],
            zero,
            places[2],
            widths[2],
        )
        if not np.allclose(found, expected, atol=1e-4):
            return False
    return True


def _opened(libraries: Sequence[Path]) -> Any:
    try:
        *_, library = [ctypes.CDLL(str(path)) for path in libraries]
        library.openblas_get_corename.restype = ctypes.c_char_p
    except (OSError, AttributeError) as error:
        logger.warning("OpenBLAS cannot be asked for its kernel: %s", error)
        return None
    return library


def _name(library: Any) -> str:
    return str(library.openblas_get_corename().decode())


def _close(library: Any) -> None:
    """So that it chooses again when it is loaded again."""
    close = ctypes.CDLL(None).dlclose
    close.argtypes = [ctypes.c_void_p]
    close(library._handle)
