"""Numbers with their units, ranges and comparators."""

import re
from dataclasses import dataclass, replace
from math import inf

from retrieval.terms.words import UNITS

_NUMBER = r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|(?<![\w.])\.\d+"
_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100,
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "half": 0.5, "twice": 2,
}  # fmt: skip
_COMPOUND = (
    r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)[\s-](?:one|two|three|four|five|six|seven|eight|nine)\b"
)
_TIMES = r"years?|yrs?|yo|y/o|months?|mos?|weeks?|wks?|days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|decades?"
_UNIT = (
    r"%|percent|per\s?cent|(?:mg|ng|ug|mcg|g|mmol|meq|iu|u|pg)/(?:dl|ml|l|kg|day|d|24\s?h)|/mm3|"
    rf"(?:{UNITS}|{_TIMES}|centimeters?|centimetres?|millimeters?|millimetres?|hounsfield units?|millilit(?:er|re)s?|"
    r"lit(?:er|re)s?|milligrams?|grams?|kilograms?|degrees?)(?![\w/])"
)
_FEWER = "less|fewer|smaller|lower|younger|shorter|thinner|narrower|lighter|earlier"
_GREATER = "more|greater|larger|bigger|higher|older|longer|wider|thicker|deeper|taller|heavier|broader|later"
_RANGE = re.compile(
    rf"(?P<before>(?:(?:no |not )?(?:{_FEWER}|{_GREATER}) than|under|below|up to|at (?:the )?most|a maximum of"
    r"|over|above|beyond|in excess of|(?:not )?exceed(?:s|ed|ing)?|at (?:the very )?least|a minimum of|as many as"
    rf"|>=|<=|≥|≤|[<>])\s*(?:or equal to\s*)?)?"
    rf"(?P<low>{_NUMBER}|\b{_COMPOUND}|\b(?:{'|'.join(_WORDS)})\b)"
    rf"(?P<mid>\s*(?:{_UNIT}))?"
    rf"(?:\s*(?:-|–|—|to|and(?=\s*\d+[^.]{{0,12}}(?:{_UNIT})))\s*(?P<high>(?:\d{{1,3}}(?:,\d{{3}})+|"
    rf"\d+)(?:\.\d+)?|(?:{'|'.join(_WORDS)})\b)(?![\d/]))?"
    rf"(?:\s*-?\s*(?P<unit>{_UNIT}))?"
    rf"(?P<after>\s*(?:of age\s*)?(?:or|and) (?:{_GREATER}|{_FEWER}|above|over|below|under)\b)?",
    re.IGNORECASE,
)
_NUMBER_WORDS = frozenset((*_WORDS, "thirds", "quarter", "quarters", "fourths", "fifths", "tenths"))
_DIGIT, _LETTERS = re.compile(r"\d"), re.compile(r"[a-z]+")
_HALF_OF = re.compile(r"\s+(?:of|the)\b")
_ABOUT = re.compile(r"\b(?:in|about|around|roughly|approximately|nearly|almost|up to|over|than|least)\s+\Z", re.I)
_FRACTION = re.compile(
    r"\b(?:(?P<count>a|one|two|three|four)[ -](?P<part>third|quarter|fourth|fifth|tenth)s?)\b"
    r"(?! of an? (?:hour|year|day))"
    r"(?! (?:ventricle|decade|month|week|day|year|degree|nerve|toe|finger|rib|time|stage|line))",
    re.IGNORECASE,
)
_COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4}
_PARTS = {"third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "tenth": 10}
_LESS = re.compile(rf"{_FEWER}|under|below|up to|most|maximum|<|≤|as many as", re.I)
_NOT_SO = re.compile(r"(?:no|not)\b", re.I)
_SCALE = {
    "cm": ("mm", 10.0), "centimeter": ("mm", 10.0), "centimetre": ("mm", 10.0), "mm": ("mm", 1.0),
    "millimeter": ("mm", 1.0), "millimetre": ("mm", 1.0), "um": ("mm", 0.001), "m": ("mm", 1000.0),
    "ml": ("ml", 1.0), "cc": ("ml", 1.0), "milliliter": ("ml", 1.0), "millilitre": ("ml", 1.0), "dl": ("ml", 100.0),
    "l": ("ml", 1000.0), "liter": ("ml", 1000.0), "litre": ("ml", 1000.0), "mg": ("mg", 1.0), "milligram": ("mg", 1.0),
    "g": ("mg", 1000.0), "gram": ("mg", 1000.0), "kg": ("mg", 1e6), "kilogram": ("mg", 1e6), "mcg": ("mg", 0.001),
    "ug": ("mg", 0.001), "ng": ("mg", 1e-6), "%": ("%", 1.0), "percent": ("%", 1.0), "hu": ("hu", 1.0),
    "hounsfield unit": ("hu", 1.0), "year": ("year", 1.0), "yr": ("year", 1.0), "yo": ("year", 1.0),
    "y/o": ("year", 1.0), "decade": ("decade", 1.0), "month": ("month", 1.0), "mo": ("month", 1.0),
    "week": ("day", 7.0), "wk": ("day", 7.0), "day": ("day", 1.0), "hour": ("minute", 60.0), "hr": ("minute", 60.0),
    "minute": ("minute", 1.0), "min": ("minute", 1.0), "second": ("second", 1.0), "sec": ("second", 1.0),
    "degree": ("degree", 1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity as it stands in a text.

    Args:
        value, high: as written; `high` is None unless it is a range.
        unit: as written, lower case, singular; "" for a bare number.
        start, end: offsets, comparator included.
        comparator: "<", ">" or "" (bounds count as included).
        normalised: (low, high) in the base unit, open sides infinite.
        base: the base unit: mm, ml, mg, %, hu, year, month, day, minute, second, degree, or the unit as written.
    """

    value: float
    high: float | None
    unit: str
    start: int
    end: int
    comparator: str
    normalised: tuple[float, float]
    base: str


def measures(text: str) -> list[Measure]:
    """Every quantity of a text, in order: sizes, ages, percentages, ranges, comparisons, bare numbers, number words.

    Numbers inside a word ("T2", "L4-5") are not quantities. "one" counts only as a quantity with a unit.
    """
    if not _DIGIT.search(text) and _NUMBER_WORDS.isdisjoint(_LETTERS.findall(text.lower())):
        return []
    shares = [_share(match) for match in _FRACTION.finditer(text)]
    found = [measure for match in _RANGE.finditer(text) if (measure := _measure(match))]
    if shares:
        found = [one for one in found if not any(share.start < one.end and one.start < share.end for share in shares)]
        found = sorted([*found, *shares], key=lambda one: one.start)
    return _with_units(text, found)


def _share(match: re.Match[str]) -> Measure:
    share = 100.0 * _COUNTS[match["count"].lower()] / _PARTS[match["part"].lower()]
    return Measure(round(share, 1), None, "%", match.start(), match.end(), "", (share, share), "%")


_BY = re.compile(r"\s*[x×]\s*\Z")


def _with_units(text: str, found: list[Measure]) -> list[Measure]:
    """ "3.5 x 2 cm": the unit stands once for all sides."""
    for place in range(len(found) - 2, -1, -1):
        one, following = found[place], found[place + 1]
        if not one.unit and following.unit and _BY.match(text, one.end, following.start):
            low, high = one.normalised
            factor = _SCALE.get(following.unit, ("", 1.0))[1]
            found[place] = replace(
                one, unit=following.unit, base=following.base, normalised=(low * factor, high * factor)
            )
    return found


def _number(text: str) -> float:
    words = re.split(r"[\s-]", text.lower())
    return float(sum(_WORDS[word] for word in words)) if words[0] in _WORDS else float(text.replace(",", ""))


def _sign(words: str) -> str:
    return "" if not words.strip() else "<" if bool(_LESS.search(words)) != bool(_NOT_SO.match(words)) else ">"


def _measure(match: re.Match[str]) -> Measure | None:
    low_text = match["low"].lower()
    unit = re.sub(r"\s+", " ", (match["unit"] or match["mid"] or "").strip().lower())
    unit = "%" if unit.replace(" ", "") == "percent" else unit
    if len(unit) > 2 and unit.endswith("s"):
        unit = unit[:-1]
    if (
        low_text == "half"
        and not unit
        and (_HALF_OF.match(match.string, match.end()) or _ABOUT.search(match.string, 0, match.start("low")))
    ):
        sign = _sign(match["before"] or "")
        bounds = (-inf if sign == "<" else 50.0, inf if sign == ">" else 50.0)
        return Measure(50.0, None, "%", match.start(), match.end(), sign, bounds, "%")
    if low_text in {"one", "second", "first", "half", "zero"} and not unit:
        return None
    low = _number(match["low"])
    high = _number(match["high"]) if match["high"] else None
    if high is not None and high <= low:
        high = None if not match["unit"] else high
    base, factor = _SCALE.get(unit, (unit, 1.0))
    comparator = _sign(match["before"] or match["after"] or "")
    bottom, top = low * factor, (high if high is not None else low) * factor
    bottom, top = min(bottom, top), max(bottom, top)
    if comparator == "<":
        bottom = -inf
    elif comparator == ">":
        top = inf
    return Measure(low, high, unit, match.start(), match.end(), comparator, (bottom, top), base)
