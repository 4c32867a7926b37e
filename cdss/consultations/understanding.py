"""What was understood of a case, as it is stored and shown, and what its user corrected."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from cdss.reasoning.concepts import concept_of
from cdss.reasoning.types import Correction
from cdss.reasoning.understanding import CaseReading
from retrieval.terms import Finding

WORDS = {"denied": "denied", "uncertain": "uncertain", "historical": "in the past", "removed": "left out"}
# Words that nothing is known of: no finding.
UNKNOWN = "unknown"
BY_HAND = "set by hand"
_CORRECTION = tuple(field.name for field in fields(Correction))


@dataclass(frozen=True, slots=True)
class Understood:
    text: str
    assertion: str
    note: str
    by_hand: bool = False


def understood_rows(reading: CaseReading, *, coded: bool = True) -> list[dict[str, object]]:
    """Codes need the vocabularies, which the worker has at hand."""
    rows = [_row(finding, finding.assertion, coded=coded) for finding in reading.findings]
    rows += [_row(phrase, UNKNOWN, coded=False) for phrase in reading.unknown]
    return rows + [_row(finding, "removed", coded=False) | {"by_hand": True} for finding in reading.removed]


def _row(finding: Finding, assertion: str, *, coded: bool) -> dict[str, object]:
    concept = concept_of(finding.text) if coded else None
    return {
        "part": finding.part,
        "text": finding.text,
        "start": finding.start,
        "assertion": assertion,
        "laterality": finding.laterality,
        "measures": list(finding.measures),
        "anatomy": list(finding.anatomy),
        "modality": finding.modality,
        "codes": dict(concept.codes) if concept else {},
        "by_hand": finding.by_hand,
    }


def corrections_rows(corrections: Iterable[Correction]) -> list[dict[str, Any]]:
    return [asdict(correction) for correction in corrections]


def corrections_from(rows: Iterable[Mapping[str, Any]]) -> tuple[Correction, ...]:
    """As they are stored."""
    return tuple(Correction(**{name: row[name] for name in _CORRECTION if name in row}) for row in rows)


def understood(rows: Iterable[Mapping[str, object]]) -> list[Understood]:
    return [_understood(row) for row in rows if row.get("assertion") != UNKNOWN]


def not_understood(rows: Iterable[Mapping[str, object]]) -> list[str]:
    """The words of a case that were read as no finding, each once."""
    return list(dict.fromkeys(str(row.get("text", "")) for row in rows if row.get("assertion") == UNKNOWN))


def _understood(row: Mapping[str, object]) -> Understood:
    text, assertion, side = str(row.get("text", "")), str(row.get("assertion") or "present"), row.get("laterality")
    measures = row.get("measures")
    notes = [*([str(side)] if side else []), *(map(str, measures) if isinstance(measures, list | tuple) else [])]
    parts = [note for note in notes if note.lower() not in text.lower()]
    parts += [WORDS[assertion]] if assertion in WORDS else []
    by_hand = bool(row.get("by_hand"))
    return Understood(text, assertion, ", ".join([*parts, *([BY_HAND] if by_hand else [])]), by_hand)
