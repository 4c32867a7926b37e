"""Places on an image, in percent of its width and height, as they are typed and stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

MOST_SHAPES = 8
MOST_CORNERS = 60
COUNTS = {"rectangle": 4, "ellipse": 4}


class HotSpotError(ValueError):
    """A place that cannot be read; the message is for who typed it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """rectangle: left, top, width, height · ellipse: centre x and y, radius x and y · polygon: its corners."""

    kind: str
    numbers: tuple[float, ...]

    def holds(self, x: float, y: float) -> bool:
        if self.kind == "rectangle":
            left, top, width, height = self.numbers
            return left <= x <= left + width and top <= y <= top + height
        if self.kind == "ellipse":
            cx, cy, rx, ry = self.numbers
            return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1
        return _in_polygon(self.corners, x, y)

    @property
    def corners(self) -> list[tuple[float, float]]:
        return list(zip(self.numbers[::2], self.numbers[1::2], strict=True))

    @property
    def typed(self) -> str:
        return " ".join([self.kind, *(f"{number:g}" for number in self.numbers)])

    @property
    def said(self) -> str:
        """Where it is, in words."""
        if self.kind == "polygon":
            across, down = zip(*self.corners, strict=True)
            middle = sum(across) / len(across), sum(down) / len(down)
        else:
            left, top, width, height = self.numbers
            middle = (left + width / 2, top + height / 2) if self.kind == "rectangle" else (left, top)
        return f"the {self.kind} around {middle[0]:.0f}% from the left, {middle[1]:.0f}% from the top"


def read_shapes(text: str) -> list[Shape]:
    """One shape a line: its name and its numbers."""
    lines = [line.split() for line in text.replace(",", " ").splitlines() if line.strip()]
    if not lines:
        raise HotSpotError("Draw or type at least one shape.")
    if len(lines) > MOST_SHAPES:
        raise HotSpotError(f"At most {MOST_SHAPES} shapes.")
    return [_shape(kind.lower(), numbers) for kind, *numbers in lines]


def _shape(kind: str, words: Sequence[str]) -> Shape:
    try:
        numbers = tuple(round(float(word), 2) for word in words)
    except (ValueError, OverflowError) as error:
        raise HotSpotError(f"{kind[:20]}: write numbers from 0 to 100.") from error
    if not all(isfinite(number) and 0 <= number <= 100 for number in numbers):
        raise HotSpotError(f"{kind[:20]}: write numbers from 0 to 100, in percent of the image.")
    if kind in COUNTS:
        if len(numbers) != COUNTS[kind]:
            raise HotSpotError(f"{kind}: write {COUNTS[kind]} numbers.")
        if min(numbers[2:]) <= 0:
            raise HotSpotError(f"{kind}: its size must be more than 0.")
    elif kind == "polygon":
        if len(numbers) < 6 or len(numbers) % 2 or len(numbers) > 2 * MOST_CORNERS:
            raise HotSpotError(f"polygon: write the x and y of 3 to {MOST_CORNERS} corners.")
    else:
        raise HotSpotError("Start each line with rectangle, ellipse or polygon.")
    return Shape(kind, numbers)


def stored(shapes: Iterable[Shape]) -> list[dict[str, Any]]:
    return [{"kind": shape.kind, "numbers": list(shape.numbers)} for shape in shapes]


def shapes_of(rows: Iterable[Mapping[str, Any]]) -> list[Shape]:
    return [Shape(str(row["kind"]), tuple(float(number) for number in row["numbers"])) for row in rows]


def typed(rows: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(shape.typed for shape in shapes_of(rows))


def point_of(x: str, y: str) -> dict[str, float]:
    """What a learner clicked or typed; nothing where one of them is missing or is no place of the image."""
    try:
        found = {"x": round(float(x), 2), "y": round(float(y), 2)}
    except (ValueError, OverflowError):
        return {}
    return found if all(isfinite(value) and 0 <= value <= 100 for value in found.values()) else {}


def hits(rows: Iterable[Mapping[str, Any]], point: Mapping[str, float]) -> bool:
    return bool(point) and any(shape.holds(point["x"], point["y"]) for shape in shapes_of(rows))


def _in_polygon(corners: Sequence[tuple[float, float]], x: float, y: float) -> bool:
    """Even-odd rule."""
    inside = False
    before = corners[-1]
    for corner in corners:
        (x1, y1), (x2, y2) = before, corner
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
        before = corner
    return inside
