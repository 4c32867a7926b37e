"""Sentences with their offsets."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text. `text == source[start:end]`."""

    start: int
    end: int
    text: str


_ABBREVIATED = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|prof|st|fig|figs|no|vs|approx|ca|cf|al|e\.g|i\.e|eg|ie|etc|resp|max|min|incl|dept|inc|jr|sr"
    r"|vol|pp|ed|eds|ref|refs|tab|wt|hx|sp|spp|var|a\.m|p\.m|u\.s|u\.k|m\.d|ph\.d)|\b[A-Za-z]|(?<!\S)\(?\d{1,2})\Z",
    re.IGNORECASE,
)
# Possessive, and from the first of a run: ten thousand dots in a row cost no more than one.
_STOP = re.compile(r"(?<![.!?])[.!?]++[\"'”’)\]]*+(?=\s)|\n")
_BULLET = re.compile(r"\s*(?:[-*•▪◦–]\s|\(?\d{1,2}[.)]\s|\(?[a-zA-Z][.)]\s)")
_OPEN_LINE = re.compile(
    r"(?:[,\-–(/]|\b(?:a|an|the|of|on|in|at|to|for|with|without|and|or|by|from|is|are|was|were|be|as|than|that|which|who"
    r"|has|have|had|no|not|may|can|between|within|into|this|these))\s*\Z",
    re.IGNORECASE,
)
_ENDS_IN_LIST = frozenset(("etc", "al"))


def sentences(text: str) -> list[Span]:
    """The sentences of a text, in order, without surrounding white space.

    A full stop after an abbreviation, an initial or a list number, or inside a decimal, ends nothing. A line break
    ends a sentence when the next line is empty, a list item, or starts with a capital or a digit and the line before
    it could be finished; a wrapped line goes on.
    """
    found: list[Span] = []
    start = 0
    for match in _STOP.finditer(text):
        end = match.end()
        if end <= start or not _ends(text, start, match):
            continue
        _append(found, text, start, match.start() if match.group() == "\n" else end)
        start = end
    _append(found, text, start, len(text))
    return found


def _append(found: list[Span], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if end > start:
        found.append(Span(start, end, text[start:end]))


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    at = match.start()
    if match.group() == "\n":
        return _line_ends(text, start, at)
    if match.group() == "." and (short := _ABBREVIATED.search(text, max(start, at - 12), at)):
        word = short.group().strip().lower()
        following = text[match.end() : match.end() + 12].lstrip()[:1]
        if word.isdigit() or word == "(":
            return (
                at - start > 4 and bool(following) and not following.islower() and not _starts_line(text, start, short)
            )
        return word in _ENDS_IN_LIST and following.isupper()
    following = text[match.end() : match.end() + 12].lstrip()[:1]
    return not following.islower()


def _starts_line(text: str, start: int, short: re.Match[str]) -> bool:
    line = text[max(start, text.rfind("\n", 0, short.end()) + 1) : short.start()]
    return not line.strip()


def _line_ends(text: str, start: int, at: int) -> bool:
    following = text[at + 1 : at + 80]
    if not following.strip() or following.lstrip(" \t").startswith(("\n", "\r")):
        return True
    if _BULLET.match(following):
        return True
    line = text[max(start, at - 40) : at].rstrip()
    if not line:
        return False
    first = following.lstrip()[0]
    if first.islower():
        return False
    return line[-1] in ".!?:;" or not _OPEN_LINE.search(line)
