"""A mask for a new image from a few masked ones, by the nearest patches: no training.

Each patch of the new image asks the k nearest patches of the supports how much of them is mask, and they answer with
the weight of their similarity. Dense correspondence by nearest features: Shaban et al. 2017 (one-shot segmentation,
arXiv:1709.03410) set the task; the vote is plain weighted nearest neighbours. The outline then follows the image by a
guided filter (He, Sun and Tang 2013, doi:10.1109/TPAMI.2012.213). What the settings are worth was measured
(docs/regions.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.errors import ImageError
from retrieval.types import Mask, PatchMap, Pixels, Vectors

NEIGHBOURS = 5
# How much a patch far away in its image counts as less alike: 1 is as far as the picture is long.
PLACE = 0.1
# Cosines this much below the best neighbour's weigh 1/e of it.
TEMPERATURE = 0.05
# Patches of the new image compared at once: it bounds the memory.
ROWS_AT_ONCE = 512
# Patches of supports that are asked; of those without mask only so many, evenly spread, that it stays bounded.
MOST_PATCHES = 12_000
# Of the guided filter: in pixels of an image of 256, and of grey values from 0 to 1.
RADIUS_OF_256 = 4.0
SMOOTHNESS = 1e-3


@dataclass(frozen=True, slots=True)
class Support:
    """An image whose mask is known.

    Args:
        patches: its fine map.
        mask: (height, width) of the image.
    """

    patches: PatchMap
    mask: Mask


def propose_mask(image: Pixels, patches: PatchMap, supports: Sequence[Support]) -> Mask:
    """(height, width): what the supports suggest for an image; it may be empty.

    Args:
        image: RGB uint8 (height, width, 3).
        patches: its fine map, of the same encoder as the supports'.
        supports: at least one.

    Raises:
        ImageError: there is no support, or a mask has another size than its image.
    """
    if not supports:
        raise ImageError("There is no masked image to learn from: mask the structure on at least one image first.")
    shares = np.concatenate([patch_shares(each.mask, each.patches).reshape(-1) for each in supports])
    vectors = np.concatenate([each.patches.vectors.reshape(-1, patches.vectors.shape[-1]) for each in supports])
    places = np.concatenate([_places(each.patches) for each in supports])
    kept = _asked(shares)
    likely = _vote(patches, vectors[kept], places[kept], shares[kept])
    height, width = image.shape[:2]
    smooth = np.asarray(Image.fromarray(likely).resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)
    return guided(image, np.clip(smooth, 0.0, 1.0)) > 0.5


def patch_shares(mask: Mask, patches: PatchMap) -> NDArray[np.float32]:
    """(rows, columns) share of each patch that is mask, 0 to 1.

    Raises:
        ImageError: the mask is of another size than the image.
    """
    if mask.shape != (patches.height, patches.width):
        raise ImageError(
            f"A mask of {mask.shape[1]} × {mask.shape[0]} pixels is none of an image of "
            f"{patches.width} × {patches.height}."
        )
    shares = Image.fromarray(mask.astype(np.float32)).resize((patches.columns, patches.rows), Image.Resampling.BOX)
    return np.asarray(shares, dtype=np.float32)


def mean_mask(masks: Sequence[Mask], *, width: int, height: int) -> Mask:
    """(height, width): where at least half of the masks, stretched to this size, are. It looks at no image."""
    stretched = [
        np.asarray(Image.fromarray(mask.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
        for mask in masks
    ]
    found: Mask = np.mean(stretched, axis=0) >= 0.5
    return found


def dice(first: Mask, second: Mask) -> float:
    """Twice the common area by the sum of both areas (Dice 1945); 1 when both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2.0 * int((first & second).sum()) / total if total else 1.0


def guided(image: Pixels, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(height, width): values smoothed where the image is smooth, and left with its edges."""
    grey = image.mean(axis=2) / 255.0
    radius = max(1, round(RADIUS_OF_256 * max(grey.shape) / 256))
    mean_grey, mean_values = _box_mean(grey, radius), _box_mean(values, radius)
    covariance = _box_mean(grey * values, radius) - mean_grey * mean_values
    variance = _box_mean(grey * grey, radius) - mean_grey * mean_grey
    slope = covariance / (variance + SMOOTHNESS)
    offset = mean_values - slope * mean_grey
    found: NDArray[np.float64] = _box_mean(slope, radius) * grey + _box_mean(offset, radius)
    return found


def _asked(shares: NDArray[np.float32]) -> NDArray[np.intp]:
    """Places of the patches that are asked: every one with some mask, and the rest spread evenly."""
    if len(shares) <= MOST_PATCHES:
        return np.arange(len(shares))
    inside, outside = np.flatnonzero(shares > 0), np.flatnonzero(shares == 0)
    spread = np.linspace(0, len(outside) - 1, max(MOST_PATCHES - len(inside), MOST_PATCHES // 4))
    return np.union1d(inside, outside[np.unique(spread.astype(np.intp))] if len(outside) else inside)


def _vote(
    patches: PatchMap, vectors: Vectors, places: NDArray[np.float32], shares: NDArray[np.float32]
) -> NDArray[np.float32]:
    asked, asked_places = patches.vectors.reshape(-1, vectors.shape[-1]), _places(patches)
    nearest = min(NEIGHBOURS, len(vectors))
    likely = np.zeros(len(asked), dtype=np.float32)
    squares = (places**2).sum(axis=1)
    for start in range(0, len(asked), ROWS_AT_ONCE):
        part, part_places = asked[start : start + ROWS_AT_ONCE], asked_places[start : start + ROWS_AT_ONCE]
        alike = part @ vectors.T
        # |a - b|² = |a|² + |b|² - 2ab; |a|² is the same for all neighbours of a patch.
        alike -= PLACE * (squares[None, :] - 2.0 * part_places @ places.T)
        chosen = np.argpartition(alike, -nearest, axis=1)[:, -nearest:]
        found = np.take_along_axis(alike, chosen, axis=1)
        weights = np.exp((found - found.max(axis=1, keepdims=True)) / TEMPERATURE)
        likely[start : start + ROWS_AT_ONCE] = (weights * shares[chosen]).sum(axis=1) / weights.sum(axis=1)
    return likely.reshape(patches.rows, patches.columns)


def _places(patches: PatchMap) -> NDArray[np.float32]:
    """(rows × columns, 2): the middle of each patch, from 0 to 1 along each side."""
    rows = (np.arange(patches.rows, dtype=np.float32) + 0.5) / patches.rows
    columns = (np.arange(patches.columns, dtype=np.float32) + 0.5) / patches.columns
    places = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    return places.astype(np.float32)


def _box_mean(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    side = 2 * radius + 1
    padded = np.pad(np.pad(values, radius, mode="edge"), ((1, 0), (1, 0)))
    table = padded.cumsum(axis=0).cumsum(axis=1)
    sums = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
    found: NDArray[np.float64] = sums / (side * side)
    return found
