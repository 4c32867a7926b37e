"""A claim laid beside the words it was taken from: what was put in, taken out, exchanged or moved.

Where a claim follows its source nearly word for word, what differs tells more than any reading of the whole: a "not"
put in, a "may" taken out, two sides exchanged.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal

from cdss.reasoning.gate.keys import denied_word
from cdss.reasoning.gate.reading import Reading
from cdss.reasoning.gate.vocabulary import STRENGTH
from retrieval.terms import Measure
from retrieval.terms.tables import word_set

Kind = Literal["word", "denial", "strength", "number", "join"]
ALIGNED = 0.6
_DENIALS = word_set(
    """no not without never neither nor none cannot absent absence lack lacks lacking lacked devoid denies denied deny
    denying fail fails failed unlikely negative excluded exclude excludes unable nothing nobody nowhere against
    avoid avoids avoided avoiding"""
)
_JOINS = frozenset(("and", "or", "but", ",", ";", "(", ")"))
_EXACT = frozenset(("only", "least", "same", "either"))
_SUPERLATIVE_NEXT = re.compile(r"\s+(?:common|frequent|likely|important|sensitive|specific|usual|typical|often)")
_TOKEN = re.compile(r"[^\W_]+(?:['’]t\b)?|[;,()]")
_DENYING = re.compile(r"free (?:of|from)\b|rul(?:e|ed|es|ing) out\b|non-", re.IGNORECASE)
_NOT_ALL = re.compile(r"\b(?:not|nearly|almost)\s+(?:all|every|always|each)\b", re.IGNORECASE)
_SPECIAL = _DENIALS | frozenset(STRENGTH) | _JOINS | _EXACT


@dataclass(frozen=True, slots=True)
class Token:
    """`apart`: a word of no weight of its own stands between this token and the one before it."""

    norm: str
    kind: Kind
    surface: str
    strength: float = 0.0
    apart: bool = False


@lru_cache(maxsize=4096)
def tokens_of(reading: Reading) -> tuple[Token, ...]:
    placed: list[tuple[int, int, Token]] = []
    covered: set[int] = set()
    for one in reading.quantities:
        norm = _norm(one)
        placed.append((one.start, one.end, Token(norm, "number", reading.text[one.start : one.end].strip())))
        covered.update(range(one.start, one.end))
    text = reading.text
    for match in _NOT_ALL.finditer(text):
        placed.append((match.start(), match.end(), Token("~3.0", "strength", "not all", 3.0)))
        covered.update(range(match.start(), match.end()))
    for match in _TOKEN.finditer(text):
        surface = match.group().lower()
        if surface == "commonest":
            placed.append((match.start(), match.start(), Token("~superlative", "word", "most")))
        known = surface in _SPECIAL or surface.endswith(("n't", "n’t"))
        if (known or _DENYING.match(text, match.start())) and match.start() not in covered:
            placed.append((match.start(), match.end(), _special(surface, text, match.end())))
            covered.add(match.start())
    for word in reading.words:
        if word.start in covered:
            continue
        if (word.surface.startswith("non") and len(word.surface) > 6) or denied_word(word.surface):
            placed.append((word.start, word.start, Token("~not", "denial", "non")))
        placed.append((word.start, word.end, Token(word.key, "word", word.surface)))
    placed.sort(key=lambda one: one[0])
    found: list[Token] = []
    last = 0
    for start, end, token in placed:
        apart = token.kind == "word" and any(map(str.isalpha, text[last:start]))
        found.append(replace(token, apart=True) if apart else token)
        last = max(last, end)
    return tuple(found)


_SMALLER = {"year": ("month", 12.0), "day": ("minute", 1440.0)}


def _norm(one: Measure) -> str:
    """A quantity in the smallest unit of its kind; a range that runs backwards is another one."""
    base, factor = _SMALLER.get(one.base, (one.base, 1.0))
    low, high = (bound * factor for bound in one.normalised)
    backwards = "<" if one.high is not None and one.high < one.value else ""
    return f"#{backwards}{low:.6g}:{high:.6g}:{base}"


def _special(surface: str, text: str, end: int) -> Token:
    if surface == "most" and _SUPERLATIVE_NEXT.match(text, end):
        return Token("~superlative", "word", surface)
    if surface in STRENGTH:
        return Token(f"~{STRENGTH[surface]}", "strength", surface, STRENGTH[surface])
    if surface in _JOINS:
        return Token("~join", "join", surface)
    if surface in _EXACT:
        return Token(surface, "word", surface)
    return Token("~not", "denial", surface)


@dataclass(frozen=True, slots=True)
class Change:
    """What stands in the source (`old`) and in the claim (`new`) at one place, and the words around it."""

    old: tuple[Token, ...]
    new: tuple[Token, ...]
    old_at: int
    new_at: int


@dataclass(frozen=True, slots=True)
class Diff:
    claim: tuple[Token, ...]
    source: tuple[Token, ...]
    changes: tuple[Change, ...]
    aligned: float
    kept: frozenset[int]
    single: frozenset[int]

    def alone(self) -> frozenset[str]:
        """Words of the claim that match the source without a neighbour that matches beside them."""
        return frozenset(self.claim[place].norm for place in self.single)

    def gone(self) -> frozenset[str]:
        """What the source says at places the claim leaves out."""
        return frozenset(token.norm for change in self.changes for token in change.old)


def lay(claim: Reading, source: Reading) -> Diff:
    mine, theirs = tokens_of(claim), tokens_of(source)
    matcher = SequenceMatcher(None, [one.norm for one in theirs], [one.norm for one in mine], autojunk=False)
    changes = []
    same = 0
    kept: set[int] = set()
    single: set[int] = set()
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            spoken = [place for place in range(c, d) if mine[place].kind != "join"]
            same += len(spoken)
            kept.update(range(a, b))
            single.update(spoken if len(spoken) == 1 else ())
        else:
            changes.append(Change(theirs[a:b], mine[c:d], a, c))
    changes, moved, moved_from = _without_moves(changes)
    size = sum(1 for token in mine if token.kind != "join")
    return Diff(
        mine, theirs, tuple(changes), (same + moved) / max(1, size), frozenset(kept | moved_from), frozenset(single)
    )


def _without_moves(changes: list[Change]) -> tuple[list[Change], int, set[int]]:
    """The changes less the runs of two or more words that stand unchanged somewhere else."""
    moved = 0
    moved_from: set[int] = set()
    for index, change in enumerate(changes):
        words = _spoken(change.new)
        if len(words) < 2:
            continue
        for other_index, other in enumerate(changes):
            if other_index == index:
                continue
            at = _run(_spoken(other.old), words)
            if at >= 0:
                moved += len(words)
                spoken = [place for place, token in enumerate(other.old) if token.kind != "join"]
                first, last = spoken[at], spoken[at + len(words) - 1] + 1
                moved_from.update(range(other.old_at + first, other.old_at + last))
                changes[index] = Change(change.old, (), change.old_at, change.new_at)
                new = changes[other_index].new
                changes[other_index] = Change(other.old[:first], new, other.old_at, other.new_at)
                changes.append(Change(other.old[last:], (), other.old_at + last, other.new_at + len(new)))
                break
    return [change for change in changes if change.old or change.new], moved, moved_from


def _spoken(tokens: Iterable[Token]) -> list[str]:
    return [token.norm for token in tokens if token.kind != "join"]


def _run(long: Sequence[str], short: Sequence[str]) -> int:
    for at in range(len(long) - len(short) + 1):
        if list(long[at : at + len(short)]) == list(short):
            return at
    return -1
