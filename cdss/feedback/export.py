"""Feedback as rows for audit: CSV, JSON lines, or a FHIR R4 Bundle, one row at a time."""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, Any

from django.db.models import QuerySet

from cdss.exports import Exported, Pieces, Row, csv_pieces, export_write, jsonl_pieces
from cdss.feedback import fhir
from cdss.feedback.models import Feedback

FORMATS = {"csv": "text/csv", "jsonl": "application/x-ndjson", "fhir": "application/fhir+json"}
EXTENSIONS = {"csv": "csv", "jsonl": "jsonl", "fhir": "json"}
CHUNK = 500
COLUMNS = (
    "feedback_id",
    "date",
    "user",
    "role",
    "location",
    "consultation",
    "intervention_type",
    "intervention",
    "source",
    "writer",
    "action_taken",
    "reason",
    "feedback",
    "correction",
    "final_diagnosis",
    "confirmed_by",
    "index_version",
    "model",
    "text_encoder",
    "image_encoder",
)
READ = (
    *("pk", "created", "user__username", "role", "location", "consultation_id", "verdict", "reason", "comment"),
    *("correction", "final_diagnosis", "confirmed_by", "statement_id", "diagnosis_id", "evidence_id", "citation_id"),
    *("citation__quote", "citation__statement__diagnosis__answer__writer", "citation__evidence__label"),
    *("citation__evidence__source_name", "citation__evidence__source_id"),
    *("consultation__index_version", "consultation__text_encoder", "consultation__image_encoder"),
    *("statement__text", "statement__diagnosis__name", "statement__diagnosis__answer__writer"),
    *("diagnosis__name", "diagnosis__answer__writer"),
    *("evidence__label", "evidence__title", "evidence__source_name", "evidence__source_id"),
)


def rows(found: QuerySet[Feedback]) -> Iterator[dict[str, Any]]:
    for value in found.order_by("pk").values(*READ).iterator(chunk_size=CHUNK):
        yield _row(value)


def write(found: QuerySet[Feedback], form: str, file: IO[bytes]) -> Exported:
    """Streams to a file that is open for writing."""
    return export_write(WRITERS[form](rows(found)), file)


def _row(value: dict[str, Any]) -> dict[str, Any]:
    if value["statement_id"]:
        kind, text, writer = "statement", value["statement__text"], value["statement__diagnosis__answer__writer"]
        source = value["statement__diagnosis__name"]
    elif value["diagnosis_id"]:
        kind, text, writer, source = "diagnosis", value["diagnosis__name"], value["diagnosis__answer__writer"], ""
    elif value["citation_id"]:
        kind, text = "citation", value["citation__quote"]
        writer, source = value["citation__statement__diagnosis__answer__writer"], _source(value, "citation__evidence")
    elif value["evidence_id"]:
        kind, text, writer, source = "evidence", value["evidence__title"], "", _source(value, "evidence")
    else:
        kind, text, writer, source = "consultation", "", "", ""
    values = (
        *(value["pk"], value["created"].isoformat(timespec="seconds"), value["user__username"], value["role"]),
        *(value["location"], f"C-{value['consultation_id']}", kind, text, source, writer, value["verdict"]),
        *(value["reason"], value["comment"], value["correction"], value["final_diagnosis"], value["confirmed_by"]),
        *(value["consultation__index_version"], writer),
        *(value["consultation__text_encoder"], value["consultation__image_encoder"]),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _source(value: dict[str, Any], of: str) -> str:
    return f"{value[f'{of}__label']}: {value[f'{of}__source_name']} {value[f'{of}__source_id']}"


def _fhir(found: Iterable[Row]) -> Pieces:
    yield fhir.BUNDLE_START, 0
    separator = ""
    for row in found:
        yield separator + json.dumps(fhir.entry(row), ensure_ascii=False), 1
        separator = ",\n"
    yield fhir.BUNDLE_END, 0


WRITERS: dict[str, Callable[[Iterable[Row]], Pieces]] = {
    "csv": partial(csv_pieces, COLUMNS),
    "jsonl": jsonl_pieces,
    "fhir": _fhir,
}
