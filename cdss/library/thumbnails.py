"""Small pictures for lists, made once by the readers' children and kept beside the images."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cdss.encryption import encrypt_bytes
from cdss.library.image_files import forget_earlier_small_files, frame_paths, image_bytes, small_file
from cdss.library.pictured import StoredPicture
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.reading import door

SIDE = 320
QUALITY = 82


def thumbnail(image: StoredPicture) -> bytes:
    """The JPEG of the middle frame, the one that most likely shows what the stack is about.

    Raises OSError, EncryptionError and UnreadableError.
    """
    path = small_file(name=str(image.file))
    if not path.exists():
        _make(frame_paths(name=str(image.file), frames=image.frames)[image.frames // 2], path)
    return image_bytes(path)


def remove_thumbnail(*, name: str) -> None:
    """Of a picture that changed: it is made again."""
    small_file(name=name).unlink(missing_ok=True)


def _make(source: Path, path: Path) -> None:
    refuse_in(Mode.TEXT_ONLY)
    made = door.read(f"{door.IMAGES}:small", image_bytes(source), side=SIDE, options={"quality": QUALITY}).blobs[0]
    forget_earlier_small_files()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(encrypt_bytes(made))
    part.replace(path)
    if not source.exists():
        # It was deleted meanwhile: nothing small of it stays.
        path.unlink(missing_ok=True)
