"""A text cut into pieces so that cited spans can be marked and the rest folded away."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LONG = 420
BEFORE = 40
AFTER = 70
OPENING = 320
_BLANK_LINES = re.compile(r"\n\s*\n")

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Segment:
    text: str
    # The cited spans this piece is part of, and those that start with it.
    spans: Sequence[str] = ()
    anchors: Sequence[str] = ()
    far: bool = False
    # The first far piece after a near one: an ellipsis stands there while it is folded away.
    gap: bool = False

    @property
    def shown(self) -> str:
        """Without blank lines: an excerpt is read at a glance."""
        return _BLANK_LINES.sub("\n", self.text)

    @property
    def more_anchors(self) -> Sequence[str]:
        """Those that need an element of their own: one element has one id."""
        return self.anchors[1:]


def span_id(label: str, start: int, end: int) -> str:
    return f"{label}-{start}-{end}"


def excerpt(text: str, cited: Spans) -> list[tuple[int, int]]:
    """The parts of a text that are shown before it is unfolded, widened to whole words."""
    if len(text) <= LONG:
        return [(0, len(text))]
    if not cited:
        return [(0, _word_end(text, OPENING))]
    near: list[tuple[int, int]] = []
    for start, end in sorted(cited):
        low = max(_word_start(text, start - BEFORE), _block_start(text, start))
        high = min(_word_end(text, end + AFTER), _block_end(text, end))
        if near and low <= near[-1][1] + 1:
            near[-1] = (near[-1][0], max(high, near[-1][1]))
        else:
            near.append((low, high))
    return near


def segments(label: str, text: str, cited: Spans, *, near: Spans) -> list[Segment]:
    spans = [(start, min(end, len(text))) for start, end in cited if start < min(end, len(text))]
    cuts = sorted({0, len(text), *(edge for pair in (*spans, *near) for edge in pair)})
    found: list[Segment] = []
    for start, end in pairwise(cuts):
        far = not any(low <= start and end <= high for low, high in near)
        found.append(
            Segment(
                text=text[start:end],
                spans=[span_id(label, low, high) for low, high in spans if low <= start and end <= high],
                anchors=[span_id(label, low, high) for low, high in spans if low == start],
                far=far,
                gap=far and not (found and found[-1].far),
            )
        )
    return found


def _block_start(text: str, at: int) -> int:
    blank = text.rfind("\n\n", 0, at)
    return 0 if blank < 0 else blank + 2


def _block_end(text: str, at: int) -> int:
    blank = text.find("\n\n", at)
    return len(text) if blank < 0 else blank


def _word_start(text: str, at: int) -> int:
    if at <= 0:
        return 0
    return text.rfind(" ", 0, at) + 1


def _word_end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    space = text.find(" ", at)
    return len(text) if space < 0 else space
