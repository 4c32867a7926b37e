"""ZIP uploads: members one at a time, within limits that hold for what is really in them."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from cdss.library.intake_errors import IntakeError

MEGABYTE = 1024 * 1024
CHUNK = 256 * 1024
ENCRYPTED = 0x1
ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
ARCHIVE_NAMES = (".zip", ".gz", ".7z", ".rar", ".bz2", ".xz", ".zst", ".tar", ".tgz")
NESTED = "{} is an archive inside the ZIP file. Unpack it and upload its images."
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    LookupError,
)
# What systems and viewers add on their own.
IGNORED = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", "DICOMDIR")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    max_bytes: int = 500 * MEGABYTE
    max_member_bytes: int = 200 * MEGABYTE
    max_members: int = 5000
    max_ratio: int = 100
    # Small members may compress well without being a bomb.
    ratio_counts_from: int = 8 * MEGABYTE


def is_zip(data: bytes) -> bool:
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def zip_members(data: bytes | IO[bytes], limits: ArchiveLimits = ArchiveLimits()) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file. Refuses, before reading or while reading, what does not stay within the limits."""
    try:
        with zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data) as archive:
            members = [member for member in archive.infolist() if not member.is_dir() and not _ignored(member.filename)]
            _check(members, limits)
            left = limits.max_bytes
            for member in members:
                content = _read(archive, member, min(left, limits.max_member_bytes), limits)
                left -= len(content)
                if content.startswith(ARCHIVES):
                    raise IntakeError(NESTED.format(_shown(member)))
                yield member.filename, content
    except DAMAGED as error:
        raise IntakeError("This ZIP file is damaged or cannot be read. Pack it again without a password.") from error


def _check(members: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    if not members:
        raise IntakeError("This ZIP file holds no files. Pack the images and upload it again.")
    if len(members) > limits.max_members:
        raise IntakeError(f"This ZIP file holds {len(members):,} files; at most {limits.max_members:,} are accepted.")
    if sum(member.file_size for member in members) > limits.max_bytes:
        raise _too_large(limits)
    for member in members:
        _check_member(member)


def _check_member(member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise IntakeError(f"{_shown(member)} points outside the ZIP file. Pack the images again from a plain folder.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise IntakeError(f"{_shown(member)} is a link, not a file. Pack the images themselves.")
    if member.flag_bits & ENCRYPTED:
        raise IntakeError("This ZIP file has a password. Pack it again without one.")
    if path.name.lower().endswith(ARCHIVE_NAMES):
        raise IntakeError(NESTED.format(_shown(member)))


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int, limits: ArchiveLimits) -> bytes:
    parts, size = [], 0
    with archive.open(member) as file:
        while part := file.read(CHUNK):
            size += len(part)
            bomb = size > limits.ratio_counts_from and size > limits.max_ratio * max(1, member.compress_size)
            if size > most or bomb:
                raise _too_large(limits)
            parts.append(part)
    return b"".join(parts)


def _too_large(limits: ArchiveLimits) -> IntakeError:
    return IntakeError(
        f"This ZIP file is far larger inside than outside, or holds more than {limits.max_bytes // MEGABYTE:,} MB. "
        "Upload the relevant images alone."
    )


def _ignored(name: str) -> bool:
    return any(part in IGNORED or part.startswith("._") for part in name.replace("\\", "/").split("/"))


def _shown(member: zipfile.ZipInfo) -> str:
    return f"“{PurePosixPath(member.filename).name[-60:]}”"
