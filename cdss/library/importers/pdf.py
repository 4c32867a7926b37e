"""PDF: one document for each file, with the pages its text stands on. A folder stands for all PDF files in it."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from django.conf import settings

from cdss.library.field_values import RowError, clean
from cdss.library.importers.base import Importer, Read, attempt
from cdss.library.importers.citations import year_of
from cdss.library.models import Kind
from cdss.library.rows import MAX_TEXT, DocumentRow
from cdss.reading import door
from retrieval.errors import UnreadableError

MAX_PAGES = 3000


def read(path: Path) -> Iterator[Read]:
    for number, file in enumerate(_files(path), 1):
        yield attempt(number, partial(document_row, file))


def document_row(path: Path) -> DocumentRow:
    if path.stat().st_size > settings.UPLOAD_MAX_BYTES:
        raise RowError(f"{path.name}: larger than {settings.UPLOAD_MAX_BYTES // 1024**2} MB")
    try:
        return _document(path)
    except (RowError, UnreadableError) as error:
        raise RowError(f"{path.name}: {error}") from error


def _document(path: Path) -> DocumentRow:
    read = door.read(f"{door.DOCUMENTS}:pdf", path, pages=MAX_PAGES, characters=2 * MAX_TEXT).facts
    text, pages = _text(read["pages"])
    if not text:
        raise RowError("no text in this PDF: run OCR first")
    return DocumentRow(
        f"PDF: {path.resolve().parent.name}",
        path.name,
        Kind.LITERATURE,
        clean(read["Title"]) or path.stem.replace("_", " "),
        text,
        authors=clean(read["Author"]),
        published=year_of(read["CreationDate"].removeprefix("D:")[:4]),
        pages=tuple(pages),
    )


def _text(read: Sequence[str]) -> tuple[str, list[tuple[int, int, int]]]:
    parts: list[str] = []
    pages: list[tuple[int, int, int]] = []
    at = 0
    for number, page in enumerate(read, 1):
        text = clean(page)
        if text:
            pages.append((at, at + len(text), number))
            parts.append(text)
            at += len(text) + 2
        if at > MAX_TEXT:
            raise RowError(f"more than {MAX_TEXT:,} characters of text: split it first")
    return "\n\n".join(parts), pages


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() == ".pdf" and file.is_file())


def _recognises(path: Path) -> bool:
    if path.is_file():
        with path.open("rb") as file:
            return path.suffix.lower() == ".pdf" or file.read(5) == b"%PDF-"
    return bool(_files(path))


IMPORTER = Importer("pdf", _recognises, read, lambda path: len(_files(path)))
