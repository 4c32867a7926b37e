"""Arrays and settings in one file, read without copying: a line of JSON, then the arrays, each at a multiple of 64."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import IndexUnusableError

Arrays = Mapping[str, NDArray[Any]]
_MAGIC = b"CDSSVEC1"
_ALIGNED = 64
_LONGEST = 1 << 20
_TYPES = ("|u1", "|i1", "<u2", "<i4", "<i8", "<f4")


def write(path: Path, arrays: Arrays, settings: Mapping[str, Any]) -> None:
    """Raises ValueError for an array of a type that is not read again."""
    if wrong := [name for name, array in arrays.items() if array.dtype.str not in _TYPES]:
        raise ValueError(f"{', '.join(wrong)}: an array of one of {', '.join(_TYPES)} can be stored.")
    described = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    header = json.dumps({"arrays": described, "settings": dict(settings)}).encode() + b"\n"
    with path.open("wb") as file:
        file.write(_MAGIC + len(header).to_bytes(8, "little") + header)
        for array in arrays.values():
            file.write(bytes(-file.tell() % _ALIGNED))
            file.write(np.ascontiguousarray(array).data.cast("B") if array.size else b"")


def read(data: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays, which cannot be written to, and the settings. Raises IndexUnusableError for anything else."""
    try:
        size = int.from_bytes(data[len(_MAGIC) : len(_MAGIC) + 8], "little")
        start = len(_MAGIC) + 8
        if data[: len(_MAGIC)] != _MAGIC or size > _LONGEST:
            raise ValueError("it is another kind of file")
        header = json.loads(data[start : start + size])
        arrays, place = {}, start + size
        for name, (kind, shape) in header["arrays"].items():
            if kind not in _TYPES or any(not isinstance(length, int) or length < 0 for length in shape):
                raise ValueError(f"{name} is of no known type")
            place += -place % _ALIGNED
            count = int(np.prod(shape, dtype=object)) if shape else 1
            arrays[name] = np.frombuffer(data, dtype=kind, count=count, offset=place).reshape(shape)
            place += arrays[name].nbytes
        if place != len(data) or not isinstance(header["settings"], dict):
            raise ValueError("it is longer or shorter than it says")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise IndexUnusableError(f"The vectors cannot be read: {str(error)[:200]}") from error
    return arrays, header["settings"]
