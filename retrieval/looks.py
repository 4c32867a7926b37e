"""Pictures that are the same to the eye: re-encoded, made smaller, cut at their edges.

Each picture has a print: bits of its coarse shape, of the whole and of what is left when up to a quarter is cut off
each edge. Two pictures whose prints come near are looked at themselves (`same_to_the_eye`), so that two patients with
the same examination are not taken for one.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Print = NDArray[np.uint64]

# Shares that may be cut off an edge.
CUTS = (0.0, 0.08, 0.16, 0.24)
WINDOWS = len(CUTS) ** 4
# Bits of 63 by which the print of a whole picture and that of a window may differ.
NEAR = 14
SIDE = 256
CELLS = 16
LOW = 8
LEAST_SIDE = 16
# Of the grey values where two pictures lie over each other: their correlation, and how much of the smaller one that is.
ALIKE = 0.94
COVERED = 0.7
LEAST_POINTS = 8
# Lowe's ratio (Int J Comput Vis 2004;60:91-110): a point is matched when its second-best match is clearly worse.
RATIO = 0.8
TURNED_DEGREES = 3.0
SCALES = (0.25, 4.0)
STRETCHED = 1.3


def small_grey(pixels: Grey, side: int = SIDE) -> Grey:
    """A grey picture [height, width] of uint8, as `side` px wide or high. ValueError when it is too small."""
    import cv2

    if pixels.ndim != 2 or min(pixels.shape) < LEAST_SIDE:
        raise ValueError(f"{pixels.shape}: a grey picture of at least {LEAST_SIDE} px")
    scale = side / max(pixels.shape)
    if scale == 1:
        return np.ascontiguousarray(pixels)
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=how), dtype=np.uint8)


def print_of(pixels: Grey) -> Print:
    """The print [WINDOWS] of a grey picture [height, width] of uint8: the whole first, then its windows.

    Of each window the signs of its 63 lowest cosine frequencies in a grid of 16 x 16. ValueError when the picture is
    too small to have a shape, or of one grey.
    """
    import cv2

    grey = np.asarray(cv2.resize(small_grey(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.float64)
    if float(grey.std()) < 2:
        raise ValueError("a picture of one grey has no shape")
    total = np.zeros((SIDE + 1, SIDE + 1))
    total[1:, 1:] = grey.cumsum(0).cumsum(1)
    cells = np.stack([_cells(total, *cuts) for cuts in product(CUTS, repeat=4)])
    cosine = _cosine()
    low = (cosine @ cells @ cosine.T).reshape(WINDOWS, -1)[:, 1:]
    bits: Print = (low > 0) @ (np.uint64(1) << np.arange(LOW * LOW - 1, dtype=np.uint64))
    return bits


def _cells(total: NDArray[np.float64], left: float, right: float, top: float, bottom: float) -> NDArray[np.float64]:
    """Means of the cells of a window, from sums over everything above and to the left."""
    columns = np.rint(np.linspace(left * SIDE, (1 - right) * SIDE, CELLS + 1)).astype(int)
    rows = np.rint(np.linspace(top * SIDE, (1 - bottom) * SIDE, CELLS + 1)).astype(int)
    corners = total[np.ix_(rows, columns)]
    sums = corners[1:, 1:] - corners[:-1, 1:] - corners[1:, :-1] + corners[:-1, :-1]
    areas = np.diff(rows)[:, None] * np.diff(columns)[None, :]
    return np.asarray(sums / areas)


@lru_cache(maxsize=1)
def _cosine() -> NDArray[np.float64]:
    place, frequency = np.arange(CELLS)[None, :], np.arange(LOW)[:, None]
    return np.asarray(np.cos(np.pi * (2 * place + 1) * frequency / (2 * CELLS)))


def distances(mine: Print, others: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Bits [n] between a print [WINDOWS] and each of others [n, WINDOWS]: of one whole to the nearest window."""
    theirs = np.bitwise_count(others ^ mine[0]).min(axis=1)
    ours = np.bitwise_count(others[:, :1] ^ mine[None, :]).min(axis=1)
    return np.asarray(np.minimum(theirs, ours), dtype=np.int64)


def same_to_the_eye(one: Grey, other: Grey) -> bool:
    """Whether one picture is the other, or a part of it, in another size or encoding.

    Points of both are matched (SIFT), and the greys correlated where they then lie over each other.
    """
    import cv2

    one, other = small_grey(one), small_grey(other)
    placed = _placed(one, other)
    if placed is None:
        return False
    size = (other.shape[1], other.shape[0])
    over = cv2.warpAffine(one, placed, size, flags=cv2.INTER_AREA)
    inside = cv2.warpAffine(np.full_like(one, 255), placed, size, flags=cv2.INTER_NEAREST) > 0
    smaller = min(other.size, one.size * abs(float(np.linalg.det(placed[:, :2]))))
    if inside.sum() < COVERED * smaller:
        return False
    a, b = (cv2.GaussianBlur(each, (0, 0), 1.5)[inside].astype(np.float64) for each in (over, other))
    if min(a.std(), b.std()) < 2:
        return False
    return float(np.corrcoef(a, b)[0, 1]) >= ALIKE


def _placed(one: Grey, other: Grey) -> NDArray[np.float64] | None:
    """How `one` lies on `other`, as an affine map [2, 3]."""
    import cv2

    sift = cv2.SIFT.create(nfeatures=400)  # type: ignore[attr-defined]
    (mine, described), (theirs, other_described) = (sift.detectAndCompute(each, None) for each in (one, other))
    if described is None or other_described is None or min(len(mine), len(theirs)) < LEAST_POINTS:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(described, other_described, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < RATIO * pair[1].distance]
    if len(good) < LEAST_POINTS:
        return None
    source = np.array([mine[match.queryIdx].pt for match in good], dtype=np.float32)
    target = np.array([theirs[match.trainIdx].pt for match in good], dtype=np.float32)
    # Which points it tries first is drawn by a generator of its own seed: the same answer each time.
    cv2.setRNGSeed(7)
    found, fits = cv2.estimateAffine2D(source, target, ransacReprojThreshold=3.0)
    if found is None or int(fits.sum()) < LEAST_POINTS:
        return None
    placed = np.asarray(found, dtype=np.float64)
    return placed if _is_upright(placed) else None


def _is_upright(placed: NDArray[np.float64]) -> bool:
    """Moved, scaled and perhaps stretched a little: not turned, mirrored or skewed."""
    across, down = placed[:, 0], placed[:, 1]
    wide, high = float(np.hypot(*across)), float(np.hypot(*down))
    if not all(SCALES[0] < scale < SCALES[1] for scale in (wide, high)) or max(wide / high, high / wide) > STRETCHED:
        return False
    angles = np.degrees([np.arctan2(across[1], across[0]), np.arctan2(-down[0], down[1])])
    return bool(np.abs(angles).max() < TURNED_DEGREES)
