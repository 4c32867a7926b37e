"""Burnt-in marks that belong to a publisher and not to the patient: a mark in an upper corner, a footer of small text.

An encoder that sees them retrieves the footer instead of the finding. What is masked is text-like: thin strokes, many
to a row, in a band near the edge, on a flat background. Everything else is left as it is, and a mark that lies on
anatomy stays.
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
# A background is dark, or flat: so much of a row is within one step of its median.
DARK = 48
FLAT = 0.45
# What is brighter than its background by this much, and not thin, is no text.
BRIGHT = 64
# Text strokes are thin; a longer bright run is a bone, a table or a lung.
LONGEST_STROKE = 0.05
# A row of text has at least this share of the strokes of the densest row: anatomy has fewer edges than letters.
DENSE = 0.3
# Between words there is less than this share of the width.
WORD_GAP = 0.06
# Strokes of the neighbouring rows, as a share of those of the densest row of text.
ISOLATED = 0.2
MARGIN = 2
# Smaller than this there is no room for text.
SMALLEST = 64


@dataclass(frozen=True, slots=True)
class _Zone:
    """Where to look, in shares of the image, how many strokes a row of text has, how near to the edge it begins."""

    rows: tuple[float, float]
    columns: tuple[float, float]
    strokes: int
    reach: float
    at_bottom: bool = False


FOOTER = _Zone(rows=(0.86, 1.0), columns=(0.0, 1.0), strokes=16, reach=0.06, at_bottom=True)
RIGHT_MARK = _Zone(rows=(0.0, 0.14), columns=(0.4, 1.0), strokes=8, reach=0.08)
LEFT_MARK = _Zone(rows=(0.0, 0.14), columns=(0.0, 0.4), strokes=8, reach=0.08)


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
    background = np.median(grey, axis=1, keepdims=True)
    flat = (np.abs(grey - background) < STROKE).mean(axis=1) >= FLAT
    counts = strokes.sum(axis=1)
    dense = counts >= max(zone.strokes, DENSE * float(counts.max(initial=0)))
    rows = np.flatnonzero(dense & (flat | (background[:, 0] < DARK)))
    rows = _at_the_edge(rows, grey.shape[0], zone, height)
    # A scale bar is thinner than a line of text, and anatomy goes on where text ends.
    inner = 0 if zone.at_bottom else grey.shape[0] - 1
    if len(rows) < 3 or inner in (rows[0], rows[-1]):
        return None
    found = slice(int(rows[0]), int(rows[-1]) + 1)
    span = _densest(strokes[found].sum(axis=0), gap=max(4, round(WORD_GAP * width)))
    if _longest_run(grey[found, span], background[found]) > max(8.0, LONGEST_STROKE * width):
        return None
    counts = strokes[:, span].sum(axis=1)
    found = _with_ascenders(found, counts)
    beside = counts[_inner_neighbours(found, zone, len(grey))]
    if len(beside) and float(beside.mean()) > ISOLATED * float(counts[found].max()):
        return None
    return (
        slice(max(0, top + found.start - MARGIN), min(height, top + found.stop + MARGIN)),
        slice(max(0, left + span.start - MARGIN), min(width, left + span.stop + MARGIN)),
    )


def _densest(strokes: NDArray[Any], *, gap: int) -> slice:
    """Of the columns with strokes, the stretch with most of them; a wider gap than between words ends a stretch."""
    columns = np.flatnonzero(strokes)
    stretches = np.split(columns, np.flatnonzero(np.diff(columns) > gap) + 1)
    best = max(stretches, key=lambda stretch: int(strokes[stretch].sum()))
    return slice(int(best[0]), int(best[-1]) + 2)


def _inner_neighbours(found: slice, zone: _Zone, size: int) -> slice:
    """As many rows again as half the text has, on the side of the image's middle: text ends there, texture goes on."""
    count = max(2, (found.stop - found.start) // 2)
    if zone.at_bottom:
        return slice(max(0, found.start - count), found.start)
    return slice(found.stop, min(size, found.stop + count))


def _with_ascenders(found: slice, counts: NDArray[Any]) -> slice:
    """The rows of text and what stands above or hangs below them, when that ends before anything else begins."""
    reach = 2 + (found.stop - found.start) // 4
    above = _until_empty(counts[max(0, found.start - reach) : found.start][::-1])
    below = _until_empty(counts[found.stop : found.stop + reach])
    return slice(found.start - above, found.stop + below)


def _until_empty(counts: NDArray[Any]) -> int:
    """How many rows come before one without strokes; none when there is no such row."""
    empty = np.flatnonzero(counts == 0)
    return int(empty[0]) if len(empty) else 0


def _longest_run(grey: Grey, background: NDArray[Any]) -> int:
    """The longest row of neighbours that stand out from the background as the brightest do."""
    away = np.abs(grey - background)
    bright = away > max(BRIGHT, 0.5 * float(np.percentile(away, 98)))
    longest, running = 0, np.zeros(len(grey), dtype=np.int64)
    for column in bright.T:
        running = (running + 1) * column
        longest = max(longest, int(running.max()))
    return longest


def _at_the_edge(rows: NDArray[Any], size: int, zone: _Zone, height: int) -> NDArray[Any]:
    """Of the text-like rows, the run nearest the image's edge, lines with small gaps between them taken together."""
    reach, gap = max(6.0, zone.reach * height), max(3, round(0.018 * height))
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
    # Even the densest line of text leaves a quarter of its row to the background.
    area[:] = np.median(np.percentile(area, 25, axis=1), axis=0).astype(np.uint8)
    return masked
