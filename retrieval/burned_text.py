"""Text burnt into pixels: found by OCR, and masked unless it is one of the few marks that name nobody.

Names, numbers and dates in a corner identify a patient as well as a header does. What is certainly text is filled with
the background around it; a side or position mark (R, L, AP, SUPINE …) that was read with certainty stays; what may be
text is for a person to decide.

The models lie inside the package rapidocr (PP-OCR, Apache-2.0) and run on onnxruntime: nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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

    @property
    def verdict(self) -> Verdict:
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
        return []
    scores = [float(score) for score in (found.scores if found.scores is not None else [1.0] * len(found.boxes))]
    boxes = [_box(corners, height, width) for corners in found.boxes]
    return [
        TextRegion(*box, score, *_read(pixels, box))
        for box, score in zip(boxes, scores, strict=True)
        if box[2] > box[0] and box[3] > box[1] + MARGIN and not _is_structure(box, height)
    ]


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
