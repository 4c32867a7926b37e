"""Where an export is written: a ZIP or a folder, one file at a time, the same bytes for the same content."""

import hashlib
import shutil
from io import BufferedReader
from pathlib import Path
from typing import IO, Protocol, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

STORED = (".png", ".jpg", ".zip")
BLOCK = 1024 * 1024
SUMS = "SHA256SUMS"
DAY = (1980, 1, 1, 0, 0, 0)


class Adds(Protocol):
    def add(self, name: str, data: bytes) -> None: ...


class Bundle(Adds, Protocol):
    files: int

    def add_file(self, name: str, file: IO[bytes]) -> None: ...


class _Hashed:
    """A file that only takes: nothing in it is written twice, so its hash is ready with its last byte."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


class ZipBundle:
    def __init__(self, file: IO[bytes]) -> None:
        self.hashed = _Hashed(file)
        self.archive = ZipFile(self.hashed, "w", ZIP_DEFLATED)  # type: ignore[call-overload]
        self.files = 0

    @property
    def sha256(self) -> str:
        return self.hashed.digest.hexdigest()

    @property
    def size(self) -> int:
        return self.hashed.size

    def add(self, name: str, data: bytes) -> None:
        self.archive.writestr(self._info(name), data)

    def add_file(self, name: str, file: IO[bytes]) -> None:
        file.seek(0)
        with self.archive.open(self._info(name), "w", force_zip64=True) as target:
            shutil.copyfileobj(file, target, BLOCK)

    def close(self) -> None:
        self.archive.close()

    def _info(self, name: str) -> ZipInfo:
        self.files += 1
        info = ZipInfo(name, DAY)
        info.compress_type = ZIP_STORED if name.endswith(STORED) else ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        return info


class FolderBundle:
    """Writes below a folder that is its own; `close` lists what is in it with SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = 0
        self.sums: list[str] = []

    def add(self, name: str, data: bytes) -> None:
        self._path(name).write_bytes(data)
        self._note(name, hashlib.sha256(data).hexdigest())

    def add_file(self, name: str, file: IO[bytes]) -> None:
        file.seek(0)
        with self._path(name).open("wb") as target:
            shutil.copyfileobj(file, target, BLOCK)
        file.seek(0)
        self._note(name, hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest())

    def close(self) -> None:
        (self.folder / SUMS).write_text("".join(f"{line}\n" for line in self.sums), encoding="utf-8")

    def _path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _note(self, name: str, digest: str) -> None:
        self.files += 1
        self.sums.append(f"{digest}  {name}")
