"""Whom a text says a disease affects: ages and sexes, each with the sentence that says so."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.terms import sentences

OLDEST = 120.0
# Years that a stated age may be off, and the share of it.
LEEWAY, LEEWAY_SHARE = 3.0, 0.15
_GROUPS: Sequence[tuple[str, float, float]] = (
    (r"neonat(?:es?|al)|newborns?", 0, 0.1),
    (r"infan(?:ts?|cy)|toddlers?|babies", 0, 2),
    (r"early childhood|young children", 0, 6),
    (r"child(?:ren|hood)|p(?:a)?ediatric|boys|girls", 0, 16),
    (r"adolescen(?:ts?|ce)|teen(?:ager)?s?|puberty", 10, 20),
    (r"young (?:adults?|women|men|people|persons|patients|individuals)|early adulthood", 15, 40),
    (r"(?:women of )?(?:child-?bearing|reproductive) (?:age|years)|premenopausal", 14, 50),
    (r"middle[- ]aged?", 35, 65),
    (r"postmenopausal", 48, OLDEST),
    (
        r"elderly|old age|advanced age|older (?:adults?|age|patients?|people|individuals?|persons?|men|women)",
        55,
        OLDEST,
    ),
    (r"adults|adulthood|adult (?:patients|men|women|males|females|life|population)", 16, OLDEST),
)
_GROUP = re.compile("|".join(rf"(?P<g{n}>\b(?:{pattern})\b)" for n, (pattern, _, _) in enumerate(_GROUPS)), re.I)
_ORDINALS = {
    name: place
    for place, names in enumerate(
        ("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th", "seventh 7th", "eighth 8th",
         "ninth 9th")
    )
    for name in names.split()
}  # fmt: skip
_ORDINAL = "|".join(_ORDINALS)
_DECADES = re.compile(
    rf"\b(?P<first>{_ORDINAL})(?:\s+decades?)?(?:\s*(?:to|through|and|or|-|–|,)\s*(?:the\s+)?(?:{_ORDINAL}|\s|,|and|or)*?"
    rf"(?P<last>{_ORDINAL}))?\s+decades?\b",
    re.IGNORECASE,
)
_PAST = re.compile(r"\b(?:after|beyond|past) the\s*\Z", re.IGNORECASE)
_UNTIL_DECADE = re.compile(r"\bfirst (?P<count>two|three|four) decades\b", re.IGNORECASE)
_COUNTS = {"two": 2, "three": 3, "four": 4}
_N = r"(?P<{}>\d{{1,2}}(?:\.\d)?)"
_UNIT = r"\s*(?P<unit>years?|yrs?|yo|y/o|months?|weeks?|days?)?"
_OF_AGE = r"(?:[- ]?olds?\b|\s+of\s+age\b|\s+age\b)?"
_BETWEEN = re.compile(
    rf"(?:(?P<aged>\b(?:ages?|aged)\b[^.;\d]{{0,40}}))?(?<![\d.%/])\b{_N.format('low')}(?:\s*(?:years?|yrs?|months?))?"
    rf"\s*(?:-|–|to|and)\s*{_N.format('high')}(?![\d%.,/:x])\b(?!\s*(?:%|cm|mm|percent|times|cases|per))"
    rf"{_UNIT}(?P<old>{_OF_AGE})",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    rf"(?:(?P<under>under|below|before|by|younger than|less than|<|up to)|(?P<over>over|above|after|older than|greater "
    rf"than|more than|>))\s*(?:the )?(?P<aged>(?:age|ages)(?: of)?\s*)?{_N.format('age')}(?![\d%.,/:x])"
    rf"{_UNIT}(?P<old>{_OF_AGE})",
    re.IGNORECASE,
)
_AROUND = re.compile(
    r"\b(?:mean|average|median|peak|typical|usual)(?:\s+(?:age|incidence|onset|prevalence))*\b[^.;\d]{0,30}"
    rf"{_N.format('age')}(?![\d%.,/:x]){_UNIT}",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_OCCURS = re.compile(
    r"\b(?:most(?:ly)?|common\w*|typical\w*|usual\w*|often|frequent\w*|peaks?|incidence|prevalen\w+|predominan\w+|"
    r"occurs?|occurring|affect\w*|seen|presents?|presenting|diagnosed|discovered|found|appears?|onset|age|ages|"
    r"demographics|predilection|almost (?:always|exclusively)|primarily|disease of|tumou?r of|disorder of|develops?)\b",
    re.IGNORECASE,
)
_SELDOM = re.compile(
    r"\b(?:rare(?:ly)?|uncommon(?:ly)?|unusual(?:ly)?|infrequent(?:ly)?|seldom|exceptional(?:ly)?|less (?:often|common"
    r"(?:ly)?|frequent(?:ly)?))\b",
    re.IGNORECASE,
)
# What is not about when a disease comes.
_ASIDE = re.compile(
    r"\b(?:surviv\w+|mortality|treat\w+|surgery|prognos\w+|recur\w+|respond\w*|follow-?up|therapy|transplant\w*|"
    r"vaccin\w+|dose|screening|were enrolled|we (?:report|present|operated)|in contrast|unlike|natural history|"
    r"involution|regress\w*|suspicion|developmental|development|additionally|other|when)\b",
    re.IGNORECASE,
)
_MORE = (
    r"(?:more|most) (?:common(?:ly)?|often|frequent(?:ly)?|prevalent) (?:seen |found )?(?:in|among|affects?) (?:the )?"
    r"(?:young |middle[- ]aged |elderly |older )?"
)
_FEMALE = re.compile(
    rf"\b(?:female (?:predominance|predilection|preponderance)|{_MORE}(?:women|females|girls)|"
    r"(?:women|females) (?:are )?(?:more|most|predominan\w+)|women more than men|"
    r"predominan\w+ (?:in |affects? )?(?:women|females))\b",
    re.IGNORECASE,
)
_MALE = re.compile(
    rf"\b(?:male (?:predominance|predilection|preponderance)|{_MORE}(?:men|males|boys)|"
    r"(?:men|males|boys) (?:are )?(?:more|most|predominan\w+)|men more than women|"
    r"predominan\w+ (?:in |affects? )?(?:men|males))\b",
    re.IGNORECASE,
)
_RATIO = re.compile(
    r"(?P<first>\b(?:m|male|men|f|female|women)s?)\s*(?:[:/]|to|-|–)\s*(?P<second>f|female|women|m|male|men)s?\b"
    r"[^.;\d]{0,25}(?P<a>\d+(?:\.\d+)?)(?:\s*(?::|to|/|-)\s*(?P<b>\d+(?:\.\d+)?))?",
    re.IGNORECASE,
)
EQUAL = 1.3
_PER_YEAR = {"m": 12.0, "w": 52.0, "d": 365.0}


@dataclass(frozen=True, slots=True)
class Population:
    """Years from and to, and the sex that is named as the usual one; what a sentence calls rare is not `usual`."""

    start: int
    end: int
    ages: tuple[tuple[float, float], ...] = ()
    sex: str = ""
    usual: bool = True


def populations(text: str) -> Iterator[Population]:
    for span in sentences(text):
        if _ASIDE.search(span.text) or not _OCCURS.search(span.text):
            continue
        ages, sex = tuple(_ages(span.text)), _sex(span.text)
        if ages or sex:
            yield Population(span.start, span.end, ages, sex, usual=not _SELDOM.search(span.text))


def _ages(sentence: str) -> Iterator[tuple[float, float]]:
    # Most sentences have neither, and these patterns cost the most.
    if "decade" in sentence.lower():
        yield from _decades(sentence)
        sentence = _UNTIL_DECADE.sub(" ", sentence)
    if _DIGIT.search(sentence):
        yield from _numbers(sentence)
        sentence = _LIMIT.sub(" ", _BETWEEN.sub(" ", sentence))
    for match in _GROUP.finditer(sentence):
        _, low, high = _GROUPS[int((match.lastgroup or "g0")[1:])]
        yield low, high


def _decades(sentence: str) -> Iterator[tuple[float, float]]:
    for match in _UNTIL_DECADE.finditer(sentence):
        yield 0.0, 10.0 * _COUNTS[match["count"].lower()]
    left = _UNTIL_DECADE.sub(" ", sentence)
    for match in _DECADES.finditer(left):
        first, last = (_ORDINALS[name.lower()] for name in (match["first"], match["last"] or match["first"]))
        past = _PAST.search(left, 0, match.start())
        yield (10.0 * (first + 1), OLDEST) if past else (10.0 * first, 10.0 * (last + 1))


def _numbers(sentence: str) -> Iterator[tuple[float, float]]:
    for match in _BETWEEN.finditer(sentence):
        if match["aged"] or match["old"]:
            low, high = _years(match["low"], match["unit"]), _years(match["high"], match["unit"])
            if low < high:
                yield low, high
    left = _BETWEEN.sub(" ", sentence)
    for match in _LIMIT.finditer(left):
        if match["aged"] or match["old"] or (match["unit"] or "").startswith("y"):
            age = _years(match["age"], match["unit"])
            yield (0.0, age) if match["under"] else (age, OLDEST)
    for match in _AROUND.finditer(_LIMIT.sub(" ", left)):
        age = _years(match["age"], match["unit"])
        yield max(0.0, age - 15), age + 15


def _years(number: str, unit: str | None) -> float:
    return float(number) / _PER_YEAR.get((unit or "y")[:1].lower(), 1.0)


def _sex(sentence: str) -> str:
    if _DIGIT.search(sentence) and (ratio := _RATIO.search(sentence)):
        first, second = float(ratio["a"]), float(ratio["b"] or 1.0)
        if not second or 1 / EQUAL < first / second < EQUAL:
            return ""
        is_male = ratio["first"][0].lower() == "m"
        return "male" if is_male == (first > second) else "female"
    female, male = _FEMALE.search(sentence), _MALE.search(sentence)
    return "" if bool(female) == bool(male) else "female" if female else "male"


def distance(age: float, ages: Sequence[tuple[float, float]]) -> float:
    """0 within a range or its leeway; outside, how far on a scale on which years count less the older one is."""
    return min((_outside(age, low, high) for low, high in ages), default=0.0)


def _outside(age: float, low: float, high: float) -> float:
    leeway = max(LEEWAY, LEEWAY_SHARE * age)
    if low - leeway <= age <= high + leeway:
        return 0.0
    nearest = low if age < low else high
    return abs(math.log((age + 5) / (nearest + 5)))
