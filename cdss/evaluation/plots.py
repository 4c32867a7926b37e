"""The geometry of the plots. Templates draw it as SVG with attributes and classes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

# A square plot: its side, and the room for the axes to the left and below.
SIDE, LEFT, BELOW, ABOVE = 280.0, 44.0, 40.0, 8.0
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
SMALLEST_DOT, LARGEST_DOT = 3.0, 9.0


@dataclass(frozen=True, slots=True)
class Strip:
    """A value and its interval on a line from 0 to 1, in percent of its width."""

    value: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid: where it stands on each axis, and what it says."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    size: float
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reliability:
    dots: Sequence[Dot]
    ticks: Sequence[Tick]


@dataclass(frozen=True, slots=True)
class Curve:
    # Of an SVG polyline.
    points: str
    dots: Sequence[Dot]
    ticks: Sequence[Tick]


def strip(value: float, low: float, high: float) -> Strip:
    return Strip(*(f"{100 * min(max(share, 0.0), 1.0):.2f}%" for share in (value, low, high)))


def reliability(rows: Sequence[Mapping[str, Any]]) -> Reliability:
    most = max(row["count"] for row in rows)
    dots = [Dot(_x(row["confidence"]), _y(row["accuracy"]), _size(row["count"] / most), row) for row in rows]
    return Reliability(dots, _ticks())


def risk_coverage(rows: Sequence[Mapping[str, Any]]) -> Curve:
    dots = [Dot(_x(row["coverage"]), _y(row["risk"]), SMALLEST_DOT, row) for row in rows]
    return Curve(" ".join(f"{dot.x},{dot.y}" for dot in dots), dots, _ticks())


def _x(share: float) -> float:
    return round(LEFT + SIDE * share, 2)


def _y(share: float) -> float:
    return round(ABOVE + SIDE * (1 - share), 2)


def _size(share: float) -> float:
    """Of a dot whose area goes with the share."""
    return round(max(SMALLEST_DOT, LARGEST_DOT * sqrt(share)), 2)


def _ticks() -> list[Tick]:
    return [Tick(_x(share), _y(share), f"{share:g}") for share in TICKS]
