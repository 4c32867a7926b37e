"""What is put above what: preferences ("A over B") and comparisons ("more often in A than in B").

Both can be said from either side. Said so they agree; with the sides exchanged, or one side alone, they do not.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from cdss.reasoning.gate.reading import Reading
from cdss.reasoning.gate.vocabulary import STRENGTH, canonical

Keys = frozenset[str]
_ENDS = (
    r"(?=[,;:.()]|\s(?:when|if|as|because|unless|while|whereas|but|for|which|who|until|"
    r"is|are|was|were|may|can)\b|$)"
)
_OVER = re.compile(
    r"\b(?:prefer(?:red|able|s)? (?:to|over)|(?:recommend|suggest|advis|favou?r|choos)\w* (?:[^,;.]{1,60}? )?over|"
    r"chosen over|superior to|in preference to|rather than|instead of|over(?= [a-z][^.;,]{2,60}? (?:is|are|should be) "
    r"(?:suggested|recommended|advised|preferred)))\s+(?P<ground>[^,;:.()]{2,60}?)" + _ENDS,
    re.IGNORECASE,
)
_PREFERRING = frozenset(
    canonical(word) for word in ["prefer", "recommend", "suggest", "advise", "favour", "instead", "superior", "choose"]
)
_CLAUSE_START = re.compile(r"[;:]|,\s*(?:and|but|while|whereas)\s")
_SIGNS: dict[str, tuple[str, int]] = {
    word: (dimension, sign)
    for dimension, more, less in (
        ("high", "higher greater increased raised elevated", "lower less reduced decreased fewer"),
        ("large", "larger bigger", "smaller"),
        ("old", "older", "younger"),
        ("long", "longer", "shorter"),
        ("common", "commoner", "rarer"),
        ("good", "better superior", "worse inferior poorer"),
        ("thick", "thicker", "thinner"),
        ("wide", "wider broader", "narrower"),
        ("fast", "faster quicker", "slower"),
        ("strong", "stronger", "weaker"),
        ("late", "later", "earlier"),
        ("heavy", "heavier", "lighter"),
    )
    for words, sign in ((more, 1), (less, -1))
    for word in words.split()
}
_FREQUENT = frozenset(("common", "commonly", "frequent", "frequently", "often", "likely", "prevalent"))
_COMPARED = re.compile(
    rf"\b(?:(?P<much>more|less)\s+(?P<what>[a-z]+)|(?P<word>{'|'.join(_SIGNS)}))\b(?P<middle>[^.;:]{{0,70}}?)\s"
    r"(?:than(?: that of| those of)?|compared (?:with|to)|versus|vs\.?)\s+(?P<ground>[^,;:.()]{2,60}?)" + _ENDS,
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    dimension: str
    sign: int
    above: Keys
    below: Keys
    words: Keys


def preference(claim: Reading, source: Reading) -> list[str]:
    """A choice turned round, or its other side given as what is chosen."""
    mine, theirs = _preferred(claim), _preferred(source)
    if mine and theirs:
        chosen, left = mine[0] - mine[1], mine[1] - mine[0]
        wanted, other = theirs[0] - theirs[1], theirs[1] - theirs[0]
        return ["order"] if left & wanted - other and chosen & other - wanted else []
    if mine and not _compared(source):
        return ["order"]
    if theirs and not claim.denied and not _compared(claim):
        other = theirs[1] - theirs[0]
        spoken = frozenset(word.key for word in claim.words)
        return ["order"] if other & spoken and not theirs[2] & spoken else []
    return []


def agreeing(claim: Reading, source: Reading) -> Keys:
    """Keys and surfaces of words that differ only because the same is said from the other side."""
    found: set[str] = set()
    if _preferred(claim) and _preferred(source) and not preference(claim, source):
        found |= _PREFERRING
    for mine in _compared(claim):
        for theirs in _compared(source):
            if mine.dimension == theirs.dimension and mine.sign == -theirs.sign and _exchanged(mine, theirs):
                found |= mine.words
    return frozenset(found)


def as_strong(claim: Reading, source: Reading) -> bool:
    """Whether both are as sure, whatever word each has for preferring."""
    return _strengths(claim.text) == _strengths(source.text)


def _strengths(text: str) -> frozenset[float]:
    words = re.findall(r"[a-z]+", text.lower())
    return frozenset(STRENGTH[word] for word in words if word in STRENGTH and not word.startswith("suggest"))


def turned(claim: Reading, source: Reading) -> list[str]:
    """The same comparison with its sides exchanged."""
    for mine in _compared(claim):
        for theirs in _compared(source):
            if mine.dimension == theirs.dimension and mine.sign == theirs.sign and _exchanged(mine, theirs):
                return ["order"]
    return []


def _exchanged(mine: Comparison, theirs: Comparison) -> bool:
    above, below = mine.above - mine.below, mine.below - mine.above
    return bool(
        below & (theirs.above - theirs.below)
        and above & (theirs.below - theirs.above)
        and not below & (theirs.below - theirs.above)
    )


@lru_cache(maxsize=8192)
def _preferred(reading: Reading) -> tuple[Keys, Keys, Keys] | None:
    """What is chosen, what it is chosen over, and the last words of the first."""
    match = _OVER.search(reading.text)
    if not match:
        return None
    start = _clause_start(reading.text, match.start())
    ground = _within(reading, match.start("ground"), match.end("ground"))
    chosen = _within(reading, start, match.start("ground")) - _PREFERRING
    last = [
        word.key
        for word in reading.words
        if start <= word.start < match.start("ground") and word.key not in _PREFERRING | ground
    ]
    return (chosen, ground, frozenset(last[-2:])) if ground else None


@lru_cache(maxsize=8192)
def _compared(reading: Reading) -> tuple[Comparison, ...]:
    found = []
    for match in _COMPARED.finditer(reading.text):
        if match["word"]:
            dimension, sign = _SIGNS[match["word"].lower()]
            place = match.span("word")
        else:
            what = match["what"].lower()
            dimension = "common" if what in _FREQUENT else canonical(what)
            sign = 1 if match["much"].lower() == "more" else -1
            place = (match.start("much"), match.end("what"))
        words = frozenset(
            part for word in reading.words if place[0] <= word.start < place[1] for part in (word.key, word.surface)
        )
        start = _clause_start(reading.text, match.start())
        above = _within(reading, start, match.start("ground")) - words
        below = _within(reading, match.start("ground"), match.end("ground"))
        found.append(Comparison(dimension, sign, above, below, words))
    return tuple(found)


def _clause_start(text: str, end: int) -> int:
    return max((match.end() for match in _CLAUSE_START.finditer(text, 0, end)), default=0)


def _within(reading: Reading, start: int, end: int) -> Keys:
    return frozenset(word.key for word in reading.words if start <= word.start < end)


_WITHIN, _BEYOND = 1, -1
_TIMED = re.compile(
    r"\b(?:(?P<within>within|before|in less than|up to|no later than)|"
    r"(?P<beyond>after|beyond|more than|at least|not before))"
    r"\s+(?:the\s+)?(?:first\s+)?\Z",
    re.IGNORECASE,
)
_TIMES = frozenset(("year", "month", "day", "minute", "second"))


def timing(claim: Reading, source: Reading) -> list[str]:
    """ "after 24 hours" for "within 24 hours"."""
    known = _timed(source)
    for value, side in _timed(claim).items():
        if known.get(value, side) != side:
            return ["number"]
    return []


@lru_cache(maxsize=8192)
def _timed(reading: Reading) -> dict[tuple[float, str], int]:
    found = {}
    for one in reading.quantities:
        if one.base in _TIMES and (match := _TIMED.search(reading.text, max(0, one.start - 24), one.start)):
            found[(one.value, one.base)] = _WITHIN if match["within"] else _BEYOND
    return found
