"""Two people in one text: what each changed is kept, and only the same field changed twice asks for a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cdss.authoring.content import Content, digest, value_of, with_value


@dataclass(frozen=True, slots=True)
class Merged:
    """`taken` were changed by this author; `refused` were changed by somebody else meanwhile: {field: mine}."""

    content: Content
    taken: tuple[str, ...] = ()
    refused: Mapping[str, Any] = field(default_factory=dict)
    # Of images that were taken out meanwhile.
    gone: tuple[str, ...] = ()


def merged(current: Content, mine: Mapping[str, Any], base: Mapping[str, str]) -> Merged:
    """`base` are the digests of the values that this author started from, by field."""
    content, taken, gone = current, [], []
    refused: dict[str, Any] = {}
    for name, value in mine.items():
        now = value_of(content, name)
        if now is None:
            gone.append(name)
        elif value == now or digest(value) == base.get(name):
            continue
        elif digest(now) == base.get(name):
            content = with_value(content, name, value)
            taken.append(name)
        else:
            refused[name] = value
    return Merged(content, tuple(taken), refused, tuple(gone))
