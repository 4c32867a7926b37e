"""Exports made in the background: one encrypted file each, for its owner, for a day."""

import os
import secrets
import shutil
import struct
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings

from cdss.background import forget_folders
from cdss.encryption import FILE_MARK, EncryptionError, current_key, decrypt_bytes, encrypt_bytes

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
        file.seek(0)
        _seal(beside, iter(lambda: file.read(BLOCK), b""))
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


def exports_rotate() -> tuple[int, int]:
    """Brings what waits to be fetched under the current key; how many were, and how many went because they cannot be.

    Each is in its place whole, under the old key or under the new one: a second run goes on where a first one stopped.
    """
    done = [_rotate(path) for path in sorted(_folder().glob(f"*/{NAME}"))]
    return done.count(True), done.count(False)


def exports_left() -> list[Path]:
    """Those of which a part is not under the current key."""
    return [path for path in sorted(_folder().glob(f"*/{NAME}")) if _is_left(path)]


def _rotate(path: Path) -> bool | None:
    try:
        if time.time() - path.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(path.parent, ignore_errors=True)
            return None
        if not _is_left(path):
            return None
        times, folder = path.stat(), path.parent.stat()
        beside = path.with_name(f".{NAME}.{secrets.token_hex(4)}.part")
        _seal(beside, _blocks(path))
        # It is not kept longer for it.
        os.utime(beside, ns=(times.st_atime_ns, times.st_mtime_ns))
        beside.replace(path)
        os.utime(path.parent, ns=(folder.st_atime_ns, folder.st_mtime_ns))
    except FileNotFoundError:
        return None
    except (EncryptionError, struct.error):
        # What nobody can read any more is made again by whoever asks.
        shutil.rmtree(path.parent, ignore_errors=True)
        return False
    return True


def _is_left(path: Path) -> bool:
    wanted = FILE_MARK + current_key().id.encode()
    try:
        with path.open("rb") as source:
            while head := source.read(LENGTH.size):
                (length,) = LENGTH.unpack(head)
                if source.read(len(wanted)) != wanted:
                    return True
                source.seek(length - len(wanted), os.SEEK_CUR)
    except FileNotFoundError:
        return False
    return False


def _seal(path: Path, blocks: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        for block in blocks:
            sealed = encrypt_bytes(block)
            target.write(LENGTH.pack(len(sealed)) + sealed)
        target.flush()
        os.fsync(target.fileno())


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while head := source.read(LENGTH.size):
            yield decrypt_bytes(source.read(LENGTH.unpack(head)[0]))


def _folder() -> Path:
    return Path(settings.CDSS_HOME) / "exports"
