"""What of the identifiers was taken out, and what besides them."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cdss.evaluation.notes.generate import Note

Span = tuple[int, int, str]
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Found:
    """One identifier of one note, and whether every word of it is gone."""

    note: int
    kind: str
    gone: bool
    text: str


@dataclass(frozen=True, slots=True)
class Removed:
    """One word that was taken out, and whether it belonged to an identifier."""

    note: int
    kind: str
    right: bool
    text: str


def identifiers(notes: Sequence[Note], spans_of: Callable[[str], Sequence[Span]]) -> Iterator[Found]:
    for number, note in enumerate(notes):
        removed = spans_of(note.text)
        for start, end, kind in note.spans:
            words = [match.span() for match in WORD.finditer(note.text, start, end)]
            gone = all(_covered(word, removed) for word in words)
            yield Found(number, kind, gone, note.text[start:end])


def removals(notes: Sequence[Note], spans_of: Callable[[str], Sequence[Span]]) -> Iterator[Removed]:
    for number, note in enumerate(notes):
        for start, end, kind in spans_of(note.text):
            for match in WORD.finditer(note.text, start, end):
                if kind == "age" and match.group().isalpha():
                    # "92-year-old" becomes "90 or older": the words are said again.
                    continue
                yield Removed(number, kind, _covered(match.span(), note.spans), match.group())


def _covered(word: tuple[int, int], spans: Sequence[Span]) -> bool:
    return any(start <= word[0] and word[1] <= end for start, end, _ in spans)
