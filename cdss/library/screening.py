"""Pixels on their way in: burnt-in text masked, and what may be text put before a person."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from PIL import Image

from retrieval.images import sample_indices
from retrieval.types import Pixels

if TYPE_CHECKING:
    from retrieval.burned_text import TextRegion

# Of a stack, text is looked for in so many frames; what is found is masked in all of them.
LOOKED_AT = 3
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
    frames: list[Pixels]
    masked: int
    doubts: tuple[Doubt, ...]


def is_wanted(*, modality: str = "", says_none: bool = False) -> bool:
    """Whether the setting has text looked for in such a picture. `says_none`: the header denies burnt-in text."""
    if settings.OCR == "auto":
        return not (says_none and modality in CROSS_SECTIONS)
    return bool(settings.OCR == "always")


def screened(frames: Sequence[Pixels]) -> Screened:
    from retrieval.burned_text import find_text, mask_text

    regions: list[TextRegion] = []
    for index in sample_indices(len(frames), LOOKED_AT):
        regions += [each for each in find_text(frames[index]) if not _inside(each, regions)]
    certain = [region for region in regions if region.verdict == "mask"]
    asked = [region for region in regions if region.verdict == "ask"]
    doubts = tuple(_doubt(region, frames) for region in asked)
    return Screened([mask_text(frame, [*certain, *asked]) for frame in frames], len(certain), doubts)


def _inside(region: TextRegion, others: Sequence[TextRegion]) -> bool:
    """The same text of another frame."""
    return any(
        each.left <= region.left
        and each.top <= region.top
        and each.right >= region.right
        and each.bottom >= region.bottom
        for each in others
    )


def _doubt(region: TextRegion, frames: Sequence[Pixels]) -> Doubt:
    strip = np.concatenate([frame[region.top : region.bottom, region.left : region.right] for frame in frames])
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(strip)).save(written, "PNG")
    crop = base64.b64encode(written.getvalue()).decode()
    width, height = region.right - region.left, region.bottom - region.top
    return Doubt(region.left, region.top, width, height, round(region.score, 3), crop)
