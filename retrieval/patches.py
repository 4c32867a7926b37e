"""Features of patches: their compact form, what of a grid a box covers, and how patches of two images match."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ImageError
from retrieval.types import Box, PatchMap, Vectors

# What is kept of one patch: a byte for each of at most so many dimensions.
COMPACT_WIDTH = 128
# Names the projection below; another one makes other compact vectors.
COMPACT = f"p{COMPACT_WIDTH}-1"
_LEVELS = 127.0


@dataclass(frozen=True, slots=True)
class Match:
    """A patch of one image and the patch of another that are each other's nearest.

    Args:
        query: (row, column) in the one.
        other: (row, column) in the other.
        score: their cosine.
    """

    query: tuple[int, int]
    other: tuple[int, int]
    score: float


def packed(patches: PatchMap) -> bytes:
    """rows × columns × min(d, COMPACT_WIDTH) signed bytes: a fixed random projection, then a scale for each patch.

    A random orthogonal projection keeps cosines nearly as they are (Johnson and Lindenstrauss 1984).
    """
    vectors = projected(patches).vectors
    largest = np.maximum(np.abs(vectors).max(axis=-1, keepdims=True), 1e-12)
    data: bytes = np.round(vectors / largest * _LEVELS).astype(np.int8).tobytes()
    return data


def unpacked(data: bytes, *, rows: int, columns: int, width: int, height: int) -> PatchMap:
    """The map of what `packed` made, L2-normalised.

    Raises:
        ImageError: the bytes do not fill such a grid.
    """
    if rows < 1 or columns < 1 or not data or len(data) % (rows * columns):
        raise ImageError(f"{len(data)} bytes are no {rows} × {columns} patches: run manage.py build_index --patches.")
    vectors = np.frombuffer(data, dtype=np.int8).reshape(rows, columns, -1).astype(np.float32)
    return PatchMap(_unit(vectors), width, height)


def projected(patches: PatchMap) -> PatchMap:
    """The map in the compact space without the rounding: what a query is compared in."""
    width = patches.vectors.shape[-1]
    if width <= COMPACT_WIDTH:
        return patches
    return PatchMap(_unit(patches.vectors @ _projection(width)), patches.width, patches.height)


def checked_box(box: Box, *, width: int, height: int) -> Box:
    """The part of a box that lies on an image of this size.

    Raises:
        ImageError: no number, without an area, or beside the image; the message holds the box and the size.
    """
    said = f"x {box.x:g}, y {box.y:g}, width {box.width:g}, height {box.height:g}"
    if not np.isfinite([box.x, box.y, box.width, box.height]).all():
        raise ImageError(f"This box is not made of numbers ({said}). Draw it on the image or type four numbers.")
    if box.width <= 0 or box.height <= 0:
        raise ImageError(f"This box has no area ({said}). Width and height have to be more than 0.")
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    right, bottom = min(box.x + box.width, float(width)), min(box.y + box.height, float(height))
    if right <= left or bottom <= top:
        raise ImageError(f"This box lies outside the image ({said}; the image is {width} × {height} pixels).")
    return Box(left, top, right - left, bottom - top)


def coverage(patches: PatchMap, box: Box) -> NDArray[np.float32]:
    """(rows, columns) share of each patch that the box covers, 0 to 1."""
    rows = _shares(box.y, box.y + box.height, patches.rows, patches.height)
    columns = _shares(box.x, box.x + box.width, patches.columns, patches.width)
    covered: NDArray[np.float32] = (rows[:, None] * columns[None, :]).astype(np.float32)
    return covered


def pooled(patches: PatchMap, box: Box) -> Vectors:
    """(d,) float32, L2-normalised: the mean of the patches in a box, each by the share of it that is covered."""
    weights = coverage(patches, box)
    return _unit((patches.vectors * weights[..., None]).sum(axis=(0, 1)))


def similarity_maps(query: PatchMap, box: Box, other: PatchMap) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How alike the patches of a box of one image and those of another are.

    Returns:
        On the query (rows, columns): of each patch that lies in the box by half or more, else NaN, the cosine of the
        most similar patch of the other image. On the other (rows, columns): of each patch, the cosine of the most
        similar patch of the box. The patch under the middle of the box always counts.
    """
    inside = _inside(query, box)
    cosines = query.vectors[inside] @ other.vectors.reshape(-1, other.vectors.shape[-1]).T
    on_query = np.full((query.rows, query.columns), np.nan, dtype=np.float32)
    on_query[inside] = cosines.max(axis=1)
    return on_query, cosines.max(axis=0).reshape(other.rows, other.columns).astype(np.float32)


def best_matches(query: PatchMap, box: Box, other: PatchMap, *, most: int = 8) -> list[Match]:
    """Pairs of a patch in the box and one of the other image that are each other's nearest, the most alike first."""
    places = np.argwhere(_inside(query, box))
    cosines = query.vectors[places[:, 0], places[:, 1]] @ other.vectors.reshape(-1, other.vectors.shape[-1]).T
    nearest = cosines.argmax(axis=1)
    mutual = [row for row, column in enumerate(nearest) if cosines[:, column].argmax() == row]
    mutual.sort(key=lambda row: (-float(cosines[row, nearest[row]]), row))
    return [
        Match(
            (int(places[row, 0]), int(places[row, 1])),
            (int(nearest[row] // other.columns), int(nearest[row] % other.columns)),
            float(cosines[row, nearest[row]]),
        )
        for row in mutual[:most]
    ]


def patch_box(patches: PatchMap, row: int, column: int) -> Box:
    """The pixels of one patch."""
    width, height = patches.width / patches.columns, patches.height / patches.rows
    return Box(column * width, row * height, width, height)


def _inside(patches: PatchMap, box: Box) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = coverage(patches, box) >= 0.5
    middle_row = int((box.y + box.height / 2) * patches.rows / patches.height)
    middle_column = int((box.x + box.width / 2) * patches.columns / patches.width)
    inside[min(middle_row, patches.rows - 1), min(middle_column, patches.columns - 1)] = True
    return inside


def _shares(start: float, end: float, count: int, length: int) -> NDArray[np.float64]:
    edges = np.arange(count + 1) * (length / count)
    covered = np.minimum(edges[1:], end) - np.maximum(edges[:-1], start)
    shares: NDArray[np.float64] = np.clip(covered, 0.0, None) / (length / count)
    return shares


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


@lru_cache(maxsize=4)
def _projection(width: int) -> Vectors:
    """(width, COMPACT_WIDTH) with orthonormal columns, always the same one."""
    drawn = np.random.default_rng(20240301).standard_normal((width, COMPACT_WIDTH))
    return np.ascontiguousarray(np.linalg.qr(drawn)[0], dtype=np.float32)
