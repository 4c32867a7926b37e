"""Text burnt into pixels: found by OCR, and masked unless it is one of the few marks that name nobody.

Names, numbers and dates in a corner identify a patient as well as a header does. What is certainly text is filled with
the background around it; a side or position mark (R, L, AP, SUPINE …) that was read with certainty stays; what may be
text is for a person to decide.

The models lie inside the package rapidocr (PP-OCR, Apache-2.0) and run on onnxruntime: nothing is fetched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from retrieval.types import Pixels

Verdict = Literal["mask", "keep", "ask"]
# From here on the detector is trusted; between the two a person decides.
CERTAIN, POSSIBLE = 0.5, 0.3
# A mark that stays has been read with at least this certainty.
READ = 0.9
# Read as letters with this certainty, a faint region is text all the same.
LEGIBLE = 0.8
MARKS = frozenset({
    "R", "L", "RT", "LT", "RIGHT", "LEFT", "A", "P", "AP", "PA", "LAT", "S", "I", "H", "F", "SUP", "SUPINE", "PRONE",
    "ERECT", "UPRIGHT", "PORTABLE", "DECUB", "DECUBITUS", "MLO", "CC", "RCC", "LCC", "RMLO", "LMLO", "CM", "MM",
})  # fmt: skip
LETTERS = re.compile(r"[^\W\d_]+")
# Around a region, in pixels: strokes are blurred at their edges.
MARGIN = 3
SMALLEST = 24
# The line of known text, in shares of the picture's shorter side.
LINE = 0.035
# No line of text is taller than this share of its picture, unless it is small in pixels, or much wider than tall.
TALL, TALLEST, WIDE = 0.2, 48, 2.5
# Letters of five pixels in dark grey stand in the outermost rows. These are shown to the detector enlarged, nothing in
# them brighter than such letters, cut into strips under one another with a gap between: a square costs it least.
EDGE, SHADE, ENLARGED, GAP, SHARED = 12, 80, 4, 16, 64
# Of a faint line at least so much is found, in pixels and in its own heights, and with this certainty.
# A place with more than this share of bright pixels is the edge of a head.
LINE_WIDTH, LINE_SHAPE, LINE_SCORE, MOST_BRIGHT = 30, 3, 0.65, 0.2


@dataclass(frozen=True, slots=True)
class TextRegion:
    """A box in pixels, right and bottom exclusive. `text` is for the verdict and is stored nowhere."""

    left: int
    top: int
    right: int
    bottom: int
    score: float
    text: str = ""
    read: float = 0.0
    # Too faint to be certain of.
    faint: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.faint:
            return "ask"
        words = self.text.upper().split()
        if words and self.read >= READ and all(word.strip(".:") in MARKS for word in words):
            return "keep"
        if self.score >= CERTAIN or (self.read >= LEGIBLE and LETTERS.search(self.text)):
            return "mask"
        return "ask"


def find_text(pixels: Pixels) -> list[TextRegion]:
    """Where text stands in an image, marks that may stay included.

    Args:
        pixels: RGB uint8 (height, width, 3).

    Returns:
        Regions inside the image, none for an image too small to hold text.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < SMALLEST:
        return []
    shown = np.concatenate([pixels, _known_text(height, width)])
    found = _engine()(np.ascontiguousarray(shown[..., ::-1]), use_det=True, use_cls=False, use_rec=False)
    if found.boxes is None:
        return _faint_edges(pixels, [])
    scores = [float(score) for score in (found.scores if found.scores is not None else [1.0] * len(found.boxes))]
    boxes = [_box(corners, height, width) for corners in found.boxes]
    plain = [
        TextRegion(*box, score, *_read(pixels, box))
        for box, score in zip(boxes, scores, strict=True)
        if box[2] > box[0] and box[3] > box[1] + MARGIN and not _is_structure(box, height)
    ]
    return plain + _faint_edges(pixels, plain)


def _faint_edges(pixels: Pixels, known: Sequence[TextRegion]) -> list[TextRegion]:
    """The outermost rows, above and below, where a line too faint for the whole picture stands beside what is known."""
    height, width = pixels.shape[:2]
    tops = (0, height - EDGE)
    side = max(EDGE * ENLARGED, round(math.sqrt(len(tops) * width * ENLARGED * (EDGE * ENLARGED + GAP))))
    strips = [(top, left, strip) for top in tops for left, strip in _strips(pixels[top : top + EDGE], side)]
    shown = np.concatenate([np.pad(strip, ((0, GAP), (0, 0), (0, 0))) for _, _, strip in strips])
    found = _engine()(np.ascontiguousarray(shown[..., ::-1]), use_det=True, use_cls=False, use_rec=False)
    scores: dict[int, float] = {}
    for corners, score in zip(*((found.boxes, found.scores) if found.boxes is not None else ((), ())), strict=True):
        (left, upper), (right, lower) = np.min(corners, axis=0), np.max(corners, axis=0)
        top, start, strip = strips[min(int((upper + lower) / 2 // (EDGE * ENLARGED + GAP)), len(strips) - 1)]
        long = right - left >= max(LINE_WIDTH * ENLARGED, LINE_SHAPE * (lower - upper))
        bright = float(np.mean(strip[:, int(left) : int(right)] == 255)) > MOST_BRIGHT
        middle = start + (left + right) / 2 / ENLARGED
        if long and not bright and score >= LINE_SCORE and not any(_covers(each, top, middle) for each in known):
            scores[top] = max(float(score), scores.get(top, 0.0))
    # A part of the line is found: the person who is asked sees all of it.
    return [TextRegion(0, top, width, top + EDGE, score, faint=True) for top, score in scores.items()]


def _strips(band: Pixels, side: int) -> Iterator[tuple[int, Pixels]]:
    """Pieces of so many enlarged columns, each with the column of the picture it starts at."""
    from PIL import Image

    dark = (np.minimum(band, SHADE).astype(np.float32) * (255 / SHADE)).astype(np.uint8)
    size = (band.shape[1] * ENLARGED, EDGE * ENLARGED)
    wide = np.asarray(Image.fromarray(dark).resize(size, Image.Resampling.LANCZOS))
    side = min(side, wide.shape[1])
    for start in range(0, max(wide.shape[1] - SHARED, 1), max(side - SHARED, 1)):
        strip = wide[:, start : start + side]
        yield start // ENLARGED, np.pad(strip, ((0, 0), (0, side - strip.shape[1]), (0, 0)), mode="edge")


def _covers(region: TextRegion, top: int, middle: float) -> bool:
    """Whether it holds this column of the rows from `top` on."""
    return region.left <= middle <= region.right and region.top < top + EDGE and top < region.bottom


def _known_text(height: int, width: int) -> Pixels:
    """A line of text to lay under a picture. The detector weighs its channels over the whole of what it is shown:
    where nothing is text, a head is a letter O to it, and one line of real text beside it tells it better."""
    from PIL import Image, ImageDraw, ImageFont

    size = max(12, round(min(height, width) * LINE))
    band = Image.new("RGB", (width, 3 * size))
    place, shade = (size, round(1.2 * size)), (200, 200, 200)
    ImageDraw.Draw(band).text(place, "KNOWN 12345 TEXT", font=ImageFont.load_default(size), fill=shade)
    return np.asarray(band)


def _is_structure(box: tuple[int, int, int, int], height: int) -> bool:
    """Taller than any line, and no wider than a letter or two: the head, an orbit, a vertebra."""
    left, top, right, bottom = box
    return bottom - top > max(TALLEST, TALL * height) and right - left < WIDE * (bottom - top)


def mask_text(pixels: Pixels, regions: Sequence[TextRegion]) -> Pixels:
    """A copy with these regions filled with the median of the pixels around each; the same array for none."""
    if not regions:
        return pixels
    masked = pixels.copy()
    for region in regions:
        masked[region.top : region.bottom, region.left : region.right] = _around(pixels, region)
    return masked


def _around(pixels: Pixels, region: TextRegion) -> Any:
    top, left = max(0, region.top - MARGIN), max(0, region.left - MARGIN)
    area = pixels[top : region.bottom + MARGIN, left : region.right + MARGIN].astype(np.float32)
    edge = np.ones(area.shape[:2], dtype=bool)
    edge[region.top - top : region.bottom - top, region.left - left : region.right - left] = False
    beside = area[edge] if edge.any() else area.reshape(-1, 3)
    return np.median(beside, axis=0).astype(np.uint8)


def _box(corners: Any, height: int, width: int) -> tuple[int, int, int, int]:
    points = np.asarray(corners, dtype=np.float64)
    left, top = np.floor(points.min(axis=0)).astype(int) - MARGIN
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + MARGIN
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))


def _read(pixels: Pixels, box: tuple[int, int, int, int]) -> tuple[str, float]:
    """Only what is short enough to be a mark is read: everything longer is masked whatever it says."""
    left, top, right, bottom = box
    if right - left > 12 * (bottom - top):
        return "", 0.0
    crop = np.ascontiguousarray(pixels[top:bottom, left:right, ::-1])
    found = _engine()(crop, use_det=False, use_cls=False, use_rec=True)
    if not found.txts:
        return "", 0.0
    return str(found.txts[0]), float(found.scores[0])


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": 0.0,
            "Det.box_thresh": POSSIBLE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
