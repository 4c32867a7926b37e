"""Frames at full depth under MEDIA_ROOT: raw little-endian pixels, compressed, encrypted, all of a series or none."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from cdss.encryption import encrypt_bytes
from cdss.library.image_files import image_bytes, written_note
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.studies.errors import StudyError
from retrieval.files import sync_folder

FOLDER = "series"
# Fast, and near what more effort reaches on the noise of a scan.
LEVEL = 3
TYPES: dict[str, np.dtype] = {  # type: ignore[type-arg]
    "uint8": np.dtype("u1"), "uint16": np.dtype("<u2"), "int16": np.dtype("<i2"), "rgb8": np.dtype("u1")
}  # fmt: skip


class FrameWriter:
    def __init__(self, beside: Path) -> None:
        self.beside = beside
        self.count = 0

    def add(self, pixels: NDArray[np.generic]) -> None:
        write_frame(self.beside / _name(self.count), pixels, new=True)
        self.count += 1


@contextmanager
def frame_writer() -> Iterator[tuple[str, FrameWriter]]:
    """A new folder of frames, relative to MEDIA_ROOT, that is there whole once the block has ended well.

    Its caller removes it when the row that names it is not stored.
    """
    stem = secrets.token_hex(16)
    parent = Path(settings.MEDIA_ROOT) / FOLDER / stem[:2]
    beside, target = parent / f".{stem}.part", parent / stem
    try:
        beside.mkdir(parents=True)
        yield target.relative_to(settings.MEDIA_ROOT).as_posix(), FrameWriter(beside)
        sync_folder(beside)
        beside.replace(target)
        sync_folder(parent)
        written_note(target)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise StudyError(f"The frames could not be stored ({error.strerror}). Tell an administrator.") from error
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def write_frame(path: Path, pixels: NDArray[np.generic], *, new: bool = False) -> None:
    """A frame anew, or in the place of another in one step."""
    data = np.ascontiguousarray(pixels)
    little = data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()
    beside = path if new else path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(encrypt_bytes(gzip.compress(little, LEVEL, mtime=0)))
        file.flush()
        os.fsync(file.fileno())
    if not new:
        beside.replace(path)


def frame_path(folder: str, frame: int) -> Path:
    return Path(settings.MEDIA_ROOT) / folder / _name(frame)


def packed_frame(folder: str, frame: int) -> bytes:
    """As it is sent: compressed. Raises OSError and EncryptionError."""
    return image_bytes(frame_path(folder, frame))


def read_frame(folder: str, frame: int, *, pixels: str, rows: int, columns: int) -> NDArray[np.generic]:
    """Raises LockedError where the site is locked to text."""
    refuse_in(Mode.TEXT_ONLY)
    shape = (rows, columns, 3) if pixels == "rgb8" else (rows, columns)
    return np.frombuffer(gzip.decompress(packed_frame(folder, frame)), TYPES[pixels]).reshape(shape)


def kind_of(pixels: NDArray[np.generic]) -> str:
    if pixels.ndim == 3:
        return "rgb8"
    return {"uint8": "uint8", "uint16": "uint16", "int16": "int16", "int8": "int16"}[pixels.dtype.name]


def _name(frame: int) -> str:
    return f"{frame:05}.gz"
