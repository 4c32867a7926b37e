"""One version of an index as a folder, published so that a reader meets a whole version or none.

Every file is written into a folder beside, fsynced and hashed; `manifest.json` is written last; then the folder is
renamed. The current version is the one with the greatest number. A folder whose writing was cut short keeps the
name of an unfinished one, is never read, and is removed by the next writer.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retrieval.errors import IndexNotPublishedError, IndexUnusableError
from retrieval.files import sync_folder

FORMAT = 3
REMEDY = "Run manage.py build_index --rebuild."
_MANIFEST = "manifest.json"
_UNFINISHED = ".unfinished-"
_NAME = re.compile(r"(\d{6,})-[0-9a-f]{8}")
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Length in bytes and SHA-256 of one file."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index version was made with. Two versions of an encoder or of a preprocessing never meet.

    Args:
        text_encoder: version of the text encoder.
        text_dimension: width of its vectors.
        image_encoder: version of the image encoder.
        image_dimension: width of its vectors.
        image_preprocessing: SHA-256 of the pinned preprocessing of images.
        terms: version of the tokens of the lexical index.
        text_kind: FAISS factory string of the passages, or the table of pgvector that holds them.
        image_kind: the same of the images.
        passages: how many passages are in it.
        images: how many vectors of images, one per sampled frame.
        name: of the folder; set when published.
        created: ISO 8601, UTC; set when published.
        format: of this file.
        search: of vectors that are not searched exactly (`text`, `images`), what a search does and the share of the
            exact answers it was measured to find; see `retrieval.index.tuning.Tuning`.
        files: by path within the folder; set when published.
    """

    text_encoder: str
    text_dimension: int
    image_encoder: str
    image_dimension: int
    image_preprocessing: str
    terms: str
    text_kind: str
    image_kind: str
    passages: int
    images: int
    name: str = ""
    created: str = ""
    format: int = FORMAT
    search: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    files: Mapping[str, FileEntry] | None = None

    def require(self, *, text_encoder: str, image_encoder: str, image_preprocessing: str, terms: str) -> None:
        """Raises IndexUnusableError when anything it was made with differs from these."""
        compared = {
            "text encoder": (self.text_encoder, text_encoder),
            "image encoder": (self.image_encoder, image_encoder),
            "image preprocessing": (self.image_preprocessing, image_preprocessing),
            "tokens": (self.terms, terms),
        }
        for what, (stored, configured) in compared.items():
            if stored != configured:
                raise IndexUnusableError(
                    f"Index {self.name} was made with the {what} {stored}, and {configured} is configured. {REMEDY}"
                )


def publish(root: Path, manifest: Manifest, write: Callable[[Path], None]) -> Manifest:
    """Write and publish a version; returns its manifest with name, time and files.

    Args:
        root: the folder of all versions.
        manifest: what it is made with.
        write: writes the files of the version into the folder it is given.

    Raises:
        IndexNotPublishedError: a file could not be written. The version before stays as it was.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _only_writer(root):
            _remove_unfinished(root)
            name = f"{_last_number(root) + 1:06d}-{secrets.token_hex(4)}"
            folder = root / (_UNFINISHED + name)
            folder.mkdir()
            try:
                return _publish(root, folder, replace(manifest, name=name, created=_now()), write)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    except OSError as error:
        raise IndexNotPublishedError(_explain(root, error)) from error


def current(root: Path) -> Path | None:
    """The folder of the newest published version; None when there is none."""
    versions = _versions(root)
    return versions[-1] if versions else None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a version. Raises IndexUnusableError when it is missing, damaged or of another format."""
    return parsed(_read(folder / _MANIFEST), str(folder))


def load(
    folder: Path, *, manifest_sha256: str | None = None, leave: Callable[[str], bool] | None = None
) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest and the verified bytes of every file, by path within the folder.

    Args:
        folder: of one version.
        manifest_sha256: what the manifest itself must hash to, when that is known from elsewhere.
        leave: which files are verified and not given, because they are read in pieces.

    Raises:
        IndexUnusableError: a file is missing or is not what the manifest says.
    """
    data = _read(folder / _MANIFEST)
    if manifest_sha256 is not None and hashlib.sha256(data).hexdigest() != manifest_sha256:
        raise IndexUnusableError(f"{folder / _MANIFEST} is not the one that was published. {REMEDY}")
    manifest = parsed(data, str(folder))
    files = {}
    for path, entry in (manifest.files or {}).items():
        if leave is not None and leave(path):
            _verify(folder / path, entry)
        else:
            content = _read(folder / path)
            _require(folder / path, entry, len(content), hashlib.sha256(content).hexdigest())
            files[path] = content
    return manifest, files


def _verify(path: Path, entry: FileEntry) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            _require(path, entry, path.stat().st_size, found)
    except OSError as error:
        raise IndexUnusableError(f"{path} cannot be read ({error.strerror}). {REMEDY}") from error


def _require(path: Path, entry: FileEntry, size: int, sha256: str) -> None:
    if (size, sha256) != (entry.size, entry.sha256):
        raise IndexUnusableError(f"{path} is damaged: its checksum is not the published one. {REMEDY}")


def digest(folder: Path) -> str:
    """SHA-256 of the manifest, which holds those of all other files."""
    return hashlib.sha256(_read(folder / _MANIFEST)).hexdigest()


def clean(root: Path, *, keep: int = 2, named: Collection[str] = ()) -> list[str]:
    """Remove what an interrupted writer left, and all versions but the newest `keep` and those `named`.

    A writer that was killed after the renaming leaves a version that nobody knows of: what is in use is not among the
    newest then, and has to be named. Returns the names removed. Does nothing while a writer is at work.
    """
    if not root.is_dir():
        return []
    try:
        with _only_writer(root, wait=False):
            removed = _remove_unfinished(root)
            versions = _versions(root)
            for folder in versions[: max(0, len(versions) - keep)]:
                if folder.name not in named:
                    shutil.rmtree(folder, ignore_errors=True)
                    removed.append(folder.name)
            return removed
    except BlockingIOError:
        return []


def _publish(root: Path, folder: Path, manifest: Manifest, write: Callable[[Path], None]) -> Manifest:
    write(folder)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = {path.relative_to(folder).as_posix(): entry_of(path) for path in paths}
    manifest = replace(manifest, files=entries)
    with (folder / _MANIFEST).open("xb") as file:
        file.write(written(manifest))
        file.flush()
        os.fsync(file.fileno())
    for inner in [path for path in folder.rglob("*") if path.is_dir()] + [folder]:
        sync_folder(inner)
    folder.rename(root / manifest.name)
    sync_folder(root)
    return manifest


def entry_of(path: Path) -> FileEntry:
    """Length and hash of a file, which is on the disk when this returns."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return FileEntry(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


@contextmanager
def _only_writer(root: Path, *, wait: bool = True) -> Iterator[None]:
    with (root / _LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _remove_unfinished(root: Path) -> list[str]:
    left = [path for path in root.iterdir() if path.name.startswith(_UNFINISHED)]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return [path.name for path in left]


def _versions(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    named = [(int(match[1]), path) for path in root.iterdir() if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(named)]


def _last_number(root: Path) -> int:
    versions = _versions(root)
    return int(versions[-1].name.partition("-")[0]) if versions else 0


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IndexUnusableError(f"{path} cannot be read ({error.strerror}). {REMEDY}") from error


def parsed(data: bytes, place: str) -> Manifest:
    """The manifest in these bytes. Raises IndexUnusableError when it is damaged or of another format."""
    try:
        fields: dict[str, Any] = json.loads(data)
        if fields["format"] != FORMAT:
            raise IndexUnusableError(
                f"{place} has format {fields['format']}, and this program reads format {FORMAT}. {REMEDY}"
            )
        files = {_inside(path): FileEntry(**entry) for path, entry in fields.pop("files").items()}
        return Manifest(**fields, files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexUnusableError(f"The manifest of {place} is damaged. {REMEDY}") from error


def written(manifest: Manifest) -> bytes:
    """What `parsed` reads."""
    return json.dumps(asdict(manifest), indent=1, sort_keys=True).encode()


def _inside(path: str) -> str:
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError(path)
    return path


def _explain(root: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full. Free some space and run manage.py build_index again"
    elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        reason = "it is not writable. Give this user the right to write there and run manage.py build_index again"
    else:
        reason = f"{error.strerror or error}. Run manage.py build_index again"
    return f"The index was not published in {root}: {reason}. The version before stays in use."
