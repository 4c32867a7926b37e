"""From a region of one image to similar regions of others.

A region is the mean of its patches and of those of its four quarters, so that what lies where within it counts. Every
window of about the region's size in every image is compared, in two passes: the cosines of the patches with the
region's mean, averaged over a window, say which images are looked at closely; the pooled windows of those say which
window is the nearest. No training, no index: patches are read in batches, so memory does not grow with the library.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.patches import checked_box, pooled
from retrieval.types import Box, PatchMap, Vectors

# A region may lie a little larger or smaller in another image.
SCALES = (0.75, 1.0, 1.35)
# Groups that are looked at closely, at least; more when more are asked for.
SHORTLIST = 60


@dataclass(frozen=True, slots=True)
class Candidate:
    """One image that may hold a similar region.

    Args:
        id: what the caller knows it by.
        group: of several images of one group, such as a case, the best one counts.
        patches: its map, in the same space as the query's.
    """

    id: int
    group: int
    patches: PatchMap


@dataclass(frozen=True, slots=True)
class RegionHit:
    """The window of an image that is most like the region.

    Args:
        id: of the candidate.
        group: of the candidate.
        box: the window, in pixels of its image.
        score: mean of the cosine of the whole and the mean cosine of the quarters, -1 to 1; no probability.
    """

    id: int
    group: int
    box: Box
    score: float


def search_regions(query: PatchMap, box: Box, batches: Iterable[Sequence[Candidate]], *, k: int) -> list[RegionHit]:
    """The k groups with the most similar regions, best first; ties go to the smaller id.

    Args:
        query: the map of the image the box is drawn on.
        box: in its pixels; what of it lies outside is cut off.
        batches: candidates, some hundred at a time.
        k: how many groups.

    Raises:
        ImageError: the box has no area or lies outside.
    """
    box = checked_box(box, width=query.width, height=query.height)
    mean, sizes = pooled(query, box), _sizes(query, box)
    most = max(SHORTLIST, 3 * k)
    best: dict[int, tuple[float, Candidate]] = {}
    for batch in batches:
        for candidate, score in zip(batch, _first_pass(mean, sizes, batch), strict=True):
            if candidate.group not in best or score > best[candidate.group][0]:
                best[candidate.group] = (score, candidate)
        if len(best) > 4 * most:
            best = _kept(best, most)
    close = _Close(query, box, mean, sizes)
    hits = [close.nearest_window(candidate) for _, candidate in _kept(best, most).values()]
    hits.sort(key=lambda hit: (-hit.score, hit.id))
    return hits[:k]


def _kept(best: dict[int, tuple[float, Candidate]], most: int) -> dict[int, tuple[float, Candidate]]:
    return dict(heapq.nlargest(most, best.items(), key=lambda item: (item[1][0], -item[1][1].id)))


def _sizes(query: PatchMap, box: Box) -> list[tuple[int, int]]:
    """Windows in patches, (rows, columns), of about the size of the box."""
    rows = box.height / query.height * query.rows
    columns = box.width / query.width * query.columns
    found = {(max(1, round(rows * scale)), max(1, round(columns * scale))) for scale in SCALES}
    return sorted(found)


def _fitting(sizes: Sequence[tuple[int, int]], patches: PatchMap) -> list[tuple[int, int]]:
    return sorted({(min(rows, patches.rows), min(columns, patches.columns)) for rows, columns in sizes})


def _first_pass(mean: Vectors, sizes: Sequence[tuple[int, int]], batch: Sequence[Candidate]) -> list[float]:
    if not batch:
        return []
    flat = np.concatenate([each.patches.vectors.reshape(-1, len(mean)) for each in batch]) @ mean
    scores, start = [], 0
    for each in batch:
        rows, columns = each.patches.rows, each.patches.columns
        cosines = flat[start : start + rows * columns].reshape(rows, columns)
        start += rows * columns
        table = _table(cosines)
        scores.append(max(float(_window_means(table, *size).max()) for size in _fitting(sizes, each.patches)))
    return scores


class _Close:
    """The second pass: the whole of a window and its four quarters beside those of the region."""

    def __init__(self, query: PatchMap, box: Box, mean: Vectors, sizes: Sequence[tuple[int, int]]) -> None:
        self._query, self._box, self._mean, self._sizes = query, box, mean, sizes
        self._quarters: dict[tuple[int, int], Vectors] = {}

    def nearest_window(self, candidate: Candidate) -> RegionHit:
        patches = candidate.patches
        table = _table(patches.vectors)
        found: tuple[float, int, int, int, int] = (-2.0, 0, 0, 1, 1)
        for rows, columns in _fitting(self._sizes, patches):
            scores = _window_scores(self._mean, self._quarters_of(rows, columns), table, rows, columns)
            top, left = (int(place) for place in np.unravel_index(int(scores.argmax()), scores.shape))
            score = float(scores[top, left])
            if score > found[0]:
                found = (score, top, left, rows, columns)
        score, top, left, rows, columns = found
        width, height = patches.width / patches.columns, patches.height / patches.rows
        box = Box(left * width, top * height, columns * width, rows * height)
        return RegionHit(candidate.id, candidate.group, box, min(score, 1.0))

    def _quarters_of(self, rows: int, columns: int) -> Vectors:
        """(4, d): top left, top right, bottom left, bottom right, parted where a window of this size is parted."""
        if (rows, columns) not in self._quarters:
            box = self._box
            across = box.x + box.width * max(columns // 2, 1) / max(columns, 2)
            down = box.y + box.height * max(rows // 2, 1) / max(rows, 2)
            right, bottom = box.x + box.width, box.y + box.height
            corners = ((box.x, box.y, across, down), (across, box.y, right, down),
                       (box.x, down, across, bottom), (across, down, right, bottom))  # fmt: skip
            parts = [Box(left, top, end - left, low - top) for left, top, end, low in corners]
            self._quarters[rows, columns] = np.stack([pooled(self._query, part) for part in parts])
        return self._quarters[rows, columns]


def _window_scores(mean: Vectors, quarters: Vectors, table: Vectors, rows: int, columns: int) -> NDArray[np.float32]:
    """(rows of the grid - rows + 1, …) of every window of this size."""
    whole = _cosines(_window_means(table, rows, columns), mean)
    if rows < 2 or columns < 2:
        return whole
    upper, left = rows // 2, columns // 2
    parts = ((0, 0, upper, left), (0, left, upper, columns - left),
             (upper, 0, rows - upper, left), (upper, left, rows - upper, columns - left))  # fmt: skip
    total = np.zeros(whole.shape, dtype=np.float32)
    for quarter, (top, start, part_rows, part_columns) in zip(quarters, parts, strict=True):
        # From the corner where the first window has this quarter.
        means = _window_means(table[top:, start:], part_rows, part_columns)
        total = total + _cosines(means[: whole.shape[0], : whole.shape[1]], quarter)
    return np.asarray((whole + total / 4) / 2, dtype=np.float32)


def _cosines(means: Vectors, direction: Vectors) -> NDArray[np.float32]:
    lengths = np.maximum(np.sqrt(np.einsum("ijk,ijk->ij", means, means)), 1e-12)
    cosines: NDArray[np.float32] = (means @ direction / lengths).astype(np.float32)
    return cosines


def _table(values: Vectors) -> Vectors:
    """Sums over all rows above and columns left of a corner (Crow 1984), of (rows, columns) or (rows, columns, d).

    At most 16 × 16 values below 1 are added, so single precision is enough.
    """
    padding = [(1, 0), (1, 0), *([(0, 0)] * (values.ndim - 2))]
    return np.asarray(np.pad(values, padding).cumsum(axis=0).cumsum(axis=1), dtype=np.float32)


def _window_means(table: Vectors, rows: int, columns: int) -> Vectors:
    sums = table[rows:, columns:] - table[:-rows, columns:] - table[rows:, :-columns] + table[:-rows, :-columns]
    return np.asarray(sums / np.float32(rows * columns), dtype=np.float32)
