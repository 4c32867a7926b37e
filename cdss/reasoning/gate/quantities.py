"""Numbers and units of a claim against those of a source."""

import math
import re
from dataclasses import replace

from cdss.reasoning.gate.matching import Match
from cdss.reasoning.gate.reading import Reading
from cdss.reasoning.gate.vocabulary import canonical
from retrieval.terms import Measure

_NEAR = 4
_RIVALS = 12
_APPROXIMATE = re.compile(
    r"\b(?:about|approximately|around|roughly|nearly|almost|circa|some)\s*\Z|~\s*\Z", re.IGNORECASE
)
_AGE = canonical("age")


def numbers(claim: Reading, match: Match, source: Reading, case: Reading | None = None) -> list[str]:
    """Quantities that the source has not, has in another unit, or has for something else."""
    flaws = []
    known = [*source.quantities, *(case.quantities if case else ())]
    for quantity in claim.quantities:
        loose = bool(_APPROXIMATE.search(claim.text, max(0, quantity.start - 16), quantity.start))
        if any(_agrees(quantity, other, loose) or _same_age(quantity, other, source) for other in known):
            if _belongs_elsewhere(claim, quantity, match, source):
                flaws.append("number")
            continue
        same_value = any(
            math.isclose(quantity.value, other.value) and quantity.high == other.high and quantity.base != other.base
            for other in known
        )
        flaws.append("unit" if same_value and quantity.base else "number")
    return flaws


def _same_age(claimed: Measure, known: Measure, source: Reading) -> bool:
    """ "A mean age of 50" is 50 years."""
    return (
        claimed.base == "year"
        and not known.base
        and _AGE in source.keys
        and (claimed.value, claimed.high, claimed.comparator) == (known.value, known.high, known.comparator)
    )


def exchanged_numbers(
    claim: Reading, match: Match, source: Reading, gone: frozenset[str], alone: frozenset[str]
) -> list[str]:
    """Quantities of the claim that the source gives for something else, where a like quantity was left out."""
    if not any(key.startswith("#") for key in gone) or not any(key.startswith("#") for key in alone):
        return []
    return ["number"] if any(_belongs_elsewhere(claim, one, match, source) for one in claim.quantities) else []


def _agrees(claimed: Measure, known: Measure, loose: bool) -> bool:
    tolerance = 0.1 if loose else 1e-6
    claimed, known = _as_months(claimed, known), _as_months(known, claimed)
    if claimed.base != known.base:
        if claimed.base and known.base:
            return False
        if claimed.base and not known.base:
            return False
        same = math.isclose(claimed.value, known.value) and claimed.high == known.high
        return same and claimed.comparator == known.comparator
    (low, high), (other_low, other_high) = claimed.normalised, known.normalised
    if claimed.comparator or known.comparator:
        return (low, high) == (other_low, other_high)
    return math.isclose(low, other_low, rel_tol=tolerance) and math.isclose(high, other_high, rel_tol=tolerance)


_IN_MONTHS = {"year": 12.0, "month": 1.0}
_IN_MINUTES = {"day": 1440.0, "minute": 1.0}


def _as_months(one: Measure, other: Measure) -> Measure:
    """A time in the smaller unit where the two are given in different ones."""
    for table in (_IN_MONTHS, _IN_MINUTES):
        if one.base in table and other.base in table and one.base != other.base:
            low, high = one.normalised
            small = min(table, key=lambda name: table[name])
            return replace(one, base=small, normalised=(low * table[one.base], high * table[one.base]))
    return one


def _belongs_elsewhere(claim: Reading, quantity: Measure, match: Match, source: Reading) -> bool:
    rivals = [other for other in source.quantities if other.base == quantity.base][:_RIVALS]
    if len(rivals) < 2:
        return False
    own = max(
        (_around(claim, quantity, match, source, other) for other in rivals if _agrees(quantity, other, False)),
        default=math.inf,
    )
    best = max(
        (_around(claim, quantity, match, source, other) for other in rivals if not _agrees(quantity, other, False)),
        default=0.0,
    )
    return best > own * 1.4 + 0.05


def _around(claim: Reading, quantity: Measure, match: Match, source: Reading, other: Measure) -> float:
    here, there = _ordinal(claim, quantity), _ordinal(source, other)
    score = 0.0
    for place, key in match.found.items():
        if abs(place + 0.5 - here) > _NEAR:
            continue
        places = source.places(key)
        if places:
            near = min(abs(at + 0.5 - there) + 2 * _crossings(source, other, at) for at in places)
            weight = 1 / (1 + abs(place + 0.5 - here) + 2 * _crossings(claim, quantity, place))
            score += weight / (1 + near)
    return score


def _ordinal(reading: Reading, quantity: Measure) -> int:
    return sum(1 for word in reading.words if word.start < quantity.start)


def _crossings(reading: Reading, quantity: Measure, place: int) -> int:
    word = reading.words[place]
    start, end = sorted((word.start, quantity.start))
    return len(_BREAK.findall(reading.text, start, end))


_BREAK = re.compile(r"[,;:]|\b(?:and|or|but|while|whereas|than)\b", re.IGNORECASE)
