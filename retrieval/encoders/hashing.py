"""Encoders without weights, for tests and for trying the rest out: deterministic, fast, and not clever."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image

from retrieval.encoders.grids import PATCHES, patch_grid
from retrieval.errors import AlignmentError, EncoderError, over_window
from retrieval.types import PatchMap, Pixels, Vectors

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")
_CELLS = 12
_BINS = 24


class HashingTextEncoder:
    """Bags of words and word pairs, hashed with a sign into `dimension` buckets: similar texts, similar vectors.

    Args:
        dimension: width of a vector.
        max_tokens: window in words and punctuation marks; a longer text is refused, as by a real encoder.
    """

    def __init__(self, dimension: int = 256, max_tokens: int = 128) -> None:
        self._dimension = dimension
        self._max_tokens = max_tokens

    @property
    def version(self) -> str:
        return f"hashing-text-1-{self._dimension}-{self._max_tokens}"

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised. Raises EncoderError for a text over the window."""
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            count = len(self.token_offsets(text))
            if count > self._max_tokens:
                raise over_window(count, self._max_tokens)
            self._fill(row, _WORD.findall(text.lower()))
        return vectors

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Offsets of words and punctuation marks."""
        return [match.span() for match in _TOKEN.finditer(text)]

    def _fill(self, row: Vectors, words: list[str]) -> None:
        row[0] = 1e-3
        for gram in [*words, *(f"{a} {b}" for a, b in pairwise(words))]:
            value = int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=8).digest(), "little")
            row[value % self._dimension] += 1.0 if value >> 63 else -1.0
        row /= np.linalg.norm(row)


class HashingImageEncoder:
    """Brightness on a coarse grid and its histogram through a fixed projection; it knows nothing of text."""

    def __init__(self, dimension: int = 128) -> None:
        self._dimension = dimension
        features = _CELLS * _CELLS + _BINS
        self._projection = np.random.default_rng(20240229).standard_normal((features, dimension)).astype(np.float32)

    @property
    def version(self) -> str:
        return f"hashing-image-1-{self._dimension}"

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def preprocessing(self) -> str:
        return hashlib.sha256(f"grey {_CELLS}x{_CELLS} cells, {_BINS} bins".encode()).hexdigest()

    @property
    def aligned(self) -> bool:
        return False

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """(n, dimension) float32, L2-normalised, of RGB uint8 arrays (height, width, 3) of any size."""
        if not images:
            return np.zeros((0, self._dimension), dtype=np.float32)
        vectors = np.stack([_features(image) for image in images]) @ self._projection
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    @property
    def patches_version(self) -> str:
        return "hashing-patches-1"

    def patches(self, images: Sequence[Pixels], *, fine: bool = False) -> list[PatchMap]:
        """Brightness, contrast and slopes of each cell and of its neighbours: 16 cells, or 48 when `fine`, along the
        longer side."""
        return [_cells(_checked(image), 3 * PATCHES if fine else PATCHES) for image in images]

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """Always raises AlignmentError."""
        raise AlignmentError("The hashing image encoder has no joint space: text cannot search its images.")


def _cells(image: Pixels, side: int) -> PatchMap:
    height, width = image.shape[:2]
    rows, columns = patch_grid(width, height, side)
    pixels = 4
    small = Image.fromarray(image).convert("L").resize((columns * pixels, rows * pixels), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float32) / 255.0
    slope_y, slope_x = np.gradient(grey) if min(grey.shape) > 1 else (np.zeros_like(grey),) * 2
    parts = [grey, np.abs(slope_y) * 4, np.abs(slope_x) * 4]
    means = [part.reshape(rows, pixels, columns, pixels).mean(axis=(1, 3)) for part in parts]
    means.append(grey.reshape(rows, pixels, columns, pixels).std(axis=(1, 3)) * 2)
    around = np.pad(means[0], 1, mode="edge")
    means += [
        around[1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns] for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))
    ]
    # Centred on a mid grey, so that dark and bright cells point apart; the constant keeps all from being zero.
    stacked = np.stack([*(part - 0.4 for part in means), np.full((rows, columns), 0.1)], axis=-1).astype(np.float32)
    return PatchMap(stacked / np.linalg.norm(stacked, axis=-1, keepdims=True), width, height)


def _features(image: Pixels) -> Vectors:
    _checked(image)
    grey = image.mean(axis=2) / 255.0
    rows = np.array_split(np.arange(grey.shape[0]), _CELLS)
    columns = np.array_split(np.arange(grey.shape[1]), _CELLS)
    cells = [grey[np.ix_(r, c)].mean() if len(r) and len(c) else 0.0 for r in rows for c in columns]
    counts = np.histogram(grey, bins=_BINS, range=(0.0, 1.0))[0] / grey.size
    # The constant keeps an all-black image from being a zero vector.
    return np.concatenate([np.asarray(cells) + 0.05, counts]).astype(np.float32)


def _checked(image: Pixels) -> Pixels:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise EncoderError(
            f"An image of shape {image.shape} and type {image.dtype}: give RGB uint8 (height, width, 3)."
        )
    return image
