"""A sentence as the gate reads it: words with their place, what denies, how strong, which quantities."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, pairwise

from cdss.reasoning.gate.vocabulary import FREQUENCY, LIGHT, OPPOSITE, OUTRIGHT, PHRASES, STRENGTH, canonical
from retrieval.terms import Cue, Measure, cues, measures, plain, stem
from retrieval.terms.tables import ABBREVIATIONS, word_set

_WORD = re.compile(r"[^\W_]+(?:['’][a-z]+)?")
_NUMERIC = re.compile(
    r"(?:\d+(?:st|nd|rd|th)?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety|hundred)\Z"
)
_UNIT_WORDS = word_set(
    "cm mm um ml cc mg mcg kg hu year yr yo month mo week wk day hour hr minute min percent decade dl"
)
_SEGMENT = re.compile(r"[,;:()]|\b(?:and|or|but|while|whereas|although|though|however|than|versus|vs)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"[;:]|,\s*(?:and|but|or|while|whereas|although|though|which|who|with|they|it|this|these)\b"
    r"|\b(?:but|however|although|though|while|whereas|because|which|who|if|when|unless)\b"
    r"|\band\s+(?=(?:is|are|was|were|may|can|usually|often|has|have|the|it|they|typically|commonly|rarely)\b)",
    re.IGNORECASE,
)
_SUPERLATIVE_NEXT = re.compile(r"\s+(?:common|frequent|likely|important|sensitive|specific|usual|typical|often)")
# "not all" and "almost always" are weaker than the word alone.
_LESS_THAN_ALL = re.compile(r"\b(?:not|nearly|almost)\s+\Z", re.IGNORECASE)
# "both lungs", but not "both men and women".
_BOTH_SIDES = re.compile(r"\s+(?:the\s+|of the\s+)?[a-z]+s\b(?![^.;]{0,30}\band\b)", re.IGNORECASE)
_BUT_LIGHT = frozenset(OPPOSITE) & LIGHT


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


_KEYS_KEPT, _LONGEST = 200_000, 64
_PLACES = 8
_keys: dict[str, str] = {}


def key_of(surface: str) -> str:
    """The key of a lower-case word, "" when it says nothing by itself."""
    known = _keys.get(surface)
    if known is not None:
        return known
    word = plain(surface)
    if word.endswith("'s"):
        word = word[:-2]
    if word.startswith("non") and len(word) > 6 and word != "nonetheless":
        word = word[3:]
    made = canonical(word)
    if (
        _NUMERIC.match(word)
        or word in _UNIT_WORDS
        or stem(word) in _UNIT_WORDS
        or ((word in LIGHT or made in LIGHT or stem(word) in LIGHT) and made not in _BUT_LIGHT)
        or (len(word) == 1 and not word.isdigit())
    ):
        made = ""
    if len(_keys) > _KEYS_KEPT:
        _keys.clear()
    if len(surface) <= _LONGEST:
        _keys[surface] = made
    return made


def _phrase_table() -> dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]]:
    found: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    named = dict(PHRASES)
    for short, longs in ABBREVIATIONS.items():
        if len(longs) == 1 and short not in named and len(short) > 1 and short not in _AMBIGUOUS:
            named[short] = longs[0]
    for phrase, short in named.items():
        source = tuple(canonical(word) for word in phrase.split())
        target = tuple(canonical(word) for word in re.split(r"[\s-]+", short))
        if source != target:
            found.setdefault(source[0], []).append((source, target))
    for rows in found.values():
        rows.sort(key=lambda row: -len(row[0]))
    return found


_AMBIGUOUS = word_set("us ms ra pe eg mi gi gu oa cf nec acl ct mr mri")
_PHRASES = _phrase_table()
_NAMED_WORDS = frozenset(canonical(phrase) for phrase in PHRASES if " " not in phrase)


@lru_cache(maxsize=8192)
def read(text: str) -> Reading:
    """One sentence, read. Offsets are relative to it."""
    breaks = [match.start() for match in _SEGMENT.finditer(text)]
    words: list[Word] = []
    segment = 0
    strong: list[tuple[int, str]] = []
    joined_from: tuple[int, str, int] | None = None
    for match in _WORD.finditer(text):
        start, end = match.span()
        while segment < len(breaks) and breaks[segment] <= start:
            segment += 1
        surface = match.group().lower()
        if surface in STRENGTH and (level := _strong_word(surface, text, start, end)):
            strong.append((start, level))
        key = "bilater" if surface == "both" and _BOTH_SIDES.match(text, end) else key_of(surface)
        joined = ""
        if joined_from and joined_from[0] == start - 1 and text[start - 1] in "-‐‑–/":
            joined = canonical(plain(joined_from[1] + surface))
            if words and words[-1].start == joined_from[2]:
                previous = words[-1]
                words[-1] = Word(previous.key, previous.start, previous.end, previous.segment, previous.surface, joined)
        joined_from = (end, surface, start)
        if key:
            words.append(Word(key, start, end, segment, surface, joined))
    words = _shortened(words, text)
    keys = frozenset(word.key for word in words) | frozenset(word.joined for word in words if word.joined)
    return Reading(
        text,
        tuple(words),
        keys,
        tuple(cue for cue in cues(text) if cue.kind == "denied"),
        _clauses(text, strong),
        tuple(measures(text)),
    )


def _shortened(words: list[Word], text: str) -> list[Word]:
    found: list[Word] = []
    place = 0
    while place < len(words):
        word = words[place]
        for source, target in _PHRASES.get(word.key, ()):
            run = words[place : place + len(source)]
            if tuple(one.key for one in run) == source and (len(source) > 1 or _is_short(word, text)):
                found.extend(Word(key, word.start, run[-1].end, word.segment, word.surface) for key in target)
                place += len(source)
                break
        else:
            found.append(word)
            place += 1
    return found


def _is_short(word: Word, text: str) -> bool:
    written = text[word.start : word.end]
    return written.rstrip("s").isupper() or word.key in _NAMED_WORDS or any(c.isdigit() for c in written)


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
