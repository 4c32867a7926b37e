"""Joining ranked lists.

Source: Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods", SIGIR 2009.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.types import Ids, Vectors


def reciprocal_rank(
    rankings: Sequence[Ids], weights: Sequence[float] | None = None, *, constant: float = 60.0
) -> tuple[Vectors, Ids]:
    """Fused scores, descending, and ids: the sum over the lists of weight / (constant + rank), rank from 1.

    Args:
        rankings: lists of ids, best first; an id stands at most once in each.
        weights: one per list; none means 1 each.
        constant: how slowly a lower rank loses weight.

    Ties are broken by the better best rank, then by the smaller id.
    """
    weights = [1.0] * len(rankings) if weights is None else weights
    ranks = [np.arange(1, len(ranking) + 1) for ranking in rankings]
    if not any(len(ranking) for ranking in rankings):
        return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64)
    ids, places = np.unique(np.concatenate(rankings), return_inverse=True)
    parts = [weight / (constant + rank) for weight, rank in zip(weights, ranks, strict=True)]
    scores = np.bincount(places, weights=np.concatenate(parts), minlength=len(ids))
    top = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(top, places, np.concatenate(ranks))
    order = np.lexsort((ids, top, -scores.round(12)))
    return scores[order].astype(np.float32), ids[order].astype(np.int64)
