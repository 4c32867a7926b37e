"""The file of a backup: a tar that begins with what it is and ends with the digest of everything in it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from cdss.backup.errors import BackupError

FORMAT = "cdss-backup/1"
HEADER, MANIFEST, SEAL = "backup.json", "manifest.json", "manifest.sha256"
ROOTS = frozenset({"database", "media", "models", "indexes"})
MOST_HEADER = 64 * 1024 * 1024
DAMAGED = "The backup is damaged: {}. Nothing was restored; take another copy of it."


class Entry(NamedTuple):
    size: int
    sha256: str


class Writer:
    """Adds files and remembers their digests."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar
        self.files: dict[str, Entry] = {}

    def add(self, name: str, path: Path) -> None:
        size = path.stat().st_size
        with path.open("rb") as file:
            reader = _Hashing(file)
            self.tar.addfile(_info(name, size), reader)
        self.files[name] = Entry(size, reader.digest.hexdigest())

    def add_bytes(self, name: str, data: bytes) -> str:
        self.tar.addfile(_info(name, len(data)), io.BytesIO(data))
        return hashlib.sha256(data).hexdigest()


@contextmanager
def writing(file: IO[bytes], header: Mapping[str, Any]) -> Iterator[Writer]:
    """What is added in the block, after the header, and then sealed."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        writer = Writer(tar)
        writer.add_bytes(HEADER, _json({"format": FORMAT, **header}))
        yield writer


def seal(writer: Writer, manifest: Mapping[str, Any]) -> str:
    """Ends the archive; returns the digest that stands for all of it."""
    digest = writer.add_bytes(MANIFEST, _json({**manifest, "files": {n: e._asdict() for n, e in writer.files.items()}}))
    writer.add_bytes(SEAL, digest.encode())
    return digest


@contextmanager
def reading(path: Path) -> Iterator[tuple[dict[str, Any], tarfile.TarFile]]:
    """The header, and the archive behind it. Raises BackupError."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            first = tar.next()
            if first is None or first.name != HEADER:
                raise BackupError(f"{path.name} is no backup of this program.")
            header = _parsed(tar, first)
            if header.get("format") != FORMAT:
                raise BackupError(
                    f"{path.name} has the format {header.get('format')}, and this program reads {FORMAT}."
                )
            yield header, tar
    except FileNotFoundError as error:
        raise BackupError(f"There is no file {path}.") from error
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(DAMAGED.format("it cannot be read to its end")) from error


def unpack(tar: tarfile.TarFile, into: Path) -> tuple[dict[str, Any], str]:
    """Writes every file of it under a folder. Returns the manifest and its digest, once each file is what it says."""
    found: dict[str, Entry] = {}
    while (member := tar.next()) is not None:
        if member.name == MANIFEST:
            return _sealed(tar, member, found)
        name = _safe(member)
        found[name] = _extract(tar, member, into / name)
    raise BackupError(DAMAGED.format("its end is missing"))


def _sealed(tar: tarfile.TarFile, member: tarfile.TarInfo, found: Mapping[str, Entry]) -> tuple[dict[str, Any], str]:
    data, last = _content(tar, member), tar.next()
    if last is None or last.name != SEAL or _content(tar, last).decode("ascii", "replace") != _sha256(data):
        raise BackupError(DAMAGED.format("its end is not the one it was written with"))
    manifest: dict[str, Any] = _load(data)
    said = {name: Entry(**entry) for name, entry in manifest["files"].items()}
    if wrong := sorted(name for name in {*said, *found} if said.get(name) != found.get(name)):
        raise BackupError(DAMAGED.format(f"{wrong[0]} is not what was written ({len(wrong)} files)"))
    return manifest, _sha256(data)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> Entry:
    source = tar.extractfile(member)
    if source is None:
        raise BackupError(DAMAGED.format(f"{member.name} is no file"))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    reader, written = _Hashing(source), 0
    with path.open("xb") as file:
        path.chmod(0o600)
        while chunk := reader.read(1 << 20):
            written += file.write(chunk)
    if written != member.size:
        raise BackupError(DAMAGED.format(f"{member.name} ends early"))
    return Entry(written, reader.digest.hexdigest())


def _safe(member: tarfile.TarInfo) -> str:
    parts = PurePosixPath(member.name).parts
    if not member.isreg() or ".." in parts or member.name.startswith("/") or not parts or parts[0] not in ROOTS:
        raise BackupError(DAMAGED.format("it names a place outside the site"))
    return member.name


def _parsed(tar: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    return _load(_content(tar, member))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    source = tar.extractfile(member) if member.isreg() and member.size <= MOST_HEADER else None
    if source is None:
        raise BackupError(DAMAGED.format(f"{member.name} is no file of it"))
    return source.read()


def _load(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise BackupError(DAMAGED.format("what it says of itself cannot be read")) from error
    if not isinstance(found, dict):
        raise BackupError(DAMAGED.format("what it says of itself cannot be read"))
    return found


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    return info


class _Hashing(io.RawIOBase):
    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.digest.update(data)
        return data
