"""What was understood of a case, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WORDS = {"denied": "denied", "uncertain": "uncertain"}


@dataclass(frozen=True, slots=True)
class Understood:
    text: str
    polarity: str
    note: str


def understood(assertions: Iterable[Mapping[str, object]]) -> list[Understood]:
    return [_understood(assertion) for assertion in assertions]


def _understood(assertion: Mapping[str, object]) -> Understood:
    polarity = str(assertion.get("polarity") or "affirmed")
    side = assertion.get("laterality")
    parts = [*([str(side)] if side else []), *_measures(assertion.get("measures"))]
    if polarity in WORDS:
        parts.append(WORDS[polarity])
    return Understood(text=str(assertion.get("text", "")), polarity=polarity, note=", ".join(parts))


def _measures(measures: object) -> list[str]:
    if not isinstance(measures, list | tuple):
        return []
    return [str(measure.get("text", "")) if isinstance(measure, Mapping) else str(measure) for measure in measures]
