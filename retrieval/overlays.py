"""Burnt-in marks that belong to a publisher and not to the patient: a mark in an upper corner, a footer of small text.

An encoder that sees them retrieves the footer instead of the finding. What is masked is text-like: rows that change
between dark and bright many times, in a band at the very edge, on a background that is dark. Everything else is left
as it is, and a mark that lies on anatomy stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.types import Pixels

Grey = NDArray[np.int16]

# A step between neighbours that the edge of a stroke makes; compression noise stays below it.
STROKE = 12
DARK = 48
MARGIN = 2
# Smaller than this there is no room for text.
SMALLEST = 64


@dataclass(frozen=True, slots=True)
class _Zone:
    """Where to look, in shares of the image, and what counts as text there."""

    rows: tuple[float, float]
    columns: tuple[float, float]
    # Steps a row of this zone has at least, and at least per 100 columns.
    steps: int
    # How far from the outer edge the text may begin, as a share of the height.
    reach: float
    at_bottom: bool = False


FOOTER = _Zone(rows=(0.86, 1.0), columns=(0.0, 1.0), steps=16, reach=0.06, at_bottom=True)
RIGHT_MARK = _Zone(rows=(0.0, 0.14), columns=(0.4, 1.0), steps=8, reach=0.08)
LEFT_MARK = _Zone(rows=(0.0, 0.14), columns=(0.0, 0.4), steps=8, reach=0.08)


def mask_overlays(pixels: Pixels) -> Pixels:
    """The image with a footer and corner marks filled with the background around them.

    Args:
        pixels: RGB uint8 (height, width, 3); it is not changed.

    Returns:
        A masked copy, or the same array when nothing was found.
    """
    height, width = pixels.shape[:2]
    if height < SMALLEST or width < SMALLEST:
        return pixels
    masked = pixels
    for zone in (FOOTER, RIGHT_MARK, LEFT_MARK):
        box = _text_box(masked, zone)
        if box is not None:
            masked = _filled(masked, box)
    return masked


def _text_box(pixels: Pixels, zone: _Zone) -> tuple[slice, slice] | None:
    height, width = pixels.shape[:2]
    top, bottom = round(zone.rows[0] * height), round(zone.rows[1] * height)
    left, right = round(zone.columns[0] * width), round(zone.columns[1] * width)
    grey = pixels[top:bottom, left:right].max(axis=2).astype(np.int16)
    strokes = np.abs(np.diff(grey, axis=1)) >= STROKE
    dark = np.median(grey, axis=1) < DARK
    rows = np.flatnonzero((strokes.sum(axis=1) >= zone.steps) & dark)
    rows = _at_the_edge(rows, grey.shape[0], zone, height)
    # A table edge or a scale bar is thinner than a line of text, and anatomy goes on where text ends.
    if len(rows) < 3 or rows[0] == 0 and zone.at_bottom or rows[-1] == grey.shape[0] - 1 and not zone.at_bottom:
        return None
    columns = np.flatnonzero(strokes[rows[0] : rows[-1] + 1].any(axis=0))
    first, last = int(columns[0]) + left, int(columns[-1]) + 1 + left
    return (
        slice(max(0, top + int(rows[0]) - MARGIN), min(height, top + int(rows[-1]) + 1 + MARGIN)),
        slice(max(0, first - MARGIN), min(width, last + 1 + MARGIN)),
    )


def _at_the_edge(rows: NDArray[Any], size: int, zone: _Zone, height: int) -> NDArray[Any]:
    """Of the text-like rows, the run nearest the image's edge, lines with small gaps between them taken together."""
    reach, gap = max(6.0, zone.reach * height), max(3, round(0.012 * height))
    ordered = rows[::-1] if zone.at_bottom else rows
    if len(ordered) == 0:
        return rows
    start = size - 1 - ordered[0] if zone.at_bottom else ordered[0]
    if start > reach:
        return rows[:0]
    breaks = np.flatnonzero(np.abs(np.diff(ordered)) > gap)
    run = ordered[: breaks[0] + 1] if len(breaks) else ordered
    return np.sort(run)


def _filled(pixels: Pixels, box: tuple[slice, slice]) -> Pixels:
    masked = pixels.copy()
    area = masked[box]
    # Strokes cover less than half of a line of text, so the median of a dark region is its background.
    area[:] = np.median(area.reshape(-1, 3), axis=0).astype(np.uint8)
    return masked
