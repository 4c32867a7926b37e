"""A claim laid beside the words it was taken from: what was put in, taken out, exchanged or moved.

Where a claim follows its source nearly word for word, what differs tells more than any reading of the whole: a "not" put
in, a "may" taken out, two sides exchanged.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal

from cdss.reasoning.gate.checks import siblings
from cdss.reasoning.gate.reading import Reading
from cdss.reasoning.gate.vocabulary import FREQUENCY, OPPOSITE, STRENGTH
from retrieval.terms.tables import word_set

Kind = Literal["word", "denial", "strength", "number", "join"]
ALIGNED = 0.6
_BESIDE = 4
_PAIRS = 12
_DENIALS = word_set(
    """no not without never neither nor none cannot absent absence lack lacks lacking lacked devoid denies denied deny
    denying fail fails failed unlikely negative excluded exclude excludes unable nothing nobody nowhere against"""
)
_JOINS = frozenset(("and", "or", ",", ";", "(", ")"))
_LISTING = frozenset(("and", "or", ","))
_SIDES = frozenset(("left", "right", "bilater", "unilater"))
_EXACT = frozenset(("only", "least", "same", "either"))
_FRAMES = word_set(
    """suggest suggests suggested suggesting thought believed suspected insufficient whether unclear hypothesis hypothesized
    inconclusive controversial debated presumed"""
)
_SUPERLATIVE_NEXT = re.compile(r"\s+(?:common|frequent|likely|important|sensitive|specific|usual|typical|often)")


_TOKEN = re.compile(r"[^\W_]+(?:['’]t\b)?|[;,()]")
_DENYING = re.compile(r"free (?:of|from)\b|rul(?:e|ed|es|ing) out\b|instead of\b|rather than\b|non-", re.IGNORECASE)
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
        norm = f"#{one.normalised[0]:.6g}:{one.normalised[1]:.6g}:{one.base}"
        placed.append((one.start, one.end, Token(norm, "number", reading.text[one.start : one.end].strip())))
        covered.update(range(one.start, one.end))
    text = reading.text
    for match in _TOKEN.finditer(text):
        surface = match.group().lower()
        known = surface in _SPECIAL or surface.endswith(("n't", "n’t"))
        if (known or _DENYING.match(text, match.start())) and match.start() not in covered:
            placed.append((match.start(), match.end(), _special(surface, text, match.end())))
            covered.add(match.start())
    for word in reading.words:
        if word.start in covered:
            continue
        if word.surface.startswith("non") and len(word.surface) > 6:
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
                moved_from.update(range(other.old_at, other.old_at + len(other.old)))
                changes[index] = Change(change.old, (), change.old_at, change.new_at)
                changes[other_index] = Change((), changes[other_index].new, other.old_at, other.new_at)
                break
    return [change for change in changes if change.old or change.new], moved, moved_from


def _spoken(tokens: Iterable[Token]) -> list[str]:
    return [token.norm for token in tokens if token.kind != "join"]


def _run(long: Sequence[str], short: Sequence[str]) -> int:
    for at in range(len(long) - len(short) + 1):
        if list(long[at : at + len(short)]) == list(short):
            return at
    return -1


def flaws_of(diff: Diff) -> tuple[list[str], list[str]]:
    """Grave and mild flaws among the changes."""
    put_in = [(token, change) for change in diff.changes for token in change.new]
    taken = [(token, change) for change in diff.changes for token in change.old]
    grave = [*_denials(diff, put_in, taken), *_numbers(diff, put_in, taken), *_turned(diff, put_in, taken)]
    grave += _leapt(diff)
    return list(dict.fromkeys(grave)), list(dict.fromkeys([*_strengths(diff), *_substituted(diff)]))


Placed = list[tuple[Token, Change]]


def _denials(diff: Diff, put_in: Placed, taken: Placed) -> list[str]:
    """A denial put in that none beside it makes up for, or one taken out while what it denies stays."""
    spare = [change.old_at + change.old.index(token) for token, change in taken if token.kind == "denial"]
    kept = sum(
        1 for token, change in taken if token.kind == "denial" and _governs_kept(diff, change, change.old.index(token))
    )
    made_up = 0
    for token, change in put_in:
        if token.kind != "denial":
            continue
        near = next((place for place in spare if abs(place - change.old_at) <= _BESIDE), None)
        if near is None:
            return ["negation"]
        spare.remove(near)
        made_up += 1
    return ["negation"] if kept > made_up else []


def crossed(diff: Diff) -> list[str]:
    """Two pairs joined the other way round: "bright on T1 and dark on T2" for "dark on T1 and bright on T2"."""
    pairs = _pairs(diff)
    for index, (one, other) in enumerate(pairs):
        for third, fourth in pairs[index + 1 :]:
            if len({one, other, third, fourth}) < 4:
                continue
            mine = _joined(diff.claim, one, other, third, fourth)
            theirs = _joined(diff.source, one, other, third, fourth)
            if mine * theirs < 0:
                return ["order"]
    return []


def _pairs(diff: Diff) -> list[tuple[str, str]]:
    both = {token.norm: token.kind for token in diff.claim if token.kind in {"word", "number"}}
    theirs = {token.norm for token in diff.source}
    shared = sorted(norm for norm in both if norm in theirs)
    found = []
    for place, one in enumerate(shared):
        for other in shared[place + 1 :]:
            if both[one] == both[other] == "number":
                alike = one.rpartition(":")[2] == other.rpartition(":")[2]
            else:
                alike = other in OPPOSITE.get(one, ()) or other in siblings(one, (other,))
            if alike:
                found.append((one, other))
    return found[:_PAIRS]


def _joined(tokens: Sequence[Token], one: str, other: str, third: str, fourth: str) -> int:
    """1 when `one` stands with `third` and `other` with `fourth`, -1 for the other way round, 0 undecided."""
    straight = _gap(tokens, one, third) + _gap(tokens, other, fourth)
    across = _gap(tokens, one, fourth) + _gap(tokens, other, third)
    return 0 if straight == across else 1 if straight < across else -1


def _gap(tokens: Sequence[Token], one: str, other: str) -> int:
    return min(
        abs(a - b) + 2 * sum(1 for token in tokens[min(a, b) : max(a, b)] if token.kind == "join")
        for a, first in enumerate(tokens)
        if first.norm == one
        for b, second in enumerate(tokens)
        if second.norm == other
    )


def _governs_kept(diff: Diff, change: Change, within: int) -> bool:
    """Whether what a taken-out token governs is still in the claim.

    That is the phrase after it, up to the next small word, and for a "not" the word before it as well.
    """
    at = change.old_at + within
    token = diff.source[at]
    after = range(at + 1, len(diff.source))
    if token.surface in _FRAMES:
        framed = [place for place in after if place in diff.kept]
        return any(diff.source[place].kind == "word" for place in framed) and not any(
            diff.source[place].kind == "strength" for place in framed
        )
    if after and diff.source[at + 1].surface in {",", "("}:
        after = after[1:]
    governed = []
    for place in after:
        one = diff.source[place]
        if one.kind == "join" or (governed and (one.apart or one.kind != "word")):
            break
        governed.append(place)
    if not governed or token.surface in {"not", "never"}:
        before = at - 1 if at and diff.source[at - 1].kind != "join" else -1
        if before in diff.kept and not _runs_on(change, within):
            return True
    return any(place in diff.kept for place in governed)


def _runs_on(change: Change, within: int) -> bool:
    """Whether what was taken out goes on past the token: a clause of its own, dropped whole."""
    return any(token.kind in {"word", "number"} for token in change.old[within + 1 :])


def _numbers(diff: Diff, put_in: Placed, taken: Placed) -> list[str]:
    gone = [token for token, _ in taken if token.kind == "number"]
    left = {token.norm for token in gone}
    for token, change in put_in:
        if token.kind != "number":
            continue
        base = token.norm.rpartition(":")[2]
        if token.norm not in left:
            return ["unit" if base and _raw(token) in {_raw(one) for one in gone} else "number"]
        others = {one.norm for one in diff.source if one.kind == "number" and one.norm.rpartition(":")[2] == base}
        if any(one.kind == "number" for one in change.old) or _overtakes(diff, token.norm, others - {token.norm}):
            return ["number"]
    return []


def _raw(token: Token) -> str:
    return "".join(re.findall(r"[\d.]+", token.surface))


def _turned(diff: Diff, put_in: Placed, taken: Placed) -> list[str]:
    flaws = []
    gone = {token.norm for token, _ in taken if token.kind == "word"}
    for token, change in put_in:
        if token.kind != "word":
            continue
        reason = "laterality" if token.norm in _SIDES else f"antonym:{token.surface}"
        against = OPPOSITE.get(token.norm) or siblings(token.norm, {one.norm for one in diff.source})
        if any(old.norm in against for old in change.old) and not _listed(diff, token.norm, against):
            turned = True
        elif token.norm in gone:
            turned = _overtakes(diff, token.norm, against)
        else:
            turned = any(not _coordinated(diff, token.norm, rival) for rival in against & gone)
        if turned:
            flaws.append(reason)
    return flaws


def _listed(diff: Diff, norm: str, others: Iterable[str]) -> bool:
    return any(_coordinated(diff, norm, other) for other in others)


def _leapt(diff: Diff) -> list[str]:
    """Words joined over a gap that held their partners: "T1 is [hypointense and T2] hyperintense"."""
    place = 0
    for change in diff.changes:
        if change.new or not any(token.kind == "join" for token in change.old):
            continue
        place = next(at for at, token in enumerate(change.old) if token.kind == "join")
        before, after = change.old[:place], change.old[place:]
        left = {token.norm for token in diff.source[max(0, change.old_at - 3) : change.old_at]}
        end = change.old_at + len(change.old)
        right = {token.norm for token in diff.source[end : end + 3]}
        for token in before:
            if _rivals(token.norm, right) and any(_rivals(other.norm, left) for other in after):
                return ["order"]
    return []


def _rivals(norm: str, keys: Iterable[str]) -> bool:
    found = set(keys)
    return bool((OPPOSITE.get(norm, frozenset()) | siblings(norm, found)) & found)


def _substituted(diff: Diff) -> list[str]:
    """Words put where the source has others, taken from elsewhere in it: said, but of something else."""
    spoken = {token.norm for token in diff.claim}
    gone = diff.gone()
    for change in diff.changes:
        new = {token.norm for token in change.new if token.kind == "word"}
        old = {token.norm for token in change.old if token.kind == "word"}
        if new and new <= gone - old and old - spoken and len(old) >= len(new):
            return ["order"]
    return []


_EXCEPTION = re.compile(r"\b(?:next to|other than|apart from|aside from|except|excepting|besides|second only to|unless)\b", re.I)


def exceptions(claim: Reading, source: Reading) -> list[str]:
    """An exception that the source makes and the claim leaves out."""
    return ["exception"] if _excepts(source) and not _excepts(claim) else []


@lru_cache(maxsize=8192)
def _excepts(reading: Reading) -> bool:
    return bool(_EXCEPTION.search(reading.text))


def _overtakes(diff: Diff, norm: str, others: Iterable[str]) -> bool:
    """Whether a moved word has changed places with one of the others, which is in both texts."""
    mine, theirs = [token.norm for token in diff.claim], [token.norm for token in diff.source]
    for other in others:
        if other in mine and other in theirs and norm in mine and norm in theirs:
            before = mine.index(norm) < mine.index(other)
            if before != (theirs.index(norm) < theirs.index(other)) and not _coordinated(diff, norm, other):
                return True
    return False


def _coordinated(diff: Diff, one: str, other: str) -> bool:
    """Only the order of a pair was changed: "left and right" for "right and left"."""
    return _paired(diff.claim, one, other) and _paired(diff.source, one, other)


def _paired(tokens: Sequence[Token], one: str, other: str) -> bool:
    return any(
        first.norm in {one, other} and join.surface in _LISTING and {first.norm, second.norm} == {one, other}
        for first, join, second in zip(tokens, tokens[1:], tokens[2:], strict=False)
    )


def _strengths(diff: Diff) -> list[str]:
    flaws = []
    percent = any(token.norm.endswith(":%") for token in diff.claim)
    spare = [token.strength for change in diff.changes for token in change.new if token.kind == "strength"]
    for change in diff.changes:
        old = [token for token in change.old if token.kind == "strength"]
        new = [token for token in change.new if token.kind == "strength"]
        if old and new:
            known, claimed = min(old, key=_by_strength), min(new, key=_by_strength)
            if claimed.strength > known.strength or claimed.strength <= 1.0 < known.strength:
                flaws.append(_named(claimed, known))
        elif new:
            if any(token.strength == 5.0 or token.strength <= 1.0 for token in new):
                flaws.append("quantifier")
        else:
            for token in old:
                if token.strength >= 4.0 or token.strength in spare or (percent and token.surface in FREQUENCY):
                    continue
                if _governs_kept(diff, change, change.old.index(token)):
                    flaws.append("quantifier" if token.surface in FREQUENCY else "certainty")
        if any(token.norm == "~superlative" for token in change.new) and not any(
            token.norm == "~superlative" for other in diff.changes for token in other.old
        ):
            flaws.append("quantifier")
    return flaws


def _by_strength(token: Token) -> float:
    return token.strength


def _named(claimed: Token, known: Token) -> str:
    return "quantifier" if claimed.surface in FREQUENCY or known.surface in FREQUENCY else "certainty"
