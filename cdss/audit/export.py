"""Events as rows. The JSON lines hold every field the hash is made of, so that anyone can check the chain."""

import json
from collections.abc import Iterator
from typing import IO, Any

from django.db.models import QuerySet

from cdss.audit.chain import Fields
from cdss.audit.models import Event
from cdss.exports import Exported, csv_pieces, export_write, jsonl_pieces

FORMATS = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
COLUMNS = (*Fields._fields, "hash")
CHUNK = 2000


def write(found: QuerySet[Event], form: str, file: IO[bytes]) -> Exported:
    rows = _rows(found)
    if form == "jsonl":
        return export_write(jsonl_pieces(rows), file)
    flat = ({**row, "details": json.dumps(row["details"], ensure_ascii=False)} for row in rows)
    return export_write(csv_pieces(COLUMNS, flat), file)


def _rows(found: QuerySet[Event]) -> Iterator[dict[str, Any]]:
    for row in found.order_by("sequence").values(*COLUMNS).iterator(chunk_size=CHUNK):
        yield {**row, "at": row["at"].isoformat(timespec="microseconds")}
