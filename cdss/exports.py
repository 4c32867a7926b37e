"""Rows that leave as a file: written whole or not at all, hashed, harmless in a spreadsheet, in constant memory."""

import asyncio
import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

Row = Mapping[str, Any]
# A piece of the file, and how many rows it holds.
Pieces = Iterator[tuple[str, int]]
# What a spreadsheet takes for the start of a formula, and the quote itself, so that a first quote is always ours.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠'")
BLOCK = 64 * 1024
NOT_READ = "A filter cannot be read: dates are YYYY-MM-DD. Nothing was exported; go back and set it right."


@dataclass(frozen=True, slots=True)
class Exported:
    rows: int
    sha256: str
    size: int


def export_write(pieces: Pieces, file: IO[bytes]) -> Exported:
    digest = hashlib.sha256()
    rows = size = 0
    for text, counted in pieces:
        data = text.encode()
        file.write(data)
        digest.update(data)
        rows += counted
        size += len(data)
    return Exported(rows, digest.hexdigest(), size)


def csv_pieces(columns: Sequence[str], rows: Iterable[Row]) -> Pieces:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(columns)
    yield line.getvalue(), 0
    for row in rows:
        line.seek(0)
        line.truncate()
        writer.writerow([neutral(row[name]) for name in columns])
        yield line.getvalue(), 1


def jsonl_pieces(rows: Iterable[Row]) -> Pieces:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n", 1


def neutral(value: object) -> str:
    """A cell that no spreadsheet computes; taking the first quote off gives the value back."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def download(request: HttpRequest, file: IO[bytes], *, name: str, content_type: str) -> StreamingHttpResponse:
    """`file` stands at its end; it is closed when it has been sent."""
    size = file.tell()
    file.seek(0)
    # Django would read a plain iterator into memory before sending it from an async server.
    content = _blocks_async(file) if isinstance(request, ASGIRequest) else _blocks(file)
    response = StreamingHttpResponse(content, content_type=content_type)
    response["Content-Length"] = str(size)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


async def _blocks_async(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while block := await asyncio.to_thread(file.read, BLOCK):
            yield block
