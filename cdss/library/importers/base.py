from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdss.library.field_values import RowError
from cdss.library.rows import ImageRow, Row


class FormatError(ValueError):
    """A path that is not there, or that no importer can read."""


class UnknownFormatError(FormatError):
    """No importer recognises it."""


@dataclass(frozen=True, slots=True)
class Read:
    """A row of a source, or why it is skipped. `line` counts from 1: a line, a record, a page or a file."""

    line: int
    row: Row | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Importer:
    """`recognises` looks at a path without reading all of it; `count` is for the progress bar and may be a guess."""

    name: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], Iterator[Read]]
    count: Callable[[Path], int]


def attempt(line: int, make: Callable[[], Row]) -> Read:
    try:
        return Read(line, make())
    except RowError as error:
        return Read(line, reason=str(error))


def image_inside(folder: Path, name: str, **about: Any) -> ImageRow:
    """An image named by a source, which must lie in the source's own folder. Links that stand there are followed."""
    parts = Path(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or "\0" in name:
        raise RowError(f"images: {name[:200]!r} lies outside the folder of the file")
    path = folder / parts
    return ImageRow((path,), problem="" if path.is_file() else f"{name[:200]}: not found.", **about)
