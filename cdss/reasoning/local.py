"""Putting a local model's file in its place: copied or joined from numbered parts, checked, then renamed."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from retrieval.files import sync_folder

# Published by Qwen under Apache 2.0 as Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF.
KNOWN = {
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf": "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
}
_PART = re.compile(r"part(\d+)\.bin")
_BLOCK = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class LocalModelError(Exception):
    """The model file was not put in place; nothing is left behind."""


def install(*, source: Path, target: Path, sha256: str) -> Path:
    """Writes beside `target`, syncs, checks, renames; `target`.sha256 lets every load check it again."""
    if not _SHA256.fullmatch(sha256 := sha256.strip().lower()):
        raise LocalModelError("The SHA-256 must be 64 hexadecimal digits, as the publisher of the model gives it.")
    pieces = pieces_of(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    size = sum(piece.stat().st_size for piece in pieces)
    if shutil.disk_usage(target.parent).free < size:
        raise LocalModelError(f"{size / 1e9:.1f} GB are needed in {target.parent}: make room and run this again.")
    beside = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        found = _write(beside, pieces)
        if found != sha256:
            raise LocalModelError(
                f"The SHA-256 is {found}, not {sha256}: the file is not what it should be. It was deleted."
            )
        record = target.with_name(target.name + ".sha256")
        record.unlink(missing_ok=True)
        beside.replace(target)
        record.write_text(f"{sha256}  {target.name}\n")
        sync_folder(target.parent)
    except OSError as error:
        raise LocalModelError(f"The model could not be written to {target.parent}: {error.strerror}.") from error
    finally:
        beside.unlink(missing_ok=True)
    return target


def pieces_of(source: Path) -> Sequence[Path]:
    """One GGUF file, or partNN.bin files anywhere under a folder, in the order of their numbers and without a gap."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise LocalModelError(f"There is nothing at {source}.")
    numbered = sorted(_numbered(source))
    if not numbered:
        raise LocalModelError(f"{source} holds no part01.bin, part02.bin and so on.")
    if [number for number, _ in numbered] != list(range(1, len(numbered) + 1)):
        raise LocalModelError(
            f"Parts are missing or doubled: found {', '.join(str(number) for number, _ in numbered)}."
        )
    return [path for _, path in numbered]


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in folder.rglob("part*.bin"):
        if found := _PART.fullmatch(path.name):
            yield int(found[1]), path


def _write(path: Path, pieces: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    with path.open("xb") as out:
        for piece in pieces:
            with piece.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    out.write(block)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()
