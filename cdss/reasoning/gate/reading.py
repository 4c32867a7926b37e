"""A sentence as the gate reads it: words with their place, what denies, how strong, which quantities."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, pairwise

from cdss.reasoning.gate.keys import NAMED_WORDS, denied_word, designators, key_of, other_names, runs
from cdss.reasoning.gate.vocabulary import FREQUENCY, OUTRIGHT, STRENGTH, canonical
from retrieval.terms import Cue, Measure, cues, measures, plain

_WORD = re.compile(r"[^\W_]+(?:['’][a-z]+)?")
_SEGMENT = re.compile(r"[,;:()]|\b(?:and|or|but|while|whereas|although|though|however|than|versus|vs)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"[;:]|,\s*(?:and|but|or|while|whereas|although|though|which|who|with|they|it|this|these)\b"
    r"|\b(?:but|however|although|though|while|whereas|because|which|who|if|when|unless)\b"
    r"|\bthat\s+(?=(?:is|are|was|were|affects?|causes?|shows?|may|can|has|have|occurs?|arises?|contains?|involves?)\b)"
    r"|\band\s+(?=(?:is|are|was|were|may|can|usually|often|has|have|the|it|they|typically|commonly|rarely)\b)",
    re.IGNORECASE,
)
# A choice between two, which is checked as such.
_CHOSEN = re.compile(r"rather than|instead of", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s-]*(?:(?:of|in|the|with|an?|up)\s+)*")
_SUPERLATIVE_NEXT = re.compile(r"\s+(?:common|frequent|likely|important|sensitive|specific|usual|typical|often)")
# "not all" and "almost always" are weaker than the word alone.
_LESS_THAN_ALL = re.compile(r"\b(?:not|nearly|almost)\s+\Z", re.IGNORECASE)
# "both lungs", but not "both men and women".
_BOTH_SIDES = re.compile(r"\s+(?:the\s+|of the\s+)?[a-z]+s\b(?![^.;]{0,30}\band\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """A word that says something. Its offsets are those of the text read; several words may share a place."""

    key: str
    start: int
    end: int
    segment: int
    surface: str
    joined: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    start: int
    end: int
    strength: float
    by_frequency: bool
    levels: frozenset[float] = frozenset()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Reading:
    """A sentence, or a few neighbouring ones, read once and compared often. Equal only to itself."""

    text: str
    words: tuple[Word, ...]
    keys: frozenset[str]
    denied: tuple[Cue, ...]
    clauses: tuple[Clause, ...]
    quantities: tuple[Measure, ...]

    def places(self, key: str) -> list[int]:
        """Where a word stands; of one that is said over and over, the first few places."""
        if key not in self.keys:
            return []
        return list(islice((place for place, word in enumerate(self.words) if word.key == key), _PLACES))


_PLACES = 8


@lru_cache(maxsize=8192)
def read(text: str) -> Reading:
    """One sentence, read. Offsets are relative to it."""
    named = {start: key for start, _, key in designators(text)}
    breaks = [match.start() for match in _SEGMENT.finditer(text)]
    words: list[Word] = []
    segment = 0
    strong: list[tuple[int, str]] = []
    denials: list[Cue] = []
    joined_from: tuple[int, str, int] | None = None
    for match in _WORD.finditer(text):
        start, end = match.span()
        while segment < len(breaks) and breaks[segment] <= start:
            segment += 1
        surface = match.group().lower()
        if surface in STRENGTH and (level := _strong_word(surface, text, start, end)):
            strong.append((start, level))
        if inner := denied_word(surface):
            denials.append(Cue("denied", start, start, start, end))
        if start in named:
            key = named[start]
        else:
            both = surface == "both" and _BOTH_SIDES.match(text, end)
            key = "bilater" if both else key_of(inner or surface)
        joined = ""
        if joined_from and joined_from[0] == start - 1 and text[start - 1] in "-‐‑–/":
            joined = canonical(plain(joined_from[1] + surface))
            if words and words[-1].start == joined_from[2]:
                previous = words[-1]
                words[-1] = Word(previous.key, previous.start, previous.end, previous.segment, previous.surface, joined)
        joined_from = (end, surface, start)
        if key:
            words.append(Word(key, start, end, segment, surface, joined))
    quantities = tuple(one for one in measures(text) if one.start not in named)
    words = _shortened(_outside(words, quantities), text)
    keys = frozenset(word.key for word in words) | frozenset(word.joined for word in words if word.joined)
    return Reading(
        text,
        tuple(words),
        keys,
        (*(cue for cue in cues(text) if cue.kind == "denied" and not _CHOSEN.match(text, cue.at)), *denials),
        _clauses(text, strong),
        quantities,
    )


def _outside(words: list[Word], quantities: Sequence[Measure]) -> list[Word]:
    """Less the words that are part of a quantity: "at least 3 cm"."""
    if not quantities:
        return words
    return [word for word in words if not any(one.start <= word.start < one.end for one in quantities)]


def _shortened(words: list[Word], text: str) -> list[Word]:
    found: list[Word] = []
    place = 0
    while place < len(words):
        word = words[place]
        size, target = _named(words, place, text)
        if size:
            end = words[place + size - 1].end
            found.extend(Word(key, word.start, end, word.segment, word.surface) for key in target)
            place += size
        else:
            found.append(word)
            place += 1
    return found


def _named(words: Sequence[Word], place: int, text: str) -> tuple[int, tuple[str, ...]]:
    """How many words from this place on are one name, and the keys that it is compared by."""
    word = words[place]
    for source, target in runs().get(word.key, ()):
        run = words[place : place + len(source)]
        if tuple(one.key for one in run) == source and (
            _close(run, text) if len(source) > 1 else _is_short(word, text)
        ):
            return len(source), target
    target = other_names().get(word.surface, ())
    return (1, target) if target else (0, ())


def _close(run: Sequence[Word], text: str) -> bool:
    return all(_BETWEEN.fullmatch(text, one.end, other.start) for one, other in pairwise(run))


def _is_short(word: Word, text: str) -> bool:
    written = text[word.start : word.end]
    return written.rstrip("s").isupper() or word.key in NAMED_WORDS or any(c.isdigit() for c in written)


def _strong_word(surface: str, text: str, start: int, end: int) -> str:
    if surface == "most" and _SUPERLATIVE_NEXT.match(text, end):
        return ""
    if surface in {"all", "every", "always", "each"} and _LESS_THAN_ALL.search(text, max(0, start - 8), start):
        return "most"
    return surface


def _clauses(text: str, strong: Sequence[tuple[int, str]]) -> tuple[Clause, ...]:
    cuts = [0, *(match.start() for match in _CLAUSE.finditer(text)), len(text)]
    found = []
    for start, end in pairwise(cuts):
        if end > start:
            found.append(_clause(start, end, [word for at, word in strong if start <= at < end]))
    return tuple(found)


def _clause(start: int, end: int, strong: Sequence[str]) -> Clause:
    if not strong:
        return Clause(start, end, OUTRIGHT, False)
    weakest = min(strong, key=lambda word: STRENGTH[word])
    return Clause(start, end, STRENGTH[weakest], weakest in FREQUENCY, frozenset(STRENGTH[word] for word in strong))


def combine(readings: Sequence[tuple[int, Reading]], text: str) -> Reading:
    """Neighbouring sentences as one reading, each with its offset in `text`."""
    words: list[Word] = []
    denied: list[Cue] = []
    clauses: list[Clause] = []
    quantities: list[Measure] = []
    segment = 0
    for by, reading in readings:
        words.extend(
            Word(word.key, word.start + by, word.end + by, word.segment + segment, word.surface, word.joined)
            for word in reading.words
        )
        segment = words[-1].segment + 2 if words else 0
        denied.extend(
            Cue(cue.kind, cue.at + by, cue.at_end + by, cue.start + by, cue.end + by) for cue in reading.denied
        )
        clauses.extend(replace(one, start=one.start + by, end=one.end + by) for one in reading.clauses)
        quantities.extend(
            Measure(m.value, m.high, m.unit, m.start + by, m.end + by, m.comparator, m.normalised, m.base)
            for m in reading.quantities
        )
    keys: frozenset[str] = frozenset().union(*(reading.keys for _, reading in readings))
    return Reading(text, tuple(words), keys, tuple(denied), tuple(clauses), tuple(quantities))
