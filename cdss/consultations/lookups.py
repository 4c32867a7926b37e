"""What a language model thought of and what a search for it found, as the page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdss.reasoning.errors import TROUBLES

TROUBLE = "The search for what the language model thinks of did not succeed; nothing else is touched by that."


@dataclass(frozen=True, slots=True)
class LookUp:
    """A name that was searched for, and the labels of the evidence about it."""

    name: str
    found: Sequence[str]

    @property
    def numbers(self) -> list[tuple[str, str]]:
        return [(label, label.removeprefix("E")) for label in self.found]


@dataclass(frozen=True, slots=True)
class LookUps:
    """`trouble` is what the reader is told where there was no search."""

    pending: bool
    trouble: str
    searched: Sequence[LookUp]
    refused: int
    seconds: str

    @property
    def is_told(self) -> bool:
        return bool(self.searched or self.trouble or self.pending or self.refused)


def lookups_of(stored: Mapping[str, Any]) -> LookUps:
    kind = stored.get("trouble", "")
    known = TROUBLES[kind].message if kind in TROUBLES else TROUBLE
    spent = stored.get("milliseconds", {})
    return LookUps(
        pending=stored.get("state") in ("waiting", "searching"),
        trouble=known if kind and kind != "cancelled" else "",
        searched=[LookUp(each["name"], each["evidence"]) for each in stored.get("guesses", [])],
        refused=int(stored.get("refused", 0)),
        seconds=f"{sum(spent.values()) / 1000:.1f}" if spent else "",
    )
