"""Identifiers in free text, found by patterns and by a recogniser of names, and replaced by tags such as [name].

Nothing clinical may go: a pattern that could also be a measure, a level, a score or an eponym needs a label, a title
or a checksum beside it before it counts. With the shift of a patient, dates are moved instead of replaced.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdss.library.date_shift import DateShift
from cdss.library.identifier_patterns import PATTERNS
from cdss.library.names.people import people

# Kinds whose words name someone on their own; of a number a part says nothing.
GROWING = frozenset({"name", "institution", "address", "place"})
WORDS = re.compile(r"\w[^\n]*\w")
Span = tuple[int, int, str]
Found = tuple[int, int, str, str]
# A published text keeps its authors, dates and addresses: only what can belong to a patient goes.
PATIENT_NUMBERS = frozenset({"ssn", "nhs", "insurance", "record", "email"})


@dataclass(frozen=True, slots=True)
class Deidentified:
    """`spans` are (start, end, kind) in the original text."""

    text: str
    removed: Mapping[str, int]
    spans: tuple[Span, ...]


def deidentify(text: str, *, kinds: Collection[str] | None = None, shift: DateShift | None = None) -> Deidentified:
    taken: list[Found] = []
    for found in _found(text, kinds):
        taken += _beside(text, found, taken)
    if kinds is None or "name" in kinds:
        taken = _with_people(text, taken)
    taken.sort()
    moved = shift.reader(text) if shift else None
    parts, at = [], 0
    for start, end, kind, tag in taken:
        shown = moved(text[start:end]) or tag if moved and kind == "date" else tag
        # "92F" is written "90 or older F".
        parts += [text[at:start], shown, " " if kind == "age" and text[end : end + 1].isalpha() else ""]
        at = end
    parts.append(text[at:])
    spans = tuple((start, end, kind) for start, end, kind, _ in taken)
    return Deidentified("".join(parts), dict(Counter(kind for _, _, kind in spans)), spans)


def _beside(text: str, found: Found, taken: Sequence[Found]) -> list[Found]:
    """All of it, or what an earlier find leaves of a name or a place."""
    start, end, kind, tag = found
    over = [each for each in taken if start < each[1] and each[0] < end]
    if not over:
        return [found]
    if kind not in GROWING:
        return []
    edges = [(start, min(each[0] for each in over)), (max(each[1] for each in over), end)]
    words = [match.span() for edge in edges if edge[0] < edge[1] for match in [WORDS.search(text, *edge)] if match]
    return [(*word, kind, tag) for word in words]


def _found(text: str, kinds: Collection[str] | None) -> Iterator[Found]:
    for each in PATTERNS:
        if kinds is not None and each.kind not in kinds:
            continue
        group: str | int = "x" if "x" in each.expression.groupindex else 0
        for match in each.expression.finditer(text):
            if each.accept(match):
                yield *match.span(group), each.kind, each.tag or f"[{each.kind}]"


def _with_people(text: str, taken: list[Found]) -> list[Found]:
    """Names the patterns did not find; one that only grows a name the patterns found takes its place."""
    named = [(start, end) for start, end, kind, _ in taken if kind == "name"]
    for start, end in people(text, named):
        over = [each for each in taken if start < each[1] and each[0] < end]
        if all(each[2] == "name" for each in over):
            grown = (min([start, *(each[0] for each in over)]), max([end, *(each[1] for each in over)]))
            taken = [each for each in taken if each not in over] + [(*grown, "name", "[name]")]
    return taken
