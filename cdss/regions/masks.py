"""Masks as text: run lengths as they are stored, and polygons as people draw and type them. Both are untrusted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

MOST_POLYGONS, MOST_POINTS = 200, 5000
MOST_CHARACTERS = 3_000_000
_RUNS = re.compile(r"[0-9]{1,9}(?: [0-9]{1,9})*")
_NUMBER = r"(-?[0-9]{1,6}(?:\.[0-9]{1,3})?)"
_SHAPE = re.compile(rf"(box|ellipse) {_NUMBER} {_NUMBER} {_NUMBER} {_NUMBER}")
_POINT = re.compile(r"(-?[0-9]{1,6}(?:\.[0-9]{1,3})?),(-?[0-9]{1,6}(?:\.[0-9]{1,3})?)")


class MaskError(ValueError):
    """A mask that cannot be understood; the message says what to write."""


def runs_of(mask: Mask) -> str:
    import numpy as np

    flat = mask.reshape(-1)
    changes = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    edges = np.concatenate([[0], changes, [flat.size]])
    lengths = np.diff(edges).tolist()
    return " ".join(map(str, [0, *lengths] if flat.size and flat[0] else lengths))


def mask_of_runs(runs: str, *, width: int, height: int) -> Mask:
    """(height, width). Raises MaskError when the runs do not fill exactly these pixels."""
    import numpy as np

    text = runs.strip()
    if len(text) > MOST_CHARACTERS or not _RUNS.fullmatch(text):
        raise MaskError("The mask that was sent cannot be read. Draw it again, or type its outline.")
    lengths = np.fromiter(map(int, text.split(" ")), dtype=np.int64)
    if int(lengths.sum()) != width * height:
        raise MaskError(f"The mask that was sent is not of this image of {width} × {height} pixels. Draw it again.")
    mask: Mask = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(height, width)
    return mask


def mask_of_polygons(text: str, *, width: int, height: int) -> Mask:
    """(height, width): one figure to a line: "x,y x,y x,y" in pixels, "box left top width height" or "ellipse across
    down radius radius", its middle first; a line that begins with "- " is cut out of the lines before it. Raises
    MaskError for anything else."""
    import numpy as np
    from PIL import Image, ImageDraw

    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_POLYGONS:
        raise MaskError(f"{len(lines)} polygons: at most {MOST_POLYGONS} are taken.")
    image = Image.new("1", (width, height))
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines, start=1):
        hole = line.startswith("- ")
        said = line.removeprefix("- ")
        if shape := _SHAPE.fullmatch(said):
            kind, box = _box(shape, number, width, height)
            (draw.ellipse if kind == "ellipse" else draw.rectangle)(box, fill=0 if hole else 1)
        else:
            draw.polygon(_points(said, number, width, height), fill=0 if hole else 1)
    return np.array(image, dtype=bool)


def _box(shape: re.Match[str], number: int, width: int, height: int) -> tuple[str, list[float]]:
    """The kind, and its first and last columns and rows."""
    a, b, c, d = (float(part) for part in shape.groups()[1:])
    left, top, right, bottom = (a, b, a + c - 1, b + d - 1) if shape[1] == "box" else (a - c, b - d, a + c, b + d)
    if c <= 0 or d <= 0 or right < left or bottom < top:
        raise MaskError(f"Line {number}: write a size that is larger than nothing.")
    if c > width or d > height:
        raise MaskError(f"Line {number}: this figure is larger than the image of {width} × {height} pixels.")
    if right < 0 or left > width or bottom < 0 or top > height:
        raise MaskError(f"Line {number}: this figure lies outside the image of {width} × {height} pixels.")
    return shape[1], [left, top, right, bottom]


def _points(line: str, number: int, width: int, height: int) -> list[tuple[float, float]]:
    found = [_POINT.fullmatch(word) for word in line.split()]
    if not all(found) or not 3 <= len(found) <= MOST_POINTS:
        raise MaskError(
            f"Line {number}: write a polygon as at least three points, x,y x,y x,y, in pixels from the top left, "
            "such as 40,30 80,30 80,70; or box left top width height, or ellipse across down radius radius."
        )
    points = [(float(point[1]), float(point[2])) for point in found if point]
    across, down = [x for x, _ in points], [y for _, y in points]
    if max(across) < 0 or min(across) > width or max(down) < 0 or min(down) > height:
        raise MaskError(f"Line {number}: this polygon lies outside the image of {width} × {height} pixels.")
    return points
