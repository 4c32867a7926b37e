"""A metric of images that is learned from the labels of a site's own library.

The tower that made the features stays as it is. A new image is compared with the images the metric was taught on, by
the mean over the stages of the tower of Gaussian kernels (Schölkopf and Smola 2002), and kernel ridge regression
turns that into a score for each class of each label. The vector of an image is its place among all images, by their
principal components, beside these scores: images of one class come together, and within a class what looks alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.types import Vectors

# Of the Gaussian kernel, in mean squared distances of a block.
GAMMA = 1.0
ROWS_AT_ONCE = 512
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Metric:
    """From features of the tower to vectors that are compared by their inner product.

    Args:
        widths: of the blocks of features, in their order; a kernel is computed for each of the first `kernels`.
        kernels: how many of the blocks tell classes apart; the rest, such as the difference of the sides of an
            image, only says how alike two images are.
        mean: (features,) of the taught images.
        scale: (features,) their standard deviation.
        taught: (images, features of the kernels) float16, standardised.
        distances: (kernels,) the mean squared distance of two taught images in each block.
        weights: (images, classes) of the ridge regression.
        centre: (features,) of the standardised blocks of unit length.
        components: (features, places).
        share: of the scores in the squared length of a vector, before it is normalised.
        features: version of the features.
        checksum: SHA-256 of what is stored; empty before it is saved.
    """

    widths: tuple[int, ...]
    kernels: int
    mean: Vectors
    scale: Vectors
    taught: NDArray[np.float16]
    distances: Vectors
    weights: Vectors
    centre: Vectors
    components: Vectors
    share: float
    features: str
    checksum: str = ""
    _prepared: list[tuple[Vectors, Vectors]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        blocks = split_blocks(self.taught.astype(np.float32), self.widths[: self.kernels])
        # Once, and not for each image that is asked for: it is most of the work.
        object.__setattr__(self, "_prepared", [_with_lengths(block) for block in blocks])

    @property
    def dimension(self) -> int:
        """Width of a vector."""
        return int(self.components.shape[1] + self.weights.shape[1])

    def project(self, features: Vectors) -> Vectors:
        """(n, features) to (n, dimension), float32, L2-normalised."""
        pieces = [np.zeros((0, self.dimension), dtype=np.float32)]
        for start in range(0, len(features), ROWS_AT_ONCE):
            blocks = split_blocks((features[start : start + ROWS_AT_ONCE] - self.mean) / self.scale, self.widths)
            near = _near(blocks[: self.kernels], self._prepared, self.distances)
            pieces.append(joined(self.places(blocks), near @ self.weights, self.share))
        return np.concatenate(pieces)

    def places(self, blocks: list[Vectors]) -> Vectors:
        """(n, places), L2-normalised, of standardised blocks."""
        return unit(np.asarray((unit_blocks(blocks) - self.centre) @ self.components, dtype=np.float32))


def joined(places: Vectors, scores: Vectors, share: float) -> Vectors:
    """Places and scores as one L2-normalised vector; a score below 0 says no more than 0."""
    seen, told = np.float32(np.sqrt(1.0 - share)), np.float32(np.sqrt(share))
    return unit(np.concatenate([seen * places, told * np.maximum(scores, np.float32(0.0))], axis=1))


def kernel(blocks: list[Vectors], others: list[Vectors], distances: Vectors) -> Vectors:
    """(n, m), the mean over the blocks of exp(-GAMMA d² / mean d²)."""
    return _near(blocks, [_with_lengths(other) for other in others], distances)


def split_blocks(features: Vectors, widths: tuple[int, ...]) -> list[Vectors]:
    """The blocks of features, as many as there are widths."""
    ends = np.cumsum(widths)
    return [features[:, end - width : end] for width, end in zip(widths, ends, strict=True)]


def unit_blocks(blocks: list[Vectors]) -> Vectors:
    """(n, features) in which each block has the same length: a wide one counts no more than a narrow one."""
    whole: Vectors = np.concatenate([unit(block) for block in blocks], axis=1)
    return whole / np.float32(np.sqrt(len(blocks)))


def unit(values: Vectors) -> Vectors:
    """Rows of length 1."""
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, _TINY), dtype=np.float32)


def _near(blocks: list[Vectors], others: list[tuple[Vectors, Vectors]], distances: Vectors) -> Vectors:
    total = np.zeros((len(blocks[0]), len(others[0][0])), dtype=np.float32)
    for block, (other, lengths), distance in zip(blocks, others, distances, strict=True):
        apart = block @ other.T
        apart *= -2.0
        apart += (block * block).sum(axis=1)[:, None]
        apart += lengths
        np.maximum(apart, 0.0, out=apart)
        apart *= np.float32(-GAMMA / max(float(distance), _TINY))
        total += np.exp(apart, out=apart)
    return total / np.float32(len(blocks))


def _with_lengths(block: Vectors) -> tuple[Vectors, Vectors]:
    """A block in one piece of memory, and the squared lengths of its rows."""
    whole = np.ascontiguousarray(block, dtype=np.float32)
    return whole, np.asarray((whole * whole).sum(axis=1), dtype=np.float32)
