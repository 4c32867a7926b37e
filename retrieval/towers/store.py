"""Prepared towers in a folder of the site.

Each is a folder of its own, named by the hash of everything it depends on: `manifest.json` with the checksum of every
file and what was measured, and the files. It is written beside, fsynced and renamed; another library, processor or
option is another name, so nothing old is ever run.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from retrieval.errors import EncoderError
from retrieval.files import sync_folder, written_beside
from retrieval.machine import package_version, processor_flags

logger = logging.getLogger(__name__)
FORMAT = 1
FOLDER = "towers"
# Of other encoders, libraries and processors: so many of the newest stay.
KEPT = 4
_MANIFEST, _UNFINISHED = "manifest.json", ".unfinished-"
_LIBRARIES = (
    *("torch", "transformers", "sentence-transformers", "open_clip_torch", "timm", "tokenizers"),
    *("onnx", "onnxruntime", "numpy"),
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared tower.

    Args:
        folder: where it is.
        about: what its manifest says: `roles`, `measured`, and what the encoder needs.
        files: SHA-256 of each file by its name.
    """

    folder: Path
    about: Mapping[str, Any]
    files: Mapping[str, str]

    def verified(self, name: str) -> Path:
        """The path of a file.

        Raises:
            EncoderError: it is missing, or not what was stored.
        """
        path = self.folder / name
        try:
            if digest_of(path) == self.files[name]:
                return path
        except (OSError, KeyError):
            pass
        raise EncoderError(f"{path} is missing or not what was stored. Run manage.py prepare_encoders.")


def dependencies(*, encoder: str, weights: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a prepared tower depends on.

    Args:
        encoder: its version.
        weights: SHA-256 of them.
        options: how it is exported, and what has to hold.
    """
    return {
        "format": FORMAT,
        "encoder": encoder,
        "weights": weights,
        "options": dict(options),
        "libraries": {name: package_version(name) for name in _LIBRARIES},
        "processor": processor(),
    }


def name_of(kind: str, needs: Mapping[str, Any]) -> str:
    """Of the folder: the kind of tower, and the first digits of the hash of what it depends on."""
    canonical = json.dumps(needs, sort_keys=True, separators=(",", ":"))
    return f"{kind}-{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"


def load(root: Path, kind: str, needs: Mapping[str, Any]) -> Prepared | None:
    """What was prepared for exactly this; None when there is nothing, or nothing that can be read."""
    folder = root / name_of(kind, needs)
    try:
        row = json.loads((folder / _MANIFEST).read_text())
        if row["needs"] != json.loads(json.dumps(needs)) or not isinstance(row["roles"], dict):
            raise ValueError(folder)
        return Prepared(folder, row, {str(name): str(found) for name, found in row["files"].items()})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        logger.warning("%s is damaged and is not used: run manage.py prepare_encoders", folder)
        return None


def publish(root: Path, kind: str, needs: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]) -> Prepared:
    """Store a tower; a reader finds it whole or not at all.

    Args:
        root: folder of all prepared towers.
        kind: of this one.
        needs: see `dependencies`.
        make: writes the files into the folder it is given, and returns what the manifest says besides.

    Raises:
        EncoderError: it could not be written.
    """
    partial, target = root / f"{_UNFINISHED}{secrets.token_hex(4)}", root / name_of(kind, needs)
    try:
        partial.mkdir(parents=True)
        about = dict(make(partial))
        files = {path.name: digest_of(path) for path in sorted(partial.iterdir())}
        for name in files:
            with (partial / name).open("rb") as file:
                os.fsync(file.fileno())
        row = {**about, "files": files, "needs": dict(needs)}
        with written_beside(partial / _MANIFEST) as file:
            file.write(json.dumps(row, indent=1, sort_keys=True).encode())
        sync_folder(partial)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        sync_folder(root)
    except OSError as error:
        raise EncoderError(f"The encoder could not be prepared in {root}: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _tidy(root, keep=target)
    return Prepared(target, row, files)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def processor() -> str:
    """Model and instruction sets: int8 rounds differently on another one, and another way may be the fastest."""
    return hashlib.sha256(f"{platform.machine()} {sorted(processor_flags())}".encode()).hexdigest()[:16]


def _tidy(root: Path, *, keep: Path) -> None:
    for left in root.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    others = [path.parent for path in root.glob(f"*/{_MANIFEST}") if path.parent != keep]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in others[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
