"""What a mark measures. The page shows the same while it is drawn; what is stored is computed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdss.studies.errors import StudyError
from cdss.studies.models import MarkKind
from cdss.studies.shown import Shown

Points = Sequence[Sequence[float]]
# A text is anchored at a point; an ellipse is given by two corners of the box around it, or, tilted, by the ends of its
# one axis and then of the other.
TILTED = 4
POINTS = {MarkKind.LENGTH: 2, MarkKind.ANGLE: 3, MarkKind.ELLIPSE: 2, MarkKind.ARROW: 2, MarkKind.TEXT: 1}
DIGITS = 4
# How far from the middle of one axis the other may cross it, in parts of the longer.
MISSES = 0.02


def checked_points(kind: str, points: Any, *, rows: int, columns: int) -> list[list[float]]:
    """Raises StudyError for what lies outside the image or is no such figure."""
    if kind not in POINTS:
        raise StudyError("This kind of mark is not known.")
    wanted = POINTS[MarkKind(kind)]
    pairs = points if isinstance(points, list) else []
    if kind == MarkKind.ELLIPSE and len(pairs) == TILTED:
        wanted = TILTED
    if len(pairs) != wanted or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise StudyError(f"A mark of this kind has {wanted} point(s) of two coordinates each.")
    numbers = [part for pair in pairs for part in pair]
    if any(isinstance(part, bool) or not isinstance(part, int | float) or not math.isfinite(part) for part in numbers):
        raise StudyError("Coordinates are numbers.")
    inside = all(0 <= x <= columns and 0 <= y <= rows for x, y in pairs)
    if not inside:
        raise StudyError(f"Coordinates lie between 0 and {columns} across, and 0 and {rows} down.")
    placed = [[round(float(x), DIGITS), round(float(y), DIGITS)] for x, y in pairs]
    if wanted > 1 and placed[0] == placed[1]:
        raise StudyError("The points are one and the same.")
    if wanted == TILTED:
        _check_axes(placed)
    return placed


def measured(shown: Shown, *, kind: str, frame: int, points: Points) -> dict[str, Any]:
    measures: dict[str, Callable[[Shown, int, Points], dict[str, Any]]] = {
        MarkKind.LENGTH: _length,
        MarkKind.ANGLE: _angle,
        MarkKind.ELLIPSE: _ellipse,
    }
    return measures[kind](shown, frame, points) if kind in measures else {}


def inside_ellipse(points: Points, *, rows: int, columns: int) -> NDArray[np.bool_]:
    """The pixels whose centre lies in the ellipse."""
    (middle_x, middle_y), (ux, uy), (vx, vy) = half_axes(points)
    size = ux * vy - uy * vx
    if size == 0:
        return np.zeros((rows, columns), dtype=bool)
    x = (np.arange(columns) + 0.5 - middle_x)[None, :]
    y = (np.arange(rows) + 0.5 - middle_y)[:, None]
    along, aside = (x * vy - y * vx) / size, (y * ux - x * uy) / size
    return np.asarray(along**2 + aside**2 <= 1.0)


def half_axes(points: Points) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """The middle of an ellipse, and from it to an end of each axis."""
    (x0, y0), (x1, y1) = points[:2]
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    if len(points) != TILTED:
        return middle, (abs(x1 - x0) / 2, 0.0), (0.0, abs(y1 - y0) / 2)
    (x2, y2), (x3, y3) = points[2:]
    return middle, ((x1 - x0) / 2, (y1 - y0) / 2), ((x3 - x2) / 2, (y3 - y2) / 2)


def _check_axes(points: Points) -> None:
    """They halve each other, as those of an ellipse do."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    away = math.hypot((x0 + x1) - (x2 + x3), (y0 + y1) - (y2 + y3)) / 2
    longest = max(math.hypot(x1 - x0, y1 - y0), math.hypot(x3 - x2, y3 - y2))
    if away > MISSES * longest:
        raise StudyError("The axes of an ellipse cross in the middle of both.")


def _scale(shown: Shown) -> tuple[float, float, str]:
    """Across, down, and the unit."""
    return (shown.spacing[1], shown.spacing[0], "mm") if len(shown.spacing) == 2 else (1.0, 1.0, "px")


def _length(shown: Shown, frame: int, points: Points) -> dict[str, Any]:
    across, down, unit = _scale(shown)
    (x0, y0), (x1, y1) = points
    return {"length": round(math.hypot((x1 - x0) * across, (y1 - y0) * down), DIGITS), "length_unit": unit}


def _angle(shown: Shown, frame: int, points: Points) -> dict[str, Any]:
    """At the second point, in degrees; in millimetres where the pixels are not square."""
    across, down, _ = _scale(shown)
    (ax, ay), (bx, by), (cx, cy) = points
    one, two = ((ax - bx) * across, (ay - by) * down), ((cx - bx) * across, (cy - by) * down)
    lengths = math.hypot(*one) * math.hypot(*two)
    if lengths == 0:
        raise StudyError("Two points of the angle are one and the same.")
    cosine = (one[0] * two[0] + one[1] * two[1]) / lengths
    return {"angle": round(math.degrees(math.acos(max(-1.0, min(1.0, cosine)))), DIGITS)}


def _ellipse(shown: Shown, frame: int, points: Points) -> dict[str, Any]:
    across, down, unit = _scale(shown)
    _, (ux, uy), (vx, vy) = half_axes(points)
    values = shown.values(frame)[inside_ellipse(points, rows=shown.rows, columns=shown.columns)]
    if values.size == 0:
        raise StudyError("The ellipse holds no pixel. Draw it larger.")
    area = math.pi * abs(ux * vy - uy * vx) * across * down
    statistics = {"mean": values.mean(), "sd": values.std(), "min": values.min(), "max": values.max(), "area": area}
    rounded = {name: round(float(value), DIGITS) for name, value in statistics.items()}
    return rounded | {"pixels": int(values.size), "unit": shown.unit, "area_unit": f"{unit}²"}
