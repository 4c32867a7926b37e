"""Files that a reader finds whole: written beside, fsynced and renamed; weights named by their checksum."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import AlignmentError
from retrieval.files import sync_folder, written_beside

REMEDY = "Run manage.py align_encoders."
Tensors = dict[str, NDArray[Any]]


def save_tensors(folder: Path, kind: str, tensors: Tensors, about: dict[str, Any]) -> str:
    """Write tensors as safetensors, then `kind`.json that names them and holds `about`; returns their SHA-256.

    A reader finds the old pair or the new one.

    Raises:
        AlignmentError: the folder cannot be written.
    """
    data = _bytes(tensors)
    checksum = hashlib.sha256(data).hexdigest()
    name = f"{kind}-{checksum[:16]}.safetensors"
    manifest = {**about, "weights": name, "sha256": checksum}
    try:
        _write(folder / name, data)
        _write(folder / f"{kind}.json", json.dumps(manifest, indent=1, sort_keys=True).encode())
        for old in folder.glob(f"{kind}-*.safetensors"):
            if old.name != name:
                old.unlink(missing_ok=True)
    except OSError as error:
        raise AlignmentError(f"The {kind} could not be written to {folder}: {error.strerror}.") from error
    return checksum


def checksum_of(tensors: Tensors) -> str:
    """SHA-256 of the file that `save_tensors` would write."""
    return hashlib.sha256(_bytes(tensors)).hexdigest()


def read_manifest(folder: Path, kind: str, *, version: int) -> dict[str, Any]:
    """What is said of the tensors.

    Raises:
        AlignmentError: it is damaged or of another format.
    """
    path = folder / f"{kind}.json"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
        usable = manifest["format"] == version and Path(manifest["weights"]).name == manifest["weights"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AlignmentError(f"{path} is damaged. {REMEDY}") from error
    if not usable:
        raise AlignmentError(f"{path} is of another format. {REMEDY}")
    return manifest


def read_tensors(folder: Path, manifest: dict[str, Any]) -> Tensors:
    """The tensors a manifest names.

    Raises:
        AlignmentError: they are missing, or not what was saved.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    path = folder / manifest["weights"]
    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise AlignmentError(f"{path} is not what was saved. {REMEDY}")
        tensors: Tensors = from_bytes(data)
    except (OSError, KeyError, SafetensorError) as error:
        raise AlignmentError(f"{path} cannot be read. {REMEDY}") from error
    return tensors


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Changes when the file is replaced; None without one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _bytes(tensors: Tensors) -> bytes:
    from safetensors.numpy import save as to_bytes

    data: bytes = to_bytes({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
    return data


def _write(path: Path, data: bytes) -> None:
    with written_beside(path) as file:
        file.write(data)
    sync_folder(path.parent)
