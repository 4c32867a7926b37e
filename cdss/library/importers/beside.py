"""What a file names beside the images of a case, for other rooms to keep: whole series, segmentations,
marks."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cdss.library.field_values import RowError
from cdss.library.importers.base import image_inside
from cdss.library.rows import Beside

KINDS = ("series", "segmentations", "marks")
# Keys whose values are names of files.
NAMES, NAME = ("files", "states"), "path"
MAX_ENTRIES, MAX_FILES = 1000, 50_000


def beside_of(data: Mapping[str, Any], folder: Path) -> Beside | None:
    """None where nothing is named. A file that is not there is left to the room that misses it."""
    said = {kind: data[kind] for kind in KINDS if data.get(kind)}
    files: dict[str, Path] = {}
    for kind, entries in said.items():
        if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
            raise RowError(f"{kind}: expected a list of objects")
        for name in _names(kind, entries):
            if len(files) >= MAX_FILES:
                raise RowError(f"{kind}: more than {MAX_FILES:,} files are named")
            found = image_inside(folder, name)
            if not found.problem:
                files[name] = found.files[0]
    return Beside(said, files) if said else None


def _names(kind: str, entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if not isinstance(entry, dict):
            raise RowError(f"{kind}: expected a list of objects")
        named = [entry.get(NAME, ""), *(name for key in NAMES for name in _list(kind, entry.get(key, [])))]
        if not all(isinstance(name, str) for name in named):
            raise RowError(f"{kind}: names of files are texts")
        yield from filter(None, named)


def _list(kind: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise RowError(f"{kind}: expected lists of names of files")
    return value
