"""Pixels on their way in: burnt-in text masked, and what may be text put before a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.reading import door

# Scanners that write no names into these, where the header says so too.
CROSS_SECTIONS = frozenset({"CT", "MR", "PT", "NM"})


@dataclass(frozen=True, slots=True)
class Doubt:
    """A region that may be text, masked until somebody has looked: its box, and what stood there in each frame."""

    left: int
    top: int
    width: int
    height: int
    score: float
    # The frames one under the other, as a PNG in base64.
    crop: str
    # The first of these frames in its stack.
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Screened:
    pngs: tuple[bytes, ...]
    masked: int
    doubts: tuple[Doubt, ...]


def is_wanted(*, modality: str = "", says_none: bool = False) -> bool:
    """Whether the setting has text looked for in such a picture. `says_none`: the header denies burnt-in text."""
    if settings.OCR == "auto":
        return not (says_none and modality in CROSS_SECTIONS)
    return bool(settings.OCR == "always")


def screened(pngs: Sequence[bytes]) -> Screened:
    """The frames of one stack with text masked; certain places in all of them. Raises LockedError."""
    refuse_in(Mode.TEXT_ONLY)
    found = door.look(f"{door.LOOKING}:screened", b"".join(pngs), sizes=[len(png) for png in pngs])
    doubts = tuple(Doubt(**doubt) for doubt in found.facts["doubts"])
    return Screened(tuple(found.blobs) or tuple(pngs), found.facts["masked"], doubts)
