"""JSON lines that a command reads while it writes another file."""

from pathlib import Path
from typing import TextIO

from django.core.management.base import CommandError


def refuse_same_file(source: Path, target: Path, *, option: str = "--input") -> None:
    """An answer does not take the place of its question, or of what it is compared with."""
    if source.exists() and target.exists() and source.samefile(target):
        said = f"--output {target} is the file of {option}; the same file cannot be both: name another one."
        raise CommandError(said, returncode=2)


def lines_open(path: Path) -> TextIO:
    """A mark of byte order at the start is no text. Lines end at line feeds alone: a text may hold other breaks."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n")


def is_utf8(line: str) -> bool:
    """False for a line of `lines_open` that holds bytes of another encoding."""
    return not any("\udc80" <= character <= "\udcff" for character in line)
