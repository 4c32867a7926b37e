"""Events as rows: every field the hash is made of, and a manifest at the end, so that anyone can check them."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from django.db.models import QuerySet
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit import fhir
from cdss.audit.chain import moment_text, printable
from cdss.audit.models import GENESIS, ChainHead, Event
from cdss.audit.services import record
from cdss.audit.standalone.verify_export import COLUMNS, FORMAT, MANIFEST, PLACEHOLDERS, ROWS, WHOLE
from cdss.exports import Exported, Pieces, Row, csv_pieces, export_write, jsonl_pieces

FORMATS = {"csv": "text/csv", "jsonl": "application/x-ndjson", "fhir": "application/fhir+json"}
EXTENSIONS = {"csv": "csv", "jsonl": "jsonl", "fhir": "json"}
CHUNK = 400
LOOKS = 3
End = tuple[int, str]
NOTHING: End = (0, GENESIS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported: the filters as the page has them, and whether what they leave out keeps its place."""

    filters: Mapping[str, Any]
    placeholders: bool = True

    @property
    def used(self) -> dict[str, str]:
        return {name: printable(str(value)) for name, value in self.filters.items() if value}

    @property
    def mode(self) -> str:
        return WHOLE if not self.used else PLACEHOLDERS if self.placeholders else ROWS

    def events(self) -> QuerySet[Event]:
        return Event.objects.matching(**self.filters)


def export_events(*, by: User | None, wanted: Wanted, form: str, file: IO[bytes]) -> Exported:
    """Streams to a file that is open for writing, and records that it did."""
    manifest = Manifest(wanted, by.username if by else "")
    exported = write(manifest, form, file)
    details = {"format": form, "rows": exported.rows, "sha256": exported.sha256, "filters": wanted.used}
    record(action="audit.exported", by=by, details={**details, "mode": manifest.mode(form), **manifest.span})
    return exported


def write(manifest: "Manifest", form: str, file: IO[bytes]) -> Exported:
    return export_write(WRITERS[form](manifest), file)


class Manifest:
    """What the file holds, known when its last row is written."""

    def __init__(self, wanted: Wanted, by: str) -> None:
        self.wanted, self.by = wanted, by
        # Events that are added meanwhile, the one of this export among them, are not part of it.
        self.end, self.head = _end_and_head()
        self.rows = self.placeholders = self.first = self.last = 0

    def mode(self, form: str) -> str:
        return self.wanted.mode if form != "fhir" else ROWS

    @property
    def span(self) -> dict[str, int]:
        return {"first": self.first, "last": self.last}

    def events(self) -> Iterator[dict[str, Any]]:
        found = self.wanted.events().filter(sequence__lte=self.end[0]).order_by("sequence").values(*COLUMNS)
        for row in found.iterator(chunk_size=CHUNK):
            yield self._counted({**row, "at": moment_text(row["at"])})

    def events_and_placeholders(self) -> Iterator[dict[str, Any]]:
        if self.wanted.mode != PLACEHOLDERS:
            yield from self.events()
            return
        every = Event.objects.filter(sequence__lte=self.end[0]).order_by("sequence").values_list("sequence", "hash")
        events = self.events()
        event = next(events, None)
        for sequence, digest in every.iterator(chunk_size=CHUNK):
            if event and event["sequence"] == sequence:
                yield event
                event = next(events, None)
            else:
                self.placeholders += 1
                yield {"sequence": sequence, "hash": digest}

    def _counted(self, row: dict[str, Any]) -> dict[str, Any]:
        self.rows, self.first, self.last = self.rows + 1, self.first or row["sequence"], row["sequence"]
        return row

    def as_json(self, body_sha256: str) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "mode": self.wanted.mode,
            "rows": self.rows,
            "placeholders": self.placeholders,
            "first": self.first,
            "last": self.last,
            "head": {"sequence": self.head[0], "hash": self.head[1]},
            "body_sha256": body_sha256,
            "filters": self.wanted.used,
            "by": self.by,
            "at": moment_text(timezone.now()),
        }


def _end_and_head() -> tuple[End, End]:
    """The last event, and what the head says is the last: they differ only for a moment, or for good when cut off."""
    end = head = NOTHING
    for _ in range(LOOKS):
        head = ChainHead.objects.order_by("pk").values_list("sequence", "hash").first() or NOTHING
        end = Event.objects.order_by("-sequence").values_list("sequence", "hash").first() or NOTHING
        if head == end:
            break
    return end, head


def _hashed(pieces: Pieces, ending: Callable[[str], str]) -> Pieces:
    body = hashlib.sha256()
    for text, counted in pieces:
        body.update(text.encode())
        yield text, counted
    yield ending(body.hexdigest()), 0


def _jsonl(manifest: Manifest) -> Pieces:
    def ending(digest: str) -> str:
        return json.dumps({MANIFEST: manifest.as_json(digest)}, ensure_ascii=False) + "\n"

    return _hashed(_events_alone(jsonl_pieces(manifest.events_and_placeholders()), manifest), ending)


def _csv(manifest: Manifest) -> Pieces:
    def ending(digest: str) -> str:
        line = io.StringIO()
        csv.writer(line).writerow([MANIFEST, json.dumps(manifest.as_json(digest), ensure_ascii=False)])
        return line.getvalue()

    flat = (_flat(row) for row in manifest.events_and_placeholders())
    return _hashed(_events_alone(csv_pieces(COLUMNS, flat), manifest), ending)


def _flat(row: Row) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    return empty | dict(row) | ({"details": json.dumps(row["details"], ensure_ascii=False)} if "details" in row else {})


def _events_alone(pieces: Pieces, manifest: Manifest) -> Pieces:
    """A placeholder is no row that was asked for."""
    counted = 0
    for text, _ in pieces:
        yield text, manifest.rows - counted
        counted = manifest.rows


def _fhir(manifest: Manifest) -> Pieces:
    return fhir.bundle_pieces(fhir.entry(row) for row in manifest.events())


WRITERS: dict[str, Callable[[Manifest], Pieces]] = {"csv": _csv, "jsonl": _jsonl, "fhir": _fhir}
