"""Identifiers in free text, found by patterns and replaced by tags such as [name] or [date].

Nothing clinical may go: a pattern that could also be a measure, a level, a score or an eponym needs a label, a title
or a checksum beside it before it counts.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from cdss.library.identifier_patterns import PATTERNS

Span = tuple[int, int, str]
# A published text keeps its authors, dates and addresses: only what can belong to a patient goes.
PATIENT_NUMBERS = frozenset({"ssn", "nhs", "insurance", "record", "email"})


@dataclass(frozen=True, slots=True)
class Deidentified:
    """`spans` are (start, end, kind) in the original text."""

    text: str
    removed: Mapping[str, int]
    spans: tuple[Span, ...]


def deidentify(text: str, *, kinds: Collection[str] | None = None) -> Deidentified:
    taken: list[tuple[int, int, str, str]] = []
    for start, end, kind, tag in _found(text, kinds):
        if not any(start < other_end and other_start < end for other_start, other_end, _, _ in taken):
            taken.append((start, end, kind, tag))
    taken.sort()
    parts, at = [], 0
    for start, end, kind, tag in taken:
        # "92F" is written "90 or older F".
        parts += [text[at:start], tag, " " if kind == "age" and text[end : end + 1].isalpha() else ""]
        at = end
    parts.append(text[at:])
    spans = tuple((start, end, kind) for start, end, kind, _ in taken)
    return Deidentified("".join(parts), dict(Counter(kind for _, _, kind in spans)), spans)


def _found(text: str, kinds: Collection[str] | None) -> Iterator[tuple[int, int, str, str]]:
    for each in PATTERNS:
        if kinds is not None and each.kind not in kinds:
            continue
        group: str | int = "x" if "x" in each.expression.groupindex else 0
        for match in each.expression.finditer(text):
            if each.accept(match):
                yield *match.span(group), each.kind, each.tag or f"[{each.kind}]"
