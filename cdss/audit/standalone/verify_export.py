#!/usr/bin/env python3
"""Checks an export of an audit trail. One file that needs nothing but Python 3.9 or later.

    python3 verify_export.py EXPORT [--anchors FILE] [--noted NUMBER:HASH] [--sha256 HEX] [--json]

EXPORT is the JSON lines or the CSV that the Audit page or manage.py export_audit wrote. Exit code 0: it holds;
1: it does not, and the first event that is not what was written is named; 2: it is no such export.

An event's hash is the SHA-256 of this JSON array, keys of objects sorted, no spaces, everything beyond ASCII escaped:

    [sequence, at, actor, role, location, action, object_type, object_id, details, previous_hash]

A whole export proves that no event of it was edited, deleted, inserted or moved. So does one with placeholders: of an
event that the filters left out it holds number and hash alone, and who is later given that event can check that it is
the one. One of rows alone proves of each row that it is what its hash was made of, and not that none is missing.
Someone who makes the whole trail anew leaves one that holds in itself: anchors, noted events and the SHA-256 of the
file, when they were kept elsewhere, tell it.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, BinaryIO, Iterator, Mapping, NamedTuple, Sequence  # noqa: UP035

FORMAT = "cdss-audit-export/1"
GENESIS = "0" * 64
FIELDS = (
    "sequence",
    "at",
    "actor",
    "role",
    "location",
    "action",
    "object_type",
    "object_id",
    "details",
    "previous_hash",
)
COLUMNS = (*FIELDS, "hash")
WHOLE, PLACEHOLDERS, ROWS = "whole", "placeholders", "rows"
MANIFEST = "manifest"
# In CSV a cell that a spreadsheet would compute has one quote in front.
QUOTE = "'"

CHANGED = "Its fields were changed after it was written."
NOT_THE_NEXT = "It does not follow the event before it: one of the two was rewritten."
UNREADABLE = "Its fields cannot be read."
NOT_THE_NOTED = "It is not the event that was noted: this one or one before it was rewritten."
NOT_THE_HEAD = "It is not the event that the head of the chain names."
OTHER_BYTES = (
    "The file was changed after it was written, though none of its events: it is not what its manifest describes."
)
OTHER_FILE = "The SHA-256 of the file is not the one it was given with."


class NoExportError(ValueError):
    """The file is not an export of an audit trail."""


class Row(NamedTuple):
    """`digest` is the hash its fields give; None for a placeholder, which has no fields."""

    sequence: int
    digest: str | None
    stored: str
    previous: str


class Anchor(NamedTuple):
    """What was noted of the head of the chain: on which day, the number and the hash of its last event."""

    date: str
    sequence: int
    hash: str


class Report(NamedTuple):
    """`sequence` of the first event that is not what was written; None when no single event is at fault."""

    holds: bool
    mode: str
    events: int
    placeholders: int
    last: int
    head: str
    anchors: int
    sequence: int | None = None
    problem: str = ""


def event_hash(values: Sequence[object]) -> str:
    """SHA-256 over the values of FIELDS."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class Chain:
    """Follows a trail from its first event and says what is wrong with the next one."""

    def __init__(self, anchors: Sequence[Anchor] = ()) -> None:
        self.events = 0
        self.last = 0
        self.head = GENESIS
        self.anchored = 0
        self.held = 0
        self._anchors: dict[int, list[Anchor]] = {}
        for anchor in anchors:
            self._anchors.setdefault(anchor.sequence, []).append(anchor)

    def step(self, row: Row, gaps: bool = False) -> str:
        """Empty when the row follows. With `gaps`, events may be left out."""
        expected = self.last + 1
        if row.sequence > expected and not gaps:
            return f"It is missing; the next event there is has number {row.sequence}."
        if row.sequence < expected:
            return f"An event with number {row.sequence} stands before it."
        if row.digest is not None:
            if row.digest != row.stored:
                return CHANGED
            if row.sequence == expected and row.previous != self.head:
                return NOT_THE_NEXT
        self.last, self.head = row.sequence, row.stored
        self.events += row.digest is not None
        return self._against_anchors(row) if row.sequence in self._anchors else ""

    def _against_anchors(self, row: Row) -> str:
        for anchor in self._anchors[row.sequence]:
            if anchor.hash != row.stored:
                return rewritten(anchor, self.held)
            self.anchored += 1
        self.held = row.sequence
        return ""

    def beyond(self) -> Anchor | None:
        """The first anchor that names an event after the last."""
        later = [number for number in self._anchors if number > self.last]
        return self._anchors[min(later)][0] if later else None


def rewritten(anchor: Anchor, held: int) -> str:
    if not anchor.date:
        return NOT_THE_NOTED
    where = f"one of the events {held + 1} to {anchor.sequence} was rewritten"
    return f"It is not the event of the anchor of {anchor.date}: {where}."


def cut_off(anchor: Anchor) -> str:
    if not anchor.date:
        return f"Events up to the noted one, {anchor.sequence}, were cut off the end."
    return (
        f"Events up to {anchor.sequence}, the last one when the anchor of {anchor.date} was made, were cut off the end."
    )


def read_anchors(path: Path) -> list[Anchor]:
    """An exported file of anchors. Raises NoExportError and OSError."""
    anchors = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = parsed(line.decode())
            anchor = Anchor(str(row["date"]), int(row["sequence"]), str(row["hash"]))
        except (ValueError, KeyError, TypeError) as error:
            raise NoExportError(f"{path}, line {number}: not an anchor.") from error
        if anchor.sequence < 1 or len(anchor.hash) != 64:
            raise NoExportError(f"{path}, line {number}: not an anchor.")
        anchors.append(anchor)
    return anchors


def parsed(text: str) -> Any:
    """JSON, without what would be read as one thing and shown as another."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no value")


class Export:
    """A file of events with its manifest at the end, read line by line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_csv = False
        self.manifest: dict[str, Any] | None = None
        self.body_sha256 = self.sha256 = ""
        self._scan()

    def _scan(self) -> None:
        whole, body = hashlib.sha256(), hashlib.sha256()
        with self.path.open("rb") as file:
            first = file.readline()
            self.is_csv = not first.lstrip().startswith(b"{")
            if self.is_csv and first.strip() != ",".join(COLUMNS).encode():
                raise NoExportError(f"{self.path} is neither the JSON lines nor the CSV of an audit trail.")
            file.seek(0)
            for line in file:
                whole.update(line)
                if self._is_manifest(line):
                    self.manifest = self._read_manifest(line)
                elif self.manifest is None:
                    body.update(line)
                else:
                    # Something stands after the manifest: then it is not the end.
                    raise NoExportError(f"{self.path} goes on after its manifest.")
        self.sha256, self.body_sha256 = whole.hexdigest(), body.hexdigest()

    def _is_manifest(self, line: bytes) -> bool:
        return line.startswith(b"manifest," if self.is_csv else b'{"manifest":')

    def _read_manifest(self, line: bytes) -> dict[str, Any]:
        try:
            text = next(csv.reader([line.decode()]))[1] if self.is_csv else line.decode()
            found = parsed(text) if self.is_csv else parsed(text)[MANIFEST]
            if found["format"] != FORMAT:
                raise NoExportError(f"{self.path} is of the format {found['format']}; this program reads {FORMAT}.")
            numbers = [found["rows"], found["placeholders"], found["first"], found["last"], found["head"]["sequence"]]
            texts = [found["mode"], found["at"], found["head"]["hash"], found["body_sha256"]]
        except (ValueError, KeyError, TypeError, IndexError, csv.Error) as error:
            if isinstance(error, NoExportError):
                raise
            raise NoExportError(f"The manifest of {self.path} cannot be read.") from error
        if not all(type(n) is int for n in numbers) or not all(isinstance(text, str) for text in texts):
            raise NoExportError(f"The manifest of {self.path} cannot be read.")
        return dict(found)

    def rows(self) -> Iterator[Row]:
        """Raises ValueError, KeyError or TypeError where a row cannot be read."""
        with self.path.open("rb") as file:
            yield from self._csv_rows(file) if self.is_csv else self._json_rows(file)

    def _json_rows(self, file: BinaryIO) -> Iterator[Row]:
        for line in file:
            if not self._is_manifest(line):
                yield row_of(parsed(line.decode()))

    def _csv_rows(self, file: BinaryIO) -> Iterator[Row]:
        lines = (line.decode() for line in file if not self._is_manifest(line))
        for cells in csv.reader(lines, strict=True):
            if tuple(cells) != COLUMNS:
                yield row_of(_uncelled(cells))


def _uncelled(cells: Sequence[str]) -> dict[str, Any]:
    if len(cells) != len(COLUMNS):
        raise ValueError("a row has too few or too many cells")
    plain = [cell[1:] if cell.startswith(QUOTE) else cell for cell in cells]
    row: dict[str, Any] = dict(zip(COLUMNS, plain))  # noqa: B905
    if str(int(row["sequence"])) != row["sequence"]:
        raise ValueError("a number is not written as one")
    row["sequence"] = int(row["sequence"])
    if not any(plain[1:-1]):
        return {"sequence": row["sequence"], "hash": row["hash"]}
    row["details"] = parsed(row["details"])
    return row


def row_of(row: Mapping[str, Any]) -> Row:
    sequence, stored = row["sequence"], row["hash"]
    if type(sequence) is not int or not isinstance(stored, str):
        raise TypeError("an event has no number or no hash")
    if len(row) == 2:
        return Row(sequence, None, stored, "")
    if set(row) != set(COLUMNS):
        raise ValueError("an event has other fields than it should")
    return Row(sequence, event_hash([row[name] for name in FIELDS]), stored, str(row["previous_hash"]))


def verify_export(path: Path, anchors: Sequence[Anchor] = (), sha256: str = "") -> Report:
    """Raises NoExportError and OSError. Reads the file twice and keeps one row of it."""
    export = Export(path)
    manifest = export.manifest
    mode = str(manifest["mode"]) if manifest else WHOLE
    chain, placeholders, head = Chain(anchors), 0, manifest["head"] if manifest else {}

    def report(sequence: int | None = None, problem: str = "") -> Report:
        return Report(
            not problem, mode, chain.events, placeholders, chain.last, chain.head, chain.anchored, sequence, problem
        )

    try:
        for row in export.rows():
            last = chain.last
            if problem := chain.step(row, gaps=mode == ROWS):
                # With gaps the row itself is meant; without, the place in the row of numbers.
                return report(row.sequence if mode == ROWS else last + 1, problem)
            placeholders += row.digest is None
            if manifest and mode != ROWS and row.sequence == head["sequence"] and row.stored != head["hash"]:
                return report(row.sequence, NOT_THE_HEAD)
            if row.digest is None and mode != PLACEHOLDERS:
                return report(row.sequence, "It is a placeholder, and the export is not one with placeholders.")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, csv.Error):
        return report(chain.last + 1, UNREADABLE)
    if manifest is None:
        return report(chain.last + 1, "The manifest is missing: the end of the file was cut off.")
    sequence, problem = against_manifest(manifest, chain, placeholders)
    if not problem and export.body_sha256 != manifest["body_sha256"]:
        problem = OTHER_BYTES
    if not problem and sha256 and export.sha256 != sha256:
        problem = OTHER_FILE
    if not problem and mode != ROWS and (later := chain.beyond()) and later.date[:10] <= manifest["at"][:10]:
        sequence, problem = chain.last + 1, cut_off(later)
    return report(sequence, problem)


def against_manifest(manifest: Mapping[str, Any], chain: Chain, placeholders: int) -> tuple[int | None, str]:
    """The place of what is wrong, and what it is."""
    head = manifest["head"]
    if manifest["mode"] not in (WHOLE, PLACEHOLDERS, ROWS):
        return None, f"The manifest names a mode there is not: {manifest['mode']}."
    end = manifest["last"] if manifest["mode"] == ROWS else head["sequence"]
    if chain.last < end:
        return chain.last + 1, f"Events up to {end} were cut off the end."
    if chain.last > end:
        return end + 1, f"It was added past the end of the export, which is at {end}."
    if end == 0 and manifest["mode"] != ROWS and head["hash"] != GENESIS:
        return 1, NOT_THE_HEAD
    if (chain.events, placeholders) != (manifest["rows"], manifest["placeholders"]):
        wanted = f"{manifest['rows']} events and {manifest['placeholders']} placeholders"
        return None, f"There should be {wanted}; there are {chain.events} and {placeholders}."
    return None, ""


def said(report: Report, manifest: Mapping[str, Any]) -> str:
    if not report.holds:
        place = "" if report.sequence is None else f" at event {report.sequence}"
        return f"The export does not hold{place}. {report.problem}"
    lines = [f"The export holds: {report.events} events, last {report.last}:{report.head}."]
    if report.mode == PLACEHOLDERS:
        lines.append(f"{report.placeholders} events were left out by filters; their numbers and hashes are there.")
    if report.mode == ROWS:
        lines.append("It holds chosen rows alone: each is unaltered; that none is missing cannot be told.")
    lines.append(f"Written {manifest['at']} by {manifest.get('by') or 'the command line'}.")
    lines.append(
        f"{report.anchors} anchors agree." if report.anchors else "No anchor was compared: see --anchors and --noted."
    )
    return "\n".join(lines)


def _noted(text: str) -> Anchor:
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(number) > 18 or len(digest) != 64:
        raise argparse.ArgumentTypeError(f"{text!r}: write the number of an event and its hash, NUMBER:HASH.")
    return Anchor("", int(number), digest)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Checks an export of an audit trail.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--anchors", type=Path, metavar="FILE", help="anchors that were exported and kept elsewhere")
    parser.add_argument("--noted", type=_noted, action="append", default=[], metavar="NUMBER:HASH")
    parser.add_argument("--sha256", default="", metavar="HEX", help="of the file, as its own event in the trail has it")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        anchors = [*(read_anchors(given.anchors) if given.anchors else ()), *given.noted]
        report = verify_export(given.export, anchors, given.sha256.lower())
        manifest = Export(given.export).manifest or {}
    except (NoExportError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(report._asdict()) if given.json else said(report, manifest))
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
