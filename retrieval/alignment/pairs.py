"""Images with the texts that describe them, and their parting into cases for training, stopping and measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.types import Ids, Mask, Vectors

TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1
SMALLEST_BATCH = 16


@dataclass(frozen=True, slots=True)
class Pairs:
    """Images, the texts that describe them, and which belong to one case.

    Args:
        images: (n, image dimension), L2-normalised.
        texts: (m, text dimension), L2-normalised.
        described: (m,) row of the image each text describes; the first text of an image is the one it is judged by.
        cases: (n,) the case of each image.
        said: (m,) the texts themselves.
    """

    images: Vectors
    texts: Vectors
    described: Ids
    cases: Ids
    said: Sequence[str]

    def said_in(self, rows: Ids) -> list[str]:
        return [self.said[row] for row in rows.tolist()]


def described_only(pairs: Pairs) -> Pairs:
    kept = np.unique(pairs.described)
    place = np.full(len(pairs.images), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    return Pairs(pairs.images[kept], pairs.texts, place[pairs.described], pairs.cases[kept], pairs.said)


def split(cases: Ids, seed: int) -> tuple[Mask, Mask, Mask]:
    """Masks over images: for training, for stopping, for measuring. A case is in one of them only."""
    names = np.unique(cases)
    order = np.random.default_rng(seed).permutation(names)
    tests = max(1, round(TEST_SHARE * len(names)))
    validations = max(1, round(VALIDATION_SHARE * len(names)))
    test = np.isin(cases, order[:tests])
    validation = np.isin(cases, order[tests : tests + validations])
    return ~(test | validation), validation, test


def texts_of(pairs: Pairs) -> list[Ids]:
    order = np.argsort(pairs.described, kind="stable")
    starts = np.searchsorted(pairs.described[order], np.arange(len(pairs.images) + 1))
    return [order[starts[row] : starts[row + 1]] for row in range(len(pairs.images))]


def batches(rows: Ids, size: int) -> Sequence[Ids]:
    """Even batches of about `size`: a last one of a few images would have too few negatives.

    A small library gets smaller ones, so that an epoch is several steps there too.
    """
    return np.array_split(rows, max(1, round(len(rows) / min(size, max(SMALLEST_BATCH, len(rows) // 6)))))


def like_batches(rows: Ids, images: Vectors, size: int, random: np.random.Generator) -> Sequence[Ids]:
    """Batches of images that look alike, by the closest of some that are drawn: each other's hard negatives."""
    anchors = random.choice(rows, size=max(1, round(len(rows) / max(size, 1))) * 2, replace=True)
    closest = (images[rows] @ images[anchors].T).argmax(axis=1)
    ordered = rows[np.argsort(closest, kind="stable")]
    parts = batches(ordered, size)
    return [parts[number] for number in random.permutation(len(parts))]


def same(names: Ids) -> Mask:
    alike: Mask = names[:, None] == names[None, :]
    return alike
