"""Splitting a text into passages that fit an encoder's window, with stable offsets into the text.

A passage is never cut by an encoder afterwards: it is made to fit here, counted with the encoder's own tokens.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from retrieval.terms import sentences
from retrieval.types import Passage

TokenOffsets = Callable[[str], Sequence[tuple[int, int]]]

# Raised when a change here would split a stored text differently.
SPLITTER_VERSION = 1

_HEADING = re.compile(r"^(?P<name>[^\W\d_][^\n:]{0,79}):[ \t]*\n", re.MULTILINE)
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*|\f")
_SPACE = re.compile(r"\s+")


class Section(NamedTuple):
    """`text[start:end]` belongs to the section `name`; a passage never reaches over its ends."""

    start: int
    end: int
    name: str


class Page(NamedTuple):
    """`text[start:end]` stands on page `number`, counted from 1; a passage never reaches over its ends."""

    start: int
    end: int
    number: int


def heading_sections(text: str) -> list[Section]:
    """Sections of a text written as blocks of `Heading:` on a line of its own and the body under it.

    The heading line itself belongs to no section, so it is in no passage. Text before the first heading is a
    section without a name.
    """
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    sections = (
        [Section(h.end(), end, h["name"].strip()) for h, end in zip(headings, ends, strict=True)] if headings else []
    )
    first = headings[0].start() if headings else len(text)
    return [Section(0, first, ""), *sections] if text[:first].strip() else sections


def split(
    text: str,
    *,
    token_offsets: TokenOffsets,
    max_tokens: int,
    overlap: int = 0,
    sections: Sequence[tuple[int, int, str]] = (),
    pages: Sequence[tuple[int, int, int]] = (),
) -> list[Passage]:
    """Passages of `text` in order, each with at most `max_tokens` tokens and `text == text[start:end]`.

    Cuts fall at a paragraph end where one lies in the second half of the window, else at a sentence end, else
    between words; a word longer than the window is cut. Every character that is not white space is in a passage,
    unless `sections` or `pages` leave it out.

    Args:
        token_offsets: the encoder's, see `TextEncoder.token_offsets`.
        max_tokens: tokens of one passage, special tokens not counted.
        overlap: tokens of whole sentences that a passage repeats of the one before it, at most.
        sections: (start, end, name) spans; none means the whole text.
        pages: (start, end, number) spans; none means that pages are not known.

    Raises:
        ValueError: max_tokens below 1, or an overlap that is negative or not smaller than max_tokens.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens={max_tokens}: a passage holds at least one token.")
    if not 0 <= overlap < max_tokens:
        raise ValueError(f"overlap={overlap}: write a number from 0 to {max_tokens - 1}.")
    found: list[Passage] = []
    for start, end, section, page in _blocks(text, sections, pages):
        for left, right in _Block(text, start, end, token_offsets).windows(max_tokens, overlap):
            found.append(Passage(text=text[left:right], start=left, end=right, section=section, page=page))
    return found


def _blocks(
    text: str, sections: Sequence[tuple[int, int, str]], pages: Sequence[tuple[int, int, int]]
) -> Iterable[tuple[int, int, str, int | None]]:
    for section_start, section_end, name in sections or [(0, len(text), "")]:
        if not pages:
            yield section_start, section_end, name, None
        for page_start, page_end, number in pages:
            start, end = max(section_start, page_start), min(section_end, page_end)
            if start < end:
                yield start, end, name, number


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    kept = piece.lstrip()
    return end - len(kept), end - len(kept) + len(kept.rstrip())


class _Block:
    """One stretch of text in which passages may lie anywhere."""

    def __init__(self, text: str, start: int, end: int, token_offsets: TokenOffsets) -> None:
        self.text, self.token_offsets = text, token_offsets
        self.start, self.end = _trim(text, start, end)
        body = text[self.start : self.end]
        self.tokens = [self.start + first for first, last in token_offsets(body) if last > first]
        self.paragraphs = [self.start + match.end() for match in _PARAGRAPH.finditer(body)]
        self.sentences = [self.start + sentence.start for sentence in sentences(body)]
        self.spaces = [self.start + match.end() for match in _SPACE.finditer(body)]

    def windows(self, max_tokens: int, overlap: int) -> Iterable[tuple[int, int]]:
        start = self.start
        while start < self.end:
            end = self._end(start, max_tokens)
            left, right = _trim(self.text, start, end)
            if left < right:
                yield left, right
            if end >= self.end:
                return
            again = self._next_start(start, end, overlap)
            # What is repeated may leave no room for the next sentence: then nothing is repeated.
            start = again if self._end(again, max_tokens) > end else end

    def _end(self, start: int, max_tokens: int) -> int:
        first = bisect_left(self.tokens, start)
        limit = self.tokens[first + max_tokens] if first + max_tokens < len(self.tokens) else self.end
        middle = self.tokens[min(first + max_tokens // 2, len(self.tokens) - 1)] if self.tokens else start
        if limit < self.end:
            limit = (
                _last(self.paragraphs, middle, limit)
                or _last(self.sentences, start, limit)
                or _last(self.spaces, start, limit)
                or limit
            )
        # Tokens of a piece can differ from those of the whole at the cut, so the piece itself is counted.
        while limit > start + 1 and self._count(start, limit) > max_tokens:
            limit = _last(self.spaces, start, limit - 1) or start + max(1, (limit - start) * 3 // 4)
        return max(limit, start + 1)

    def _next_start(self, start: int, end: int, overlap: int) -> int:
        if not overlap:
            return end
        earliest = self.tokens[max(0, bisect_left(self.tokens, end) - overlap)]
        cut = bisect_left(self.sentences, earliest)
        again = self.sentences[cut] if cut < len(self.sentences) else end
        return again if start < again < end else end

    def _count(self, start: int, end: int) -> int:
        left, right = _trim(self.text, start, end)
        return len(self.token_offsets(self.text[left:right]))


def _last(cuts: list[int], after: int, limit: int) -> int | None:
    """The last cut in (after, limit]."""
    place = bisect_right(cuts, limit) - 1
    return cuts[place] if place >= 0 and cuts[place] > after else None
