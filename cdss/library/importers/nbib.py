"""Tagged citations: NBIB (MEDLINE) and RIS."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from cdss.library.field_values import RowError, clean
from cdss.library.importers.base import Importer, Read, attempt
from cdss.library.importers.citations import Paper, document_of, doi_of, year_of
from cdss.library.rows import DocumentRow

TAG = re.compile(r"^([A-Z][A-Z0-9]{1,3}) {0,2}- ?(.*)$")
STRUCTURED = re.compile(r"(?:^|(?<=[.!?)] ))([A-Z][A-Z /&,-]{3,60}): ")
MAX_RECORD_LINES = 20_000
LINKS = {"RIN": "RetractionIn", "UIN": "UpdateIn", "EIN": "ErratumIn", "CRI": "CorrectedandRepublishedIn"}

Record = Mapping[str, Sequence[str]]


def read(path: Path) -> Iterator[Read]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line, record in _records(file):
            yield attempt(line, partial(_document, record))


def _document(record: Record) -> DocumentRow:
    if sum(map(len, record.values())) >= MAX_RECORD_LINES:
        raise RowError(f"the record has more than {MAX_RECORD_LINES:,} lines; does each one end?")
    return document_of(_ris(record) if "TY" in record else _nbib(record))


def _records(lines: Iterator[str]) -> Iterator[tuple[int, Record]]:
    """(line it starts on, tag → values). A record ends with ER (RIS), at a blank line or at the next start tag."""
    record: dict[str, list[str]] = defaultdict(list)
    started, tag, count = 1, "", 0
    for number, raw in enumerate(lines, 1):
        line = clean(raw.rstrip("\n")) if raw.strip() else ""
        found = TAG.match(line + ("" if " - " in line else " "))
        ends = (found and found[1] == "ER") or (not line and "TY" not in record)
        starts = found and found[1] in ("PMID", "TY")
        if (ends or starts) and record:
            yield started, dict(record)
            record, tag, count = defaultdict(list), "", 0
        if found and found[1] != "ER":
            started = number if not record else started
            tag = found[1]
            record[tag].append(found[2].strip())
        elif line and tag and not found and count < MAX_RECORD_LINES:
            record[tag][-1] += " " + line.strip()
        count += 1
    if record:
        yield started, dict(record)


def _first(record: Record, *tags: str) -> str:
    return next((record[tag][0] for tag in tags if record.get(tag) and record[tag][0]), "")


def _all(record: Record, *tags: str) -> list[str]:
    return [value for tag in tags for value in record.get(tag, ())]


def _nbib(record: Record) -> Paper:
    return Paper(
        title=_first(record, "TI", "TT"),
        abstract=_with_headings(_first(record, "AB")),
        pmid=_first(record, "PMID"),
        doi=next((doi for text in _all(record, "LID", "AID") if "[doi]" in text and (doi := doi_of(text))), ""),
        authors=_all(record, "AU", "CN"),
        journal=_first(record, "JT", "TA"),
        published=year_of(_first(record, "DP")),
        volume=_first(record, "VI"),
        issue=_first(record, "IP"),
        pages=_first(record, "PG"),
        copyright=_first(record, "CI"),
        keywords=[name.replace("*", "") for name in _all(record, "MH", "OT")],
        types=_all(record, "PT"),
        links=[(kind, "") for tag, kind in LINKS.items() if tag in record],
        status="retracted" if "RIN" in record else "expression of concern" if "ECI" in record else "",
    )


def _ris(record: Record) -> Paper:
    accession = _first(record, "AN")
    from_pubmed = "pubmed" in _first(record, "DB", "DP").lower() and accession.isdigit()
    return Paper(
        title=_first(record, "TI", "T1"),
        abstract=_with_headings(_first(record, "AB", "N2")),
        pmid=accession if from_pubmed else "",
        doi=doi_of(_first(record, "DO")),
        accession=accession,
        authors=_all(record, "AU", "A1"),
        journal=_first(record, "JF", "JO", "T2", "JA"),
        published=year_of(_first(record, "PY", "Y1", "DA")),
        volume=_first(record, "VL"),
        issue=_first(record, "IS"),
        pages="-".join(part for part in (_first(record, "SP"), _first(record, "EP")) if part),
        url=_first(record, "UR"),
        keywords=_all(record, "KW"),
        types=_all(record, "M3"),
    )


def _with_headings(abstract: str) -> str:
    """BACKGROUND: … METHODS: … in one line becomes blocks under their headings, as in the XML."""
    parts = STRUCTURED.split(abstract)
    blocks = [
        parts[0].strip(),
        *(f"{name.capitalize()}:\n{body.strip()}" for name, body in zip(parts[1::2], parts[2::2], strict=True)),
    ]
    return "\n\n".join(block for block in blocks if block)


def _recognises(path: Path) -> bool:
    if not path.is_file() or path.suffix.lower() not in (".nbib", ".ris", ".txt"):
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return re.search(r"^(PMID- ?\d|TY {1,2}- )", file.read(4096), re.MULTILINE) is not None


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(line.startswith((b"PMID-", b"TY  -", b"TY -")) for line in file)


IMPORTER = Importer("nbib", _recognises, read, _count)
