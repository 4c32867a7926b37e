"""Taught text encoders in a folder of the site, and which of them serves.

Each is a folder of its own: `model/`, a sentence-transformers model with safetensors weights, and `manifest.json`
with the checksum of every file. It is written beside, fsynced and renamed. `serving.json` names the one that serves.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.alignment.files import stamp_of
from retrieval.encoders.text import SentenceTransformerEncoder, folder_digest
from retrieval.errors import AdaptationError
from retrieval.files import sync_folder, written_beside

FORMAT = 1
REMEDY = "Run manage.py adapt_encoder again, or with --rollback."
_SERVING, _MANIFEST, _MODEL, _UNFINISHED = "serving.json", "manifest.json", "model", ".unfinished-"
_TEACHING = ".teaching"
_NAME = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Taught:
    """A taught encoder.

    Args:
        name: of its folder: the first digits of the hash of its weights, tokenizer and configuration.
        version: as its vectors and its index are stored under.
        base: version of the encoder it was taught from.
        about: what else its manifest says: what it was taught on, and what it is worth.
        files: SHA-256 of each, by path in `model/`.
    """

    name: str
    version: str
    base: str
    about: Mapping[str, Any]
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Serving:
    """Which taught encoder serves; an empty name is the one it was taught from.

    Args:
        base: version of the encoder of the settings it stands for: with another one, that one serves.
        name: of the encoder that serves.
        before: of the one that served before; None where there is no way back.
    """

    base: str
    name: str
    before: str | None


@contextmanager
def only_teacher(root: Path) -> Iterator[None]:
    """Nobody else teaches into this folder meanwhile.

    Raises:
        AdaptationError: somebody does, or the folder cannot be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        file = (root / _TEACHING).open("a")
    except OSError as error:
        raise AdaptationError(f"A taught encoder could not be written to {root}: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AdaptationError(
                "Another run teaches the text encoder of this site. Wait until it has ended; one that was killed "
                "goes on when it is started again."
            ) from error
        yield


def publish(root: Path, save: Callable[[Path], None], *, base: str, about: Mapping[str, Any]) -> Taught:
    """Store an encoder; a reader finds it whole or not at all. The same weights are stored once.

    Args:
        root: folder of all taught encoders.
        save: writes the model into the folder it is given.
        base: version of the encoder it was taught from.
        about: what its manifest says besides.

    Raises:
        AdaptationError: it could not be written.
    """
    partial = root / f"{_UNFINISHED}{secrets.token_hex(4)}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        for left in root.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        save(partial / _MODEL)
        taught = _described(partial / _MODEL, base, about)
        target = root / taught.name
        if not (target / _MANIFEST).exists():
            for path in sorted(path for path in partial.rglob("*") if path.is_file()):
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                sync_folder(path.parent)
            _write_json(partial / _MANIFEST, _as_json(taught))
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
            sync_folder(root)
        else:
            _write_json(target / _MANIFEST, _as_json(taught))
    except OSError as error:
        raise AdaptationError(f"The taught encoder could not be written to {root}: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return taught


def describe(root: Path, taught: Taught, about: Mapping[str, Any]) -> None:
    """Say more of it in its manifest. Raises AdaptationError when that cannot be written."""
    try:
        _write_json(root / taught.name / _MANIFEST, _as_json(taught) | dict(about))
    except OSError as error:
        raise AdaptationError(f"{root / taught.name} could not be written: {error.strerror}.") from error


def taught_encoders(root: Path) -> list[Taught]:
    """Those whose manifest can be read; their files are not looked at."""
    found = []
    for path in sorted(root.glob(f"*/{_MANIFEST}")):
        try:
            found.append(read(root, path.parent.name))
        except AdaptationError:
            continue
    return found


def read(root: Path, name: str) -> Taught:
    """What the manifest of an encoder says. Raises AdaptationError when it is missing or damaged."""
    path = root / name / _MANIFEST
    try:
        if not _NAME.fullmatch(name):
            raise ValueError(name)
        row = json.loads(path.read_text())
        known = {key: row.pop(key) for key in ("format", "version", "base", "files")}
        if known.pop("format") != FORMAT or not known["files"]:
            raise ValueError(path)
        return Taught(name=name, about=row, **known)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AdaptationError(f"{path} is missing or damaged. {REMEDY}") from error


def folder_of(root: Path, name: str) -> Path:
    """Of the model itself."""
    return root / name / _MODEL


def load(root: Path, name: str, *, threads: int = 1) -> SentenceTransformerEncoder:
    """The encoder, every checksum verified.

    Raises:
        AdaptationError: a file is missing or not what was stored.
        EncoderError: it cannot be loaded.
    """
    taught = read(root, name)
    verify(root, taught)
    encoder = SentenceTransformerEncoder(root / name / _MODEL, name=_label(taught.base), threads=threads)
    if encoder.version != taught.version:
        raise AdaptationError(f"{root / name} is not what was stored. {REMEDY}")
    return encoder


def verify(root: Path, taught: Taught) -> None:
    """Raises AdaptationError when a file of the encoder is missing or not what was stored."""
    folder = root / taught.name / _MODEL
    try:
        if _digests(folder) != dict(taught.files):
            raise AdaptationError(f"{folder} is not what was stored. {REMEDY}")
    except OSError as error:
        raise AdaptationError(f"{folder} cannot be read. {REMEDY}") from error


def serve(root: Path, serving: Serving) -> None:
    """From here on this one serves. Raises AdaptationError when that cannot be written."""
    row = {"format": FORMAT, "base": serving.base, "name": serving.name, "before": serving.before}
    try:
        _write_json(root / _SERVING, row)
    except OSError as error:
        raise AdaptationError(f"{root / _SERVING} could not be written: {error.strerror}.") from error


def serving(root: Path) -> Serving | None:
    """Which one serves; None when none was ever taken, or what says so is damaged."""
    try:
        row = json.loads((root / _SERVING).read_text())
        name, before = str(row["name"]), row["before"]
        if row["format"] != FORMAT or any(other and not _NAME.fullmatch(str(other)) for other in (name, before)):
            return None
        return Serving(str(row["base"]), name, None if before is None else str(before))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stamp(root: Path) -> tuple[int, int] | None:
    """Changes when another one serves; None when none was ever taken."""
    return stamp_of(root / _SERVING)


def discard(root: Path, *, keep: set[str]) -> None:
    """Removes the encoders that are not to be kept."""
    for path in root.glob(f"*/{_MANIFEST}"):
        if path.parent.name not in keep:
            shutil.rmtree(path.parent, ignore_errors=True)


def _described(model: Path, base: str, about: Mapping[str, Any]) -> Taught:
    digest = folder_digest(model)[:12]
    return Taught(digest, f"{_label(base)}@{digest}", base, about, _digests(model))


def _label(base: str) -> str:
    return f"{base.partition('@')[0]}-adapted"


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _as_json(taught: Taught) -> dict[str, Any]:
    known = {"format": FORMAT, "version": taught.version, "base": taught.base, "files": dict(taught.files)}
    return dict(taught.about) | known


def _write_json(path: Path, row: Mapping[str, Any]) -> None:
    with written_beside(path) as file:
        file.write(json.dumps(row, indent=1, sort_keys=True).encode())
    sync_folder(path.parent)
