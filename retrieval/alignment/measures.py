"""How well images are found: by a text of their case, and by another image of the same label."""

from __future__ import annotations

import math

import numpy as np

from retrieval.types import Ids, Vectors


def recall_at(scores: Vectors, cases: Ids, k: int = 10) -> float:
    """Share of rows with an image of their own case among their k best columns.

    Args:
        scores: (n, n), row = text of an image, column = image, in the same order.
        cases: (n,) the case of each.
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float(np.mean((cases[best] == cases[:, None]).any(axis=1)))


def mean_log_rank(scores: Vectors, cases: Ids) -> float:
    """Mean of log2 of the rank of the best image of a row's own case, 0 at best; arguments as for `recall_at`."""
    order = np.argsort(-scores, axis=1, kind="stable")
    return float(np.mean(np.log2(1 + (cases[order] == cases[:, None]).argmax(axis=1))))


def chance(cases: Ids, k: int = 10) -> float:
    """Recall@k of a random order: the hypergeometric chance of meeting one's own case, averaged over the images."""
    _, place, sizes = np.unique(cases, return_inverse=True, return_counts=True)
    total = len(cases)
    k = min(k, total)
    missed = [math.comb(total - int(size), k) / math.comb(total, k) for size in sizes]
    return float(np.mean([1.0 - missed[index] for index in place]))
