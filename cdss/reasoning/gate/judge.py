"""One claim against one passage: where it is said, and whether it is said so."""

from dataclasses import dataclass
from difflib import SequenceMatcher

from cdss.reasoning.gate.compare import Comparison, compare_window
from cdss.reasoning.gate.reading import Reading
from cdss.reasoning.gate.source import Source, Window
from cdss.reasoning.types import Support

_RANK: dict[Support, int] = {"supported": 2, "partly": 1, "unsupported": 0}
_TRIED = 4
_BINDING = 0.75
_REPEATED = 0.85


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a claim is said by a passage. `quote == passage[start:end]`; empty when nothing there bears on it.

    `contradicted`: the quote is nearly the claim, yet says otherwise or less.
    """

    support: Support
    reasons: tuple[str, ...] = ()
    quote: str = ""
    start: int = 0
    end: int = 0
    contradicted: bool = False


def judge(claim: Reading, source: Source, allowed: range, case: Reading | None = None) -> Verdict:
    """The best verdict over the sentences that hold most of the claim.

    A sentence that is nearly the claim and yet contradicts it is not outvoted by one that merely shares its words.
    """
    tried = [
        (covered, window, compare_window(claim, source, window, case))
        for covered, window in _promising(claim, source, allowed)
    ]
    if not tried:
        return Verdict("unsupported", ("not-in-passage",))
    against = [(window, one) for _, window, one in tried if one.contradicted and one.aligned >= _BINDING]
    bound = max((_weight(claim, window, one) for window, one in against), default=0.0)
    parts = {window.index for window, _ in against if window.part}
    standing = [
        (covered + one.aligned - 0.1 * len(one.reasons), window, one)
        for covered, window, one in tried
        if _weight(claim, window, one) >= bound and (window.part or one.contradicted or window.index not in parts)
    ]
    _, window, found = max(standing, key=lambda row: (_RANK[row[2].support], row[0], -row[1].index, -row[1].start))
    span = source.spans[window.index]
    start = span.start
    if found.leaned and window.index and window.index - 1 in allowed:
        start = source.spans[window.index - 1].start
    return Verdict(
        found.support, found.reasons, source.text[start : span.end], start, span.end, bound > 0 and found.contradicted
    )


def _weight(claim: Reading, window: Window, found: Comparison) -> float:
    """How far a claim follows a sentence; one that repeats it to the letter, or all but, weighs more than any other."""
    mine, theirs = claim.text.lower().split(), window.reading.text.lower().split()
    if found.aligned < _BINDING or abs(len(mine) - len(theirs)) > 2:
        return found.aligned
    alike = SequenceMatcher(None, mine, theirs, autojunk=False).ratio()
    return found.aligned + alike if alike >= _REPEATED else found.aligned


def _promising(claim: Reading, source: Source, allowed: range) -> list[tuple[float, Window]]:
    wanted = {word.key for word in claim.words}
    values = {quantity.value for quantity in claim.quantities}
    size = max(1, len(wanted) + len(values))
    scored = []
    for window in source.windows:
        if window.index not in allowed:
            continue
        keys = window.reading.keys
        hits = len(wanted & keys) + len(values & window.values)
        if hits:
            lent = len((wanted - keys) & (window.carried | window.heading))
            scored.append(((hits + 0.5 * lent) / size, window))
    scored.sort(key=lambda pair: (-pair[0], pair[1].index))
    return scored[:_TRIED]
