"""What changed between two revisions, word by word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from cdss.authoring.content import FIELDS, PICTURE_FIELDS, form_value, label_of

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
# Beyond this, finding the shortest difference takes too long: whole lines are compared.
MANY_WORDS = 6_000


@dataclass(frozen=True, slots=True)
class Piece:
    """`change` is "", "added" or "removed"."""

    text: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    label: str
    pieces: tuple[Piece, ...]


def word_difference(before: str, after: str) -> tuple[Piece, ...]:
    """The pieces of both in reading order; those without a change and those added give `after`."""
    first, second = _WORDS.findall(before), _WORDS.findall(after)
    if len(first) + len(second) > MANY_WORDS:
        first, second = before.splitlines(keepends=True), after.splitlines(keepends=True)
    pieces: list[Piece] = []
    for kind, start, end, other_start, other_end in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("".join(first[start:end])))
            continue
        if start < end:
            pieces.append(Piece("".join(first[start:end]), "removed"))
        if other_start < other_end:
            pieces.append(Piece("".join(second[other_start:other_end]), "added"))
    return tuple(pieces)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Field by field, those alone that changed."""
    found = [
        Difference(field.label, word_difference(*(form_value(field, each.get(name) or "") for each in (before, after))))
        for name, field in FIELDS.items()
        if before.get(name) != after.get(name)
    ]
    return found + _images(before.get("images", []), after.get("images", []))


def _images(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Difference]:
    held, now = ({each["picture"]: each for each in images} for images in (before, after))
    found = []
    order = [_names(images) for images in (before, after)]
    if order[0] != order[1]:
        found.append(Difference(label_of("images"), word_difference("\n".join(order[0]), "\n".join(order[1]))))
    for number, (picture, entry) in enumerate(now.items(), 1):
        old = held.get(picture)
        for name, field in PICTURE_FIELDS.items():
            if old is not None and old[name] != entry[name]:
                said = ("yes" if each[name] is True else form_value(field, each[name]) for each in (old, entry))
                found.append(Difference(f"Image {number}: {field.label.lower()}", word_difference(*said)))
    return found


def _names(images: list[dict[str, Any]]) -> list[str]:
    return [f"image {each['picture']}{': ' + each['caption'][:60] if each['caption'] else ''}" for each in images]
