"""Files of an upload, encrypted, in a folder of their own until they have been read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from secrets import token_hex
from typing import IO

from django.conf import settings

from cdss.encryption import decrypt_bytes, encrypt_bytes
from cdss.library.archives import MEGABYTE, ArchiveLimits, is_zip
from cdss.reading import door
from cdss.studies.errors import StudyError
from cdss.waiting import HELD, folder, held_in
from retrieval.errors import UnreadableError

IGNORED = ("DICOMDIR", ".DS_Store", "Thumbs.db", "desktop.ini")
TOO_MANY = "A study may have at most {:,} files. Upload the relevant series alone."
TOO_LARGE = "A study may have at most {:,} MB. Upload the relevant series alone."


def new_place() -> str:
    place = f"study-{token_hex(16)}"
    try:
        (folder() / place).mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise StudyError(f"The files could not be stored ({error.strerror}). Tell an administrator.") from error
    return place


def hold(place: str, file: IO[bytes], *, name: str) -> int:
    """Keeps one file under its number; returns its size. Raises StudyError, and keeps nothing, when it is too large."""
    data = file.read(settings.UPLOAD_MAX_BYTES + 1)
    shown = shown_name(name)
    if len(data) > settings.UPLOAD_MAX_BYTES:
        raise StudyError(
            f"{shown} is larger than {settings.UPLOAD_MAX_BYTES // MEGABYTE:,} MB. Send the study in parts."
        )
    if not data or shown in IGNORED or shown.startswith("._"):
        return 0
    _write(folder() / place, shown, data)
    return len(data)


def held_files(place: str) -> Iterator[tuple[str, str, bytes]]:
    """Where each file is held, what it was called, and its bytes."""
    for path in held_in(folder() / place):
        name, _, data = decrypt_bytes(path.read_bytes()).partition(b"\n")
        yield path.name, name.decode(errors="replace"), data


def held_bytes(place: str, source: str) -> bytes:
    return decrypt_bytes((folder() / place / source).read_bytes()).partition(b"\n")[2]


def unpack(place: str) -> None:
    """Replaces every ZIP file by what is in it. Raises StudyError: then the upload holds what it held before."""
    files = len(held_in(folder() / place))
    limits = ArchiveLimits(max_bytes=settings.STUDY_MAX_BYTES, max_members=settings.STUDY_MAX_FILES)
    for source, name, data in held_files(place):
        if not is_zip(data):
            continue
        files -= 1
        try:
            with closing(door.read_parts(f"{door.ARCHIVES}:members", data, archive=asdict(limits))) as members:
                for part in members:
                    files += 1
                    if files > settings.STUDY_MAX_FILES:
                        raise StudyError(TOO_MANY.format(settings.STUDY_MAX_FILES))
                    if part.blobs[0]:
                        _write(folder() / place, shown_name(part.facts["name"]), part.blobs[0])
        except UnreadableError as error:
            raise StudyError(f"{name}: {error}") from error
        (folder() / place / source).unlink()


def let_go(place: str) -> None:
    shutil.rmtree(folder() / place, ignore_errors=True)


def shown_name(name: str) -> str:
    return Path(name.replace("\\", "/")).name.replace("\n", " ")[-80:] or "a file"


def _write(place: Path, name: str, data: bytes) -> None:
    try:
        path = place / f"{token_hex(8)}{HELD}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(encrypt_bytes(name.encode() + b"\n" + data))
    except OSError as error:
        raise StudyError(f"The files could not be stored ({error.strerror}). Tell an administrator.") from error
