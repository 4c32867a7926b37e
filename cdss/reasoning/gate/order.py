"""Words that the source has, but not so joined: pairs crossed, gaps leapt, partners exchanged."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from cdss.reasoning.gate.alignment import Change, Diff, Token
from cdss.reasoning.gate.matching import siblings
from cdss.reasoning.gate.reading import Reading
from cdss.reasoning.gate.vocabulary import OPPOSITE, canonical
from retrieval.terms.tables import word_set

_PAIRS = 12
_OCCURRENCES = 8
_LISTING = frozenset(("and", "or", ","))


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
    firsts = [place for place, token in enumerate(tokens) if token.norm == one][:_OCCURRENCES]
    seconds = [place for place, token in enumerate(tokens) if token.norm == other][:_OCCURRENCES]
    return min(_steps(tokens, *sorted((a, b))) for a in firsts for b in seconds)


def _steps(tokens: Sequence[Token], start: int, end: int) -> int:
    return end - start + 2 * sum(1 for token in tokens[start:end] if token.kind == "join")


def listed(diff: Diff, norm: str, others: Iterable[str]) -> bool:
    return any(coordinated(diff, norm, other) for other in others)


def leapt(diff: Diff) -> list[str]:
    """Words joined over a gap that held their partners: "T1 is [hypointense and T2] hyperintense"."""
    place = 0
    for change in diff.changes:
        if change.new or not any(token.kind == "join" for token in change.old):
            continue
        for place in [at for at, token in enumerate(change.old) if token.surface in _LISTING]:
            if _leaves_number(diff, change, change.old[:place], change.old[place:]):
                return ["order"]
        place = next(at for at, token in enumerate(change.old) if token.kind == "join")
        before, after = change.old[:place], change.old[place:]
        left = {token.norm for token in diff.source[max(0, change.old_at - 3) : change.old_at]}
        end = change.old_at + len(change.old)
        right = {token.norm for token in diff.source[end : end + 3]}
        for token in before:
            if _rivals(token.norm, right) and any(_rivals(other.norm, left) for other in after):
                return ["order"]
    return []


def _leaves_number(diff: Diff, change: Change, before: Sequence[Token], after: Sequence[Token]) -> bool:
    """ "4 of 33 [after treatment and 6 of 68] after operation": the number left is that of what was left out."""
    if not any(token.kind == "word" for token in before) or change.old_at + len(change.old) >= len(diff.source):
        return False
    left = {_base(token) for token in diff.source[max(0, change.old_at - 3) : change.old_at] if token.kind == "number"}
    return any(token.kind == "number" and _base(token) in left for token in after)


def _base(token: Token) -> str:
    return token.norm.rpartition(":")[2]


def _rivals(norm: str, keys: Iterable[str]) -> bool:
    found = set(keys)
    return bool((OPPOSITE.get(norm, frozenset()) | siblings(norm, found)) & found)


def substituted(diff: Diff) -> list[str]:
    """Words put where the source has others, taken from elsewhere in it: said, but of something else."""
    spoken = {token.norm for token in diff.claim}
    gone = diff.gone()
    for change in diff.changes:
        new = {token.norm for token in change.new if token.kind == "word"}
        old = {token.norm for token in change.old if token.kind == "word"}
        if new and new <= gone - old and old - spoken - _LINKING and len(old) >= len(new):
            return ["order"]
    return []


# Words that only say how the others hang together.
_LINKING = frozenset(
    canonical(word) for word in word_set("cause result name diagnosis define make give score classify contain develop")
)
_EXCEPTION = re.compile(
    r"\b(?:next to|other than|apart from|aside from|except|excepting|besides|second only to|unless)\b", re.I
)


def exceptions(claim: Reading, source: Reading) -> list[str]:
    """An exception that the source makes and the claim leaves out."""
    return ["exception"] if _excepts(source) and not _excepts(claim) else []


@lru_cache(maxsize=8192)
def _excepts(reading: Reading) -> bool:
    return bool(_EXCEPTION.search(reading.text))


def overtakes(diff: Diff, norm: str, others: Iterable[str]) -> bool:
    """Whether a moved word has changed places with one of the others, which is in both texts."""
    mine, theirs = [token.norm for token in diff.claim], [token.norm for token in diff.source]
    for other in others:
        if other in mine and other in theirs and norm in mine and norm in theirs:
            before = mine.index(norm) < mine.index(other)
            if before != (theirs.index(norm) < theirs.index(other)) and not coordinated(diff, norm, other):
                return True
    return False


def coordinated(diff: Diff, one: str, other: str) -> bool:
    """Only the order of a pair was changed: "left and right" for "right and left"."""
    return _paired(diff.claim, one, other) and _paired(diff.source, one, other)


def _paired(tokens: Sequence[Token], one: str, other: str) -> bool:
    return any(
        first.norm in {one, other} and join.surface in _LISTING and {first.norm, second.norm} == {one, other}
        for first, join, second in zip(tokens, tokens[1:], tokens[2:], strict=False)
    )
