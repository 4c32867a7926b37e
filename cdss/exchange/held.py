"""Exports made in the background: one encrypted file each, for its owner, for a day."""

import os
import shutil
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings

from cdss.background import forget_folders
from cdss.encryption import decrypt_bytes, encrypt_bytes

KEPT_SECONDS = 24 * 3600
BLOCK = 1024 * 1024
LENGTH = struct.Struct(">Q")
NAME = "export.bin"


def hold(key: UUID, file: IO[bytes]) -> None:
    """Keeps what the file holds, all of it or nothing. Older ones go."""
    forget_folders(_folder(), older_than=KEPT_SECONDS)
    place = _folder() / key.hex
    place.mkdir(parents=True, mode=0o700, exist_ok=True)
    beside = place / f".{NAME}.part"
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            file.seek(0)
            while block := file.read(BLOCK):
                sealed = encrypt_bytes(block)
                target.write(LENGTH.pack(len(sealed)) + sealed)
            target.flush()
            os.fsync(target.fileno())
        beside.replace(place / NAME)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def held(key: UUID) -> IO[bytes] | None:
    """What was kept, opened, at its end; None when it is gone."""
    path = _folder() / key.hex / NAME
    if not path.is_file() or time.time() - path.stat().st_mtime > KEPT_SECONDS:
        return None
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
    for block in _blocks(path):
        file.write(block)
    return file


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while head := source.read(LENGTH.size):
            yield decrypt_bytes(source.read(LENGTH.unpack(head)[0]))


def _folder() -> Path:
    return Path(settings.CDSS_HOME) / "exports"
