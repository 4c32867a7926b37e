"""FAISS is loaded with matrix code that fits the processor, in whatever process loads it."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.index import loading
from retrieval.machine import processor_flags

AVX512 = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"}
# Pretends that OpenBLAS, asked without being told anything, took its oldest code.
SCRIPT = """
import json, os, sys
from retrieval.index import loading
{before}
own = loading._own_choice
if {old}:
    loading._own_choice = lambda libraries: own(libraries) and "Prescott"
loading.load_faiss()
import ctypes
(path,) = {{line.split()[-1] for line in open("/proc/self/maps") if "libopenblaso" in line}} or {{""}}
library = ctypes.CDLL(path)
library.openblas_get_corename.restype = ctypes.c_char_p
print(json.dumps([loading.kernel(), library.openblas_get_corename().decode(), os.environ.get(loading.VARIABLE)]))
"""
ON_LINUX = bool(loading.wanted(processor_flags())) and bool(loading._libraries())
needs_openblas = pytest.mark.skipif(not ON_LINUX, reason="FAISS came without its own OpenBLAS, or no AVX2 here")


def loaded(before: str = "", *, old: bool = True, **environment: str) -> list[Any]:
    env = {name: value for name, value in os.environ.items() if name != loading.VARIABLE} | environment
    code = SCRIPT.format(before=before, old=old)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    found: list[Any] = json.loads(done.stdout)
    return found


def test_the_flags_of_a_processor_name_the_kernels_that_fit() -> None:
    assert loading.wanted(AVX512)[0] == "SkylakeX"
    assert loading.wanted({"avx2", "fma", "sse4_1"})[0] == "Haswell"
    # AVX-512 without all that the kernel needs, and a processor that says nothing.
    assert loading.wanted(AVX512 - {"avx512vl"})[0] == "Haswell"
    assert loading.wanted({"sse2"}) == loading.wanted(set()) == ()
    assert "Zen" not in loading.wanted(AVX512)
    assert {"Zen", "SkylakeX"} <= set(loading.wanted({"avx2", "fma"}))


@needs_openblas
def test_an_old_kernel_is_replaced_and_nobody_else_is_told() -> None:
    told, taken, variable = loaded()
    assert told == taken == loading.wanted(processor_flags())[0]
    assert variable is None


@needs_openblas
@pytest.mark.parametrize("before", ["loading.choose('off')", "loading.computes = lambda sgemm: False"])
def test_switched_off_or_wrong_it_stays_as_openblas_chose(before: str) -> None:
    told, taken, variable = loaded(before)
    assert (told, variable) == ("", None)
    assert taken


@needs_openblas
def test_what_the_environment_says_stands() -> None:
    assert loaded(OPENBLAS_CORETYPE="Prescott")[:2] == ["", "Prescott"]


@needs_openblas
def test_a_kernel_that_fits_is_left_alone() -> None:
    told, taken, _ = loaded(
        "loading.wanted = lambda flags: ['Prescott', loading._own_choice(loading._libraries())]", old=False
    )
    assert told == ""
    assert taken


def test_a_library_that_cannot_be_opened_stops_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "libopenblas.so"
    broken.write_bytes(b"no library")
    assert loading._own_choice([broken]) is None
    assert not loading._is_trusted([broken], "Haswell")


def view(place: ctypes.c_void_p, rows: int, columns: int) -> Any:
    numbers = (ctypes.c_float * (rows * columns)).from_address(place.value or 0)
    return np.ctypeslib.as_array(numbers).reshape((rows, columns))


def product(wrong: float) -> Any:
    """A `cblas_sgemm` in numpy, wrong by so much in one place."""

    def sgemm(*values: Any) -> None:
        _, _, order, rows, columns, inner, _, left, _, right, _, _, out, _ = values
        second = view(right, inner, columns) if order == 111 else view(right, columns, inner).T
        result = view(out, rows, columns)
        result[:] = view(left, rows, inner) @ second
        result[-1, -1] += wrong

    return sgemm


def test_a_product_that_is_wrong_in_one_place_is_noticed() -> None:
    assert loading.computes(product(0.0))
    assert not loading.computes(product(0.01))
    assert not loading.computes(product(float("nan")))


def test_an_unreadable_processor_has_no_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *args, **kwargs: (_ for _ in ()).throw(PermissionError()))
    assert processor_flags() == set()
