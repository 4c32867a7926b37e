"""What was understood of a case, in words."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WORDS = {"denied": "denied", "uncertain": "uncertain"}
# What stands where an identifier was, and the words that led to it, say nothing of the case.
LEFT_OVER = frozenset(
    {"name", "date", "record", "phone", "fax", "email", "address", "accession", "number", "url"}
    | {"dr", "mr", "mrs", "ms", "prof", "mrn", "dob"}
)


@dataclass(frozen=True, slots=True)
class Understood:
    text: str
    polarity: str
    note: str


def understood(assertions: Iterable[Mapping[str, object]]) -> list[Understood]:
    return [_understood(assertion) for assertion in assertions if not _is_left_over(str(assertion.get("text", "")))]


def _is_left_over(text: str) -> bool:
    return LEFT_OVER.issuperset(re.findall(r"\w+", text.lower()))


def _understood(assertion: Mapping[str, object]) -> Understood:
    polarity = str(assertion.get("polarity") or "affirmed")
    side = assertion.get("laterality")
    text = str(assertion.get("text", ""))
    notes = [*([str(side)] if side else []), *_measures(assertion.get("measures"))]
    parts = [note for note in notes if note.lower() not in text.lower()]
    if polarity in WORDS:
        parts.append(WORDS[polarity])
    return Understood(text=text, polarity=polarity, note=", ".join(parts))


def _measures(measures: object) -> list[str]:
    if not isinstance(measures, list | tuple):
        return []
    return [str(measure.get("text", "")) if isinstance(measure, Mapping) else str(measure) for measure in measures]
