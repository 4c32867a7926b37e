"""Denial and strength of a claim that its source says in other words. Each check returns the flaws it found."""

import math
import re

from cdss.reasoning.gate.matching import Match, closeness
from cdss.reasoning.gate.reading import Clause, Reading, Word
from retrieval.terms import Cue


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
    denied: list[float] = []
    free: list[float] = []
    for at in source.places(key):
        score = closeness(claim, place, match.found, source, at, frozenset((key,)))
        (denied if _inside(source.words[at], cue) else free).append(score)
    return bool(free) and max(free) >= max(denied, default=0.0)


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
    echoes = [clause for clause in source.clauses if clause.by_frequency and _wordless(source, clause)]
    best, covered = max(held, key=lambda pair: len(pair[1]))
    need = max(2, math.ceil(0.4 * len(keys)))
    return [best, *echoes, *(clause for clause, inside in held if clause is not best and len(inside - covered) >= need)]


def _wordless(source: Reading, clause: Clause) -> bool:
    """ "… but is seen in a minority": it speaks of what the clause before it names."""
    return not any(clause.start <= word.start < clause.end for word in source.words)


def superlatives(claim: Reading, source: Reading) -> list[str]:
    mine = _topped(claim.text)
    theirs = _topped(source.text)
    if _OFTEN & theirs or _MOSTLY.search(source.text):
        theirs |= _OFTEN
    return ["quantifier"] if mine - theirs else []


def _topped(text: str) -> set[str]:
    found = {match.group(1).lower() for match in _SUPERLATIVE.finditer(text)}
    return found | {"common"} if "commonest" in text.lower() else found


_MOSTLY = re.compile(r"\bmost (?:often|usual)|\bmost(?:ly)?\s+(?:by|from|of|in|due)\b", re.IGNORECASE)
_OFTEN = frozenset(("common", "commonly", "frequent", "frequently", "often", "usual"))
_SUPERLATIVE = re.compile(
    r"\bmost\s+(common|commonly|frequent|frequently|important|sensitive|specific|likely)\b", re.IGNORECASE
)
