"""The key under which a word, or a run of words with one name, is compared."""

import re
from collections.abc import Iterator
from functools import cache

from cdss.reasoning.gate.vocabulary import LIGHT, OPPOSITE, PHRASES, canonical
from retrieval.terms import plain, stem
from retrieval.terms.synonyms import SYNONYMS
from retrieval.terms.tables import ABBREVIATIONS, word_set

_NUMERIC = re.compile(
    r"(?:\d+(?:st|nd|rd|th)?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety|hundred)\Z"
)
_UNIT_WORDS = word_set(
    "cm mm um ml cc mg mcg kg hu year yr yo month mo week wk day hour hr minute min percent decade dl"
)
_BUT_LIGHT = frozenset(OPPOSITE) & LIGHT
_AMBIGUOUS = word_set("us ms ra pe eg mi gi gu oa cf nec acl ct mr mri")
_KEYS_KEPT, _LONGEST = 200_000, 64
_LONGEST_NAME, _LONG_WORD = 5, 8
_JOINING = frozenset(("of", "the", "in"))
_keys: dict[str, str] = {}
Run = tuple[str, ...]


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


_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10}
_DESIGNATED = re.compile(
    r"\b(?:types?|grades?|stages?|class|group|category|zone|factor|hepatitis|vitamin|[Ss]tanford|[Dd]e[Bb]akey|[Bb]osniak|"
    r"[Hh]inchey|[Tt]ypes?|[Gg]rades?|[Ss]tages?|[Cc]lass|[Gg]roup|[Hh]epatitis|LR|BI-RADS|LI-RADS)"
    r"[\s-](?P<value>(?P<roman>[IVX]{1,4})?(?(roman)[A-Fa-f]?|(?:[A-Z]|\d{1,2}[A-Fa-f]?)))"
    r"(?![\w%.]\w| ?(?:cm|mm|patients|to))\b"
)


def designators(text: str) -> list[tuple[int, int, str]]:
    """The letters and numbers that are names, "type B", "grade II", each with its place and key: "=b", "=2"."""
    found = []
    for match in _DESIGNATED.finditer(text):
        value, roman = match["value"].lower(), (match["roman"] or "").lower()
        if roman in _ROMAN:
            value = f"{_ROMAN[roman]}{value[len(roman) :]}"
        found.append((match.start("value"), match.end("value"), f"={value}"))
    return found


# "unavailable" for "not available": the key of the word that is denied.
_UN = re.compile(r"(?:un|in|im|ir)(?P<rest>[a-z]{5,})\Z")
_DENIABLE = word_set(
    """available necessary needed affected involved effective appropriate complete significant visible important treated
    safe reliable suitable satisfactory successful expected explained detected sufficient adequate possible operable
    resectable"""
)


def denied_word(surface: str) -> str:
    """The word that a word like "unavailable" denies, "" when it denies none."""
    match = _UN.match(surface)
    return match["rest"] if match and match["rest"] in _DENIABLE else ""


def _run(phrase: str) -> Run:
    named = {start: key for start, _, key in designators(phrase)}
    words = [(match.start(), match.group()) for match in re.finditer(r"[^\s-]+", phrase)]
    return tuple(key for start, word in words if (key := named.get(start) or key_of(word.lower())))


_ALSO_CALLED = {phrase: name for name, others in SYNONYMS.items() for phrase in others}


def _written() -> Iterator[tuple[Run, Run]]:
    named = _ALSO_CALLED | PHRASES
    for short, longs in ABBREVIATIONS.items():
        if len(longs) == 1 and len(short) > 1 and not (short in named or short in SYNONYMS or short in _AMBIGUOUS):
            named[short] = longs[0]
    for phrase, name in named.items():
        yield _run(phrase), _run(name)


@cache
def _packaged() -> tuple[tuple[str, Run, Run], ...]:
    """Exact synonyms of the phenotype ontology, less those that lose a word of theirs on the way."""
    from cdss.reasoning.concepts import phenotype_names

    found = []
    for name, others in phenotype_names():
        target = _whole_run(name)
        for other in others if target else ():
            source = _whole_run(other)
            special = set(source) <= set(target) or set(target) <= set(source)
            if source and not special and not _turned(source, target):
                found.append((other.lower(), source, target))
    return tuple(found)


def _whole_run(name: str) -> Run:
    words = [word for word in re.split(r"[\s-]+", name.lower()) if word not in _JOINING]
    run = tuple(key for word in words if word.isalpha() and (key := key_of(word)))
    return run if len(run) == len(words) <= _LONGEST_NAME else ()


def _turned(source: Run, target: Run) -> bool:
    """Whether a word of one is the opposite of a word of the other: no synonym, whatever the list says."""
    return any(OPPOSITE.get(key, frozenset()) & set(target) for key in source)


@cache
def runs() -> dict[str, tuple[tuple[Run, Run], ...]]:
    """By its first key, each run of keys that stands for another, the longest first."""
    found: dict[str, dict[Run, Run]] = {}
    named = ((source, target) for _, source, target in _packaged() if len(source) > 1)
    for source, target in (*_written(), *named):
        if source and target and source != target:
            found.setdefault(source[0], {}).setdefault(source, target)
    return {first: tuple(sorted(rows.items(), key=lambda row: -len(row[0]))) for first, rows in found.items()}


@cache
def other_names() -> dict[str, Run]:
    """Single words that are another name of something, as they are written."""
    return {
        surface: target for surface, source, target in _packaged() if len(source) == 1 and len(surface) >= _LONG_WORD
    }


NAMED_WORDS = frozenset(canonical(phrase) for phrase in (*_ALSO_CALLED, *PHRASES) if " " not in phrase)
