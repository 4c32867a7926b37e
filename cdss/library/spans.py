"""Where a citation opens a text: pieces in order, the cited ones marked, and the outline around them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
# A short line on its own over a text is a heading; with a colon, an empty line may follow.
HEADING = re.compile(
    r"(?:\A|\n[ \t]*\n)[ \t]*(?:(?P<line>[^\W\d_a-z][^\n]{1,78}[^\s.,:;!?])[ \t]*\n(?=[ \t]*\S)"
    r"|(?P<marked>[^\W\d_][^\n:]{1,78})[ \t]*:[ \t]*\n)"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """`cited` is marked; the first one that is carries the anchor."""

    text: str
    cited: bool = False
    anchor: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    number: int
    heading: str
    pieces: Sequence[Piece]


def cited_span(query: Mapping[str, str], length: int) -> Span | None:
    """The span of ?start=&end= when there is such a place in the text."""
    try:
        start, end = int(query["start"]), int(query["end"])
    except (KeyError, ValueError):
        return None
    return (start, end) if 0 <= start < end <= length else None


def pieces(text: str, at: int, span: Span | None) -> list[Piece]:
    """The text that starts at `at`, cut where the span begins and ends in it."""
    start, end = (max(0, span[0] - at), min(len(text), span[1] - at)) if span else (0, 0)
    if start >= end:
        return [Piece(text)]
    first = span is not None and span[0] >= at
    cut = [Piece(text[:start]), Piece(text[start:end], cited=True, anchor=first), Piece(text[end:])]
    return [piece for piece in cut if piece.text]


def sections(text: str, span: Span | None) -> list[Section]:
    """A document under its headings. A span that begins in a heading is anchored at the text under it."""
    found = []
    for number, (heading, start, end) in enumerate(_outline(text)):
        body = text[start:end].lstrip()
        found.append(Section(number, heading, pieces(body.rstrip(), end - len(body), span)))
    return _anchored(found)


def _outline(text: str) -> Iterator[tuple[str, int, int]]:
    found = ((each, "line" if each["line"] else "marked") for each in HEADING.finditer(text))
    headings = [(each[name].strip(), each.start(name), each.end()) for each, name in found]
    first = headings[0][1] if headings else len(text)
    if text[:first].strip():
        yield "", 0, first
    ends = [start for _, start, _ in headings[1:]] + [len(text)]
    for (heading, _, start), end in zip(headings, ends, strict=False):
        yield heading, start, end


def _anchored(found: list[Section]) -> list[Section]:
    """With exactly one anchor when anything is marked."""
    marked = [piece for section in found for piece in section.pieces if piece.cited]
    if not marked or any(piece.anchor for piece in marked):
        return found
    first = marked[0]

    def renewed(piece: Piece) -> Piece:
        return Piece(piece.text, cited=True, anchor=True) if piece is first else piece

    return [Section(each.number, each.heading, [renewed(piece) for piece in each.pieces]) for each in found]


def page_of(pages: Sequence[Sequence[int]], at: int) -> int | None:
    return next((number for start, end, number in pages if start <= at < end), None)
