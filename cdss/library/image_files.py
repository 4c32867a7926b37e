"""Image files under MEDIA_ROOT: written beside, flushed, renamed; random names; gone again when the work fails."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.db import transaction

from cdss import waiting
from cdss.encryption import decrypt_bytes, encrypt_bytes
from cdss.library.intake_errors import IntakeError
from retrieval.files import sync_folder

FIRST_FRAME = "0000.png"
SMALL = "thumbnails"
STEM = re.compile(r"[0-9a-f]{32}")
ORPHAN_SECONDS = 3600
_written: ContextVar[list[Path] | None] = ContextVar("image_files_written", default=None)


@contextmanager
def new_image_files() -> Iterator[None]:
    """Image files written inside are removed when the block fails. It goes around the transaction, not into it."""
    written: list[Path] = []
    token = _written.set(written)
    try:
        yield
    except BaseException:
        for path in written:
            _remove(path)
        raise
    finally:
        _written.reset(token)


def write_image(*, folder: str, pngs: Sequence[bytes]) -> str:
    """Writes the frames of one image under a random name and returns it, relative to MEDIA_ROOT."""
    stem = secrets.token_hex(16)
    return write_frames(folder=Path(settings.MEDIA_ROOT) / folder / stem[:2], stem=stem, pngs=pngs)


def write_frames(*, folder: Path, stem: str, pngs: Sequence[bytes]) -> str:
    """STEM.png for one frame, STEM/0000.png … for several. Returns the first one's name, relative to MEDIA_ROOT."""
    target = folder / f"{stem}.png" if len(pngs) == 1 else folder / stem
    beside = folder / f".{stem}.{secrets.token_hex(4)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if len(pngs) == 1:
            _write(beside, pngs[0])
        else:
            beside.mkdir()
            for number, png in enumerate(pngs):
                _write(beside / f"{number:04}.png", png)
            sync_folder(beside)
            _remove(target)
        beside.replace(target)
        sync_folder(folder)
    except OSError as error:
        _remove(beside)
        raise IntakeError(f"The image could not be stored ({error.strerror}). Tell the administrator.") from error
    written_note(target)
    first = target if len(pngs) == 1 else target / FIRST_FRAME
    return first.relative_to(settings.MEDIA_ROOT).as_posix()


def written_note(path: Path) -> None:
    """A file or folder that is new goes with the others when the block of `new_image_files` fails."""
    if (written := _written.get()) is not None:
        written.append(path)


def frame_paths(*, name: str, frames: int) -> list[Path]:
    """Where the frames of a stored image are."""
    first = Path(settings.MEDIA_ROOT) / name
    return [first.with_name(f"{number:04}.png") for number in range(frames)] if frames > 1 else [first]


def image_bytes(path: Path) -> bytes:
    """What a stored file holds, decrypted. Raises OSError and EncryptionError."""
    return decrypt_bytes(path.read_bytes())


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height of a stored picture, from its first bytes."""
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def is_grey_png(data: bytes) -> bool:
    """Whether a stored picture has one channel."""
    return data[25:26] == b"\0"


@contextmanager
def readable_copies() -> Iterator[Callable[[str, int], tuple[Path, ...]]]:
    """Copies of the frames of a stored image, by its name and their number, that are gone again afterwards."""
    place = waiting.folder()
    place.mkdir(parents=True, mode=0o700, exist_ok=True)
    with TemporaryDirectory(prefix="copies-", dir=place) as folder:

        def copied(name: str, frames: int) -> tuple[Path, ...]:
            files = []
            for path in frame_paths(name=name, frames=frames):
                files.append(Path(folder) / f"{secrets.token_hex(8)}.png")
                files[-1].write_bytes(image_bytes(path))
            return tuple(files)

        yield copied


def image_files(*, name: str) -> Path:
    """What stands for a stored image as a whole: its file, or the folder of its frames."""
    first = Path(settings.MEDIA_ROOT) / name
    return first.parent if first.name == FIRST_FRAME and STEM.fullmatch(first.parent.name) else first


def small_file(*, name: str) -> Path:
    """Where the small picture of a stored image is, when one was made."""
    media = Path(settings.MEDIA_ROOT)
    return (media / SMALL / image_files(name=name).relative_to(media)).with_suffix(".jpg")


@cache
def forget_earlier_small_files() -> None:
    """Those that were named for their content, and are made again under the names of their images."""
    for folder in (Path(settings.MEDIA_ROOT) / SMALL).glob("??"):
        shutil.rmtree(folder, ignore_errors=True)


def remove_images_on_commit(*, names: Collection[str]) -> None:
    """The files of deleted rows go when the deletion is certain."""
    paths = [image_files(name=name) for name in names]
    transaction.on_commit(lambda: _remove_all(paths))


def remove_orphans(*, folder: str, names: Collection[str], older_than: float = ORPHAN_SECONDS) -> int:
    """Removes from a media folder what no row names and what a killed process left half written; returns how many."""
    kept = {image_files(name=name) for name in names}
    deadline = time.time() - older_than
    removed = 0
    for path in (Path(settings.MEDIA_ROOT) / folder).glob("??/*"):
        ours = STEM.fullmatch(path.stem) or path.suffix == ".part"
        if ours and path not in kept and path.stat().st_mtime < deadline:
            _remove(path)
            removed += 1
    return removed


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(encrypt_bytes(data))
        file.flush()
        os.fsync(file.fileno())


def _remove_all(paths: Sequence[Path]) -> None:
    for path in paths:
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(ValueError):
        small_file(name=path.relative_to(settings.MEDIA_ROOT).as_posix()).unlink(missing_ok=True)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
