"""The single checks of a claim against what is cited. Each returns the flaws it found, as reasons."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cdss.reasoning.gate.reading import Clause, Reading, Word
from cdss.reasoning.gate.vocabulary import OPPOSITE, SPECIAL, canonical
from retrieval.terms import Cue, Measure

_NEAR = 4
_APPROXIMATE = re.compile(
    r"\b(?:about|approximately|around|roughly|nearly|almost|circa|some)\s*\Z|~\s*\Z", re.IGNORECASE
)
_SIDES = frozenset(("left", "right", "bilater", "unilater"))
_SOFT = frozenset(
    canonical(word)
    for word in ["disease", "disorder", "lesion", "abnormality", "process", "entity", "approach", "method", "area", "region", "level"]
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
    return "" if key[:1].isdigit() or not _DIGITS.search(key) else _DIGITS.sub("#", key)


_COMMON, _RARE = canonical("common"), canonical("rare")
_AGE = canonical("age")
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
        if rivals & spoken and (place not in match.found or gone is not None):
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


def negation(claim: Reading, match: Match, source: Reading) -> list[str]:
    """A denial without its counterpart, on either side."""
    claimed = [
        (cue, _near(claim, cue, source_keys=match.found), _governed(claim, cue, match.found)) for cue in claim.denied
    ]
    denied = [(cue, _near(source, cue), _governed(source, cue)) for cue in source.denied]
    used: set[int] = set()
    for _, near, full in claimed:
        partner = next(
            (
                index
                for index, (_, source_near, source_full) in enumerate(denied)
                if (near & source_full) or (source_near & full)
            ),
            None,
        )
        if partner is None:
            if not near and not full:
                continue
            return ["negation"]
        used.add(partner)
    free = {
        key for place, key in match.found.items() if not any(_inside(claim.words[place], cue) for cue in claim.denied)
    }
    for index, (cue, near, _) in enumerate(denied):
        if index in used:
            continue
        for key in near & free:
            if not _elsewhere(claim, match, source, key, cue):
                return ["negation"]
    return []


def _inside(word: Word, cue: Cue) -> bool:
    return cue.start <= word.start and word.end <= cue.end


def _governed(reading: Reading, cue: Cue, found: dict[int, str] | None = None) -> set[str]:
    return {
        found.get(place, word.key) if found else word.key
        for place, word in enumerate(reading.words)
        if _inside(word, cue)
    }


def _near(reading: Reading, cue: Cue, source_keys: dict[int, str] | None = None) -> set[str]:
    places = [place for place, word in enumerate(reading.words) if _inside(word, cue)]
    if not places:
        return set()
    chosen = places[:3] if cue.start >= cue.at_end else places[-3:]
    return {(source_keys or {}).get(place, reading.words[place].key) for place in chosen}


def _elsewhere(claim: Reading, match: Match, source: Reading, key: str, cue: Cue) -> bool:
    """Whether the source says the word again, not denied, at a place that suits the claim at least as well."""
    place = next(place for place, found in match.found.items() if found == key)
    denied, free = [], []
    for at in source.places(key):
        score = closeness(claim, place, match.found, source, at, frozenset((key,)))
        (denied if _inside(source.words[at], cue) else free).append(score)
    return bool(free) and max(free) >= max(denied, default=0.0)


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
    if claimed.base != known.base:
        if claimed.base and known.base:
            return False
        if claimed.base and not known.base:
            return False
        return math.isclose(claimed.value, known.value) and claimed.high == known.high and not claimed.comparator
    (low, high), (other_low, other_high) = claimed.normalised, known.normalised
    if claimed.comparator or known.comparator:
        return (low, high) == (other_low, other_high)
    return math.isclose(low, other_low, rel_tol=tolerance) and math.isclose(high, other_high, rel_tol=tolerance)


def _belongs_elsewhere(claim: Reading, quantity: Measure, match: Match, source: Reading) -> bool:
    rivals = [other for other in source.quantities if other.base == quantity.base]
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


def strength(claim: Reading, match: Match, source: Reading) -> list[str]:
    """A clause that claims more, or more often, than the clause of the source it rests on."""
    flaws = []
    percent = any(quantity.base == "%" for quantity in claim.quantities)
    for clause in claim.clauses:
        keys = {
            match.found[place]
            for place, word in enumerate(claim.words)
            if place in match.found and clause.start <= word.start < clause.end
        }
        if not keys:
            continue
        resting = _resting(keys, source)
        if not resting:
            continue
        known = min(resting, key=lambda one: one.strength)
        if clause.levels and clause.levels <= frozenset[float]().union(*(one.levels for one in resting)):
            continue
        if percent and known.by_frequency and clause.strength <= 4.0:
            continue
        if clause.strength > known.strength + 0.01:
            if clause.strength == 4.0 and known.strength >= 2.7:
                flaws.append("quantifier" if known.by_frequency else "certainty")
            else:
                flaws.append("quantifier" if clause.by_frequency or known.by_frequency else "certainty")
        elif clause.strength <= 1.0 < known.strength:
            flaws.append("quantifier")
    return flaws


def _resting(keys: set[str], source: Reading) -> list[Clause]:
    held = []
    for clause in source.clauses:
        inside = {word.key for word in source.words if clause.start <= word.start < clause.end} & keys
        if inside:
            held.append((clause, inside))
    if not held:
        return []
    best, covered = max(held, key=lambda pair: len(pair[1]))
    need = max(2, math.ceil(0.4 * len(keys)))
    return [best, *(clause for clause, inside in held if clause is not best and len(inside - covered) >= need)]


def superlatives(claim: Reading, source: Reading) -> list[str]:
    mine = {match.group(1).lower() for match in _SUPERLATIVE.finditer(claim.text)}
    theirs = {match.group(1).lower() for match in _SUPERLATIVE.finditer(source.text)}
    if {"common", "commonly", "frequent", "frequently"} & theirs:
        theirs |= {"common", "commonly", "frequent", "frequently"}
    return ["quantifier"] if mine - theirs else []


_SUPERLATIVE = re.compile(
    r"\bmost\s+(common|commonly|frequent|frequently|important|sensitive|specific|likely)\b", re.IGNORECASE
)


_GROUND = re.compile(
    r"\b(?:than(?: that of| those of| in| with| for)?|(?:as )?compared (?:with|to)|in comparison (?:with|to)|relative to|"
    r"superior to|inferior to|preferable to|versus|vs\.?)\s+((?:(?!(?:in|for|with|at|on|is|are|was|were|and|but|or|by|to|of)\b)"
    r"[\w-]+\s*){1,4})",
    re.IGNORECASE,
)


def comparison(claim: Reading, source: Reading) -> list[str]:
    """The two sides of a comparison exchanged."""
    mine, theirs = _grounds(claim), _grounds(source)
    if not mine or not theirs:
        return []
    own, known = mine - theirs, theirs - mine
    spoken = {word.key for word in claim.words}
    return ["order"] if own and known and known <= spoken and own <= source.keys else []


@lru_cache(maxsize=8192)
def _grounds(reading: Reading) -> frozenset[str]:
    """What is compared with: the words after "than", "compared with", "superior to"."""
    match = _GROUND.search(reading.text)
    if not match:
        return frozenset()
    return frozenset(word.key for word in reading.words if match.start(1) <= word.start < match.end(1))


_RELATIONS = (
    (
        re.compile(r"\b(?:caused by|due to|secondary to|as a result of|because of|resulting from|results? from|produced by)\b", re.I),
        re.compile(r"\b(?:causes?|causing|leads? to|leading to|results? in|resulting in|produces?|gives? rise to)\b", re.I),
    ),
    (
        re.compile(r"\b(?:after|preceded by|subsequent to)\b", re.I),
        re.compile(r"\b(?:before|precedes?|prior to|followed by)\b", re.I),
    ),
    (
        re.compile(r"\b(?:displaced|compressed|invaded|surrounded|encased|replaced|supplied) by\b", re.I),
        re.compile(r"\b(?:displac(?:es?|ing)|compress(?:es|ing)?|invad(?:es?|ing)|surrounds?|encases?|replaces?|suppl(?:y|ies))\b", re.I),
    ),
)  # fmt: skip


def direction(claim: Reading, source: Reading) -> list[str]:
    """Cause and effect, before and after, or doer and done-to exchanged."""
    for backward, forward in _RELATIONS:
        mine = _sides(claim, backward, forward)
        theirs = _sides(source, backward, forward) if mine else None
        if not mine or not theirs:
            continue
        crossed = mine[0] & theirs[1] and mine[1] & theirs[0]
        if crossed and not (mine[0] & theirs[0] or mine[1] & theirs[1]):
            return ["order"]
    return []


@lru_cache(maxsize=16384)
def _sides(reading: Reading, backward: re.Pattern[str], forward: re.Pattern[str]) -> tuple[set[str], set[str]] | None:
    turned = backward.search(reading.text)
    match = turned or forward.search(reading.text)
    if not match:
        return None
    left = {word.key for word in [one for one in reading.words if one.end <= match.start()][-4:]}
    right = {word.key for word in [one for one in reading.words if one.start >= match.end()][:4]}
    return (right, left) if turned else (left, right)


def soft(word: Word) -> bool:
    """A direction word whose absence says nothing, only its opposite does."""
    return word.key in _SOFT
