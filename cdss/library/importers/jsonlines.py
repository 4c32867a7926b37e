"""Cases and documents as JSON lines."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from cdss.library.authored import (
    AUTHORED_CHOICES,
    AUTHORED_LISTS,
    AUTHORED_RECORDS,
    AUTHORED_TEXTS,
    choice_of,
    records_of,
)
from cdss.library.field_values import RowError, flag_of, text_of, texts_of
from cdss.library.importers.archive import names_in, unpacked
from cdss.library.importers.base import Importer, Read, attempt, image_inside
from cdss.library.importers.beside import beside_of
from cdss.library.importers.carried import carried_of
from cdss.library.models import Kind
from cdss.library.rows import CaseRow, DocumentRow, ImageRow, Row

CASE_KEYS = {"history", "findings", "diagnosis", "images", "exam", "differential"}
CASE_TEXTS = ("title", "age", "sex", "history", "exam", "findings", "diagnosis", "diagnosis_by", "discussion",
              "treatment", "topic", "topic_title", "category", "licence")  # fmt: skip
DOCUMENT_TEXTS = ("authors", "journal", "publisher", "published", "doi", "pmid", "reference", "copyright", "status",
                  "licence")  # fmt: skip
IMAGE_TEXTS = ("modality", "sequence", "plane", "region", "location", "caption", "licence", "attribution")
# In a ZIP with its images.
CASES_FILE = "cases.jsonl"
MAX_FRAMES = 5000
MAX_LINE = 8 * 1024 * 1024
# JSON is read where it arrives: a child could only hand it over as JSON. So what a line can become is bounded first.
MAX_CONTAINERS, MAX_VALUES = 100_000, 400_000
PUBMED = "https://pubmed.ncbi.nlm.nih.gov/"


def read_cases(path: Path) -> Iterator[Read]:
    if not is_zipfile(path):
        yield from _read(path, partial(case_row, folder=path.parent, source=path.stem))
        return
    try:
        with unpacked(path) as folder:
            lines = next(iter(sorted(folder.rglob(CASES_FILE))), None)
            if lines is None:
                raise RowError(f"{path.name}: there is no {CASES_FILE} in it")
            yield from _read(lines, partial(case_row, folder=lines.parent, source=path.stem))
    except RowError as error:
        yield Read(1, reason=str(error))


def read_documents(path: Path) -> Iterator[Read]:
    return _read(path, partial(document_row, source=path.stem))


def case_row(data: Mapping[str, Any], *, folder: Path, source: str) -> CaseRow:
    source_name, source_id = _source(data, source)
    images = data.get("images") or []
    if not isinstance(images, list):
        raise RowError("images: expected a list of objects")
    values: dict[str, Any] = {name: text_of(data, name) for name in CASE_TEXTS}
    return CaseRow(
        source_name,
        source_id,
        **(values | authored_values(data)),
        differential=texts_of(data, "differential"),
        synthetic=flag_of(data, "synthetic"),
        patient=text_of(data, "patient_id"),
        images=tuple(_image(image, folder) for image in images),
        carried=carried_of(data),
        beside=beside_of(data, folder),
    )


def authored_values(data: Mapping[str, Any]) -> dict[str, Any]:
    return (
        {name: text_of(data, name) for name in AUTHORED_TEXTS}
        | {name: choice_of(data, name) for name in AUTHORED_CHOICES}
        | {name: texts_of(data, name) for name in AUTHORED_LISTS}
        | {name: records_of(data, name) for name in AUTHORED_RECORDS}
    )


def document_row(data: Mapping[str, Any], *, source: str) -> DocumentRow:
    source_name, source_id = _source(data, source)
    kind = text_of(data, "kind")
    if kind not in (Kind.GUIDELINE, Kind.LITERATURE):
        raise RowError(f"kind: expected guideline or literature, found {kind!r}")
    values: dict[str, Any] = {name: text_of(data, name) for name in DOCUMENT_TEXTS}
    url = text_of(data, "url")
    if url.startswith("pubmed:"):
        values["pmid"] = values["pmid"] or url.removeprefix("pubmed:")
        url = PUBMED + url.removeprefix("pubmed:") + "/"
    title = text_of(data, "title")
    if not title:
        raise RowError("title: there is none")
    return DocumentRow(
        source_name,
        source_id,
        kind,
        title,
        text_of(data, "text"),
        url=url if url.startswith(("https://", "http://")) else "",
        keywords=text_of(data, "keywords") or text_of(data, "conditions"),
        category=text_of(data, "category") or ", ".join(text_of(data, "specialty").splitlines()),
        synthetic=flag_of(data, "synthetic"),
        **values,
    )


def _source(data: Mapping[str, Any], fallback: str) -> tuple[str, str]:
    own_id = text_of(data, "id")
    if not own_id:
        raise RowError("id: there is none")
    source = data.get("source")
    if source is None:
        source = {}
    if isinstance(source, str):
        source = {"name": source}
    if not isinstance(source, dict):
        raise RowError("source: expected an object with name and id")
    return text_of(source, "name") or fallback, text_of(source, "id") or own_id


def _image(data: object, folder: Path) -> ImageRow:
    if not isinstance(data, dict):
        raise RowError("images: expected a list of objects")
    name = text_of(data, "path")
    if not name:
        raise RowError("images: an image has no path")
    about: dict[str, Any] = {"key": flag_of(data, "key"), **{key: text_of(data, key) for key in IMAGE_TEXTS}}
    frames = data.get("frames")
    if frames is None:
        return image_inside(folder, name, **about)
    if (
        not isinstance(frames, list)
        or not 0 < len(frames) <= MAX_FRAMES
        or not all(isinstance(each, str) for each in frames)
    ):
        raise RowError("images: frames: expected a list of paths")
    found = [image_inside(folder, each) for each in frames]
    problem = next((each.problem for each in found if each.problem), "")
    return ImageRow(tuple(each.files[0] for each in found), problem=problem, **about)


def _read(path: Path, make: Callable[[Mapping[str, Any]], Row]) -> Iterator[Read]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE)
                yield Read(number, reason=f"the line is longer than {MAX_LINE // 1024**2} MB")
            elif line.strip():
                yield _parsed(number, line, make)


def _parsed(number: int, line: bytes, make: Callable[[Mapping[str, Any]], Row]) -> Read:
    if _is_too_much(line):
        return Read(number, reason=f"the line has more than {MAX_VALUES:,} values")
    try:
        data = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else "not UTF-8 text, or nested too deeply"
        return Read(number, reason=f"not JSON: {said}")
    if not isinstance(data, dict):
        return Read(number, reason="expected an object")
    return attempt(number, lambda: make(data))


def _first(path: Path) -> set[str]:
    """Keys of the first line that can be read; a broken first line must not decide what the file is."""
    with path.open("rb") as file:
        for _ in range(50):
            try:
                line = file.readline(MAX_LINE)
                data = {} if _is_too_much(line) else json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError):
                continue
            if isinstance(data, dict):
                return set(data)
    return set()


def _is_too_much(line: bytes) -> bool:
    return line.count(b"{") + line.count(b"[") > MAX_CONTAINERS or line.count(b",") > MAX_VALUES


def _is_json_lines(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in (".jsonl", ".ndjson", ".json")


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) + 1


def _holds_documents(path: Path) -> bool:
    keys = _first(path)
    return "text" in keys or ("kind" in keys and not keys & CASE_KEYS)


def _holds_cases(path: Path) -> bool:
    if _is_json_lines(path):
        return not _holds_documents(path)
    return any(name.rpartition("/")[2] == CASES_FILE for name in names_in(path))


DOCUMENTS = Importer("documents", lambda path: _is_json_lines(path) and _holds_documents(path), read_documents, _lines)
CASES = Importer("cases", _holds_cases, read_cases, _lines)
