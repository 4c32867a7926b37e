"""How the words of a claim are found in a source, and whether their opposites are what it says."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cdss.reasoning.gate.reading import Reading, Word
from cdss.reasoning.gate.vocabulary import OPPOSITE, SPECIAL, canonical

_NEAR = 4
_SIDES = frozenset(("left", "right", "bilater", "unilater"))
_SOFT = frozenset(
    canonical(word)
    for word in [
        "disease",
        "disorder",
        "lesion",
        "abnormality",
        "process",
        "entity",
        "approach",
        "method",
        "area",
        "region",
        "level",
    ]
) | frozenset(("well", "poor", "befor", "after", "abov", "below", "mor", "more", "less", "prior", "preced", "subsequ"))


@dataclass(frozen=True, slots=True)
class Match:
    """How the words of a claim are found in a source: exactly, as a variant or as a more special word; or not."""

    found: dict[int, str]
    missing: tuple[int, ...]


def match_words(claim: Reading, source: Reading, extra: frozenset[str] = frozenset()) -> Match:
    found: dict[int, str] = {}
    missing = []
    levels = frozenset[float]().union(*(clause.levels for clause in source.clauses))
    for place, word in enumerate(claim.words):
        key = _counterpart(word, source.keys) or (word.key if word.key in extra or _as_often(word, levels) else "")
        if key:
            found[place] = key
        else:
            missing.append(place)
    return Match(found, tuple(missing))


def _as_often(word: Word, levels: frozenset[float]) -> bool:
    """ "common" is said by "often" and "usually" too, "rare" by "seldom"."""
    if word.key == _COMMON:
        return any(2.7 <= level < 4 for level in levels)
    return word.key == _RARE and 1.0 in levels


def _counterpart(word: Word, keys: frozenset[str]) -> str:
    if word.key in keys:
        return word.key
    if word.joined and word.joined in keys:
        return word.joined
    for special in SPECIAL.get(word.key, ()):
        if special in keys:
            return special
    return _variant(word.key, keys)


def _variant(key: str, keys: frozenset[str]) -> str:
    if len(key) < 5 or key in OPPOSITE or _DIGITS.search(key):
        return ""
    beginning = key[:5]
    for other in keys:
        if other.startswith(beginning):
            shorter, longer = sorted((key, other), key=len)
            if longer.startswith(shorter) and len(longer) - len(shorter) <= 3:
                return other
    return ""


def _distance(first: Word, second: Word, gap: int) -> float:
    return abs(gap) + 2 * abs(first.segment - second.segment)


def closeness(
    claim: Reading, place: int, matched: dict[int, str], source: Reading, at: int, leave: frozenset[str]
) -> float:
    """How well the neighbours of a claim's word surround a place of the source."""
    score = 0.0
    for other, key in matched.items():
        if other == place or key in leave or abs(other - place) > _NEAR:
            continue
        places = source.places(key)
        if not places:
            continue
        near = min(_distance(source.words[at], source.words[one], at - one) for one in places)
        weight = 1 / (1 + _distance(claim.words[place], claim.words[other], place - other))
        score += weight / (1 + near)
    return score


def siblings(key: str, keys: Iterable[str]) -> frozenset[str]:
    """What differs from "t1" in its number only: "t2"."""
    family = _family(key)
    return frozenset(other for other in keys if other != key and _family(other) == family) if family else frozenset()


@lru_cache(maxsize=65536)
def _family(key: str) -> str:
    """ "t#" of "t1" and "t2", "=" of "type A" and "type B"."""
    if key.startswith("="):
        return "="
    return "" if key[:1].isdigit() or not _DIGITS.search(key) else _DIGITS.sub("#", key)


_COMMON, _RARE = canonical("common"), canonical("rare")
_DIGITS = re.compile(r"\d+")


def opposites(
    claim: Reading,
    match: Match,
    source: Reading,
    gone: frozenset[str] | None = None,
    alone: frozenset[str] = frozenset(),
) -> list[str]:
    """Words whose opposite is what the source says, there or at the place the claim speaks of.

    `gone`, `alone`: where the order of words was checked already, only words without a matching neighbour are asked
    about, and only for opposites that the claim leaves out.
    """
    flaws = []
    spoken = {one.key for one in claim.words}
    for place, word in enumerate(claim.words):
        against = OPPOSITE.get(word.key) or siblings(word.key, source.keys)
        if not against or not (rivals := against & source.keys):
            continue
        lent = place in match.found and match.found[place] not in source.keys
        if rivals & spoken and (place not in match.found or gone is not None or lent):
            continue
        reason = "laterality" if word.key in _SIDES else f"antonym:{word.surface}"
        if place not in match.found:
            flaws.append(reason)
            continue
        if gone is not None and (word.key not in alone or not rivals & gone):
            continue
        own = _best(claim, place, match, source, {match.found[place]}, against)
        other = _best(claim, place, match, source, rivals, against | {match.found[place]})
        if other > own * 1.5 + 0.03:
            flaws.append(reason)
    return flaws


def _best(
    claim: Reading, place: int, match: Match, source: Reading, keys: Iterable[str], leave: frozenset[str]
) -> float:
    scores = [closeness(claim, place, match.found, source, at, leave) for key in keys for at in source.places(key)]
    return max(scores, default=0.0)


def soft(word: Word) -> bool:
    """A direction word whose absence says nothing, only its opposite does."""
    return word.key in _SOFT
