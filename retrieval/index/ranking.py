"""The best k of many scores, with ties always broken the same way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.types import Ids, Vectors


def best(scores: Vectors, ids: Ids, k: int) -> tuple[Vectors, Ids]:
    """The k highest scores, descending, and their ids; equal scores stand in the order of their ids.

    Args:
        scores: (n,) float32.
        ids: (n,) int64.
    """
    if 0 < k < len(scores):
        floor = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = np.flatnonzero(scores >= floor)
        scores, ids = scores[kept], ids[kept]
    order = np.lexsort((ids, -scores))[:k]
    return scores[order], ids[order]


def padded(rows: list[tuple[Vectors, Ids]], k: int) -> tuple[Vectors, Ids]:
    """Rows of different lengths as (n, k) arrays, filled up with score -inf and id -1."""
    scores = np.full((len(rows), k), -np.inf, dtype=np.float32)
    ids = np.full((len(rows), k), -1, dtype=np.int64)
    for place, (row_scores, row_ids) in enumerate(rows):
        scores[place, : len(row_scores)] = row_scores
        ids[place, : len(row_ids)] = row_ids
    return scores, ids


def checked(ids: Ids, vectors: Vectors, dimension: int) -> tuple[Ids, Vectors]:
    """Ids and vectors as contiguous int64 and float32 of matching shapes; of a repeated id the last one counts.

    Raises:
        ValueError: shapes that do not match, a negative id, or a value that is not finite.
    """
    ids = np.ascontiguousarray(ids, dtype=np.int64)
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.shape != (len(ids), dimension) or ids.ndim != 1:
        raise ValueError(f"ids {ids.shape} and vectors {vectors.shape}: give (n,) and (n, {dimension}).")
    if len(ids) and ids.min() < 0:
        raise ValueError(f"id {ids.min()}: ids are not negative.")
    if not np.isfinite(vectors).all():
        raise ValueError("A vector holds a value that is not finite.")
    last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
    return (ids, vectors) if len(last) == len(ids) else (ids[np.sort(last)], vectors[np.sort(last)])


def queries_checked(queries: Vectors, k: int, dimension: int) -> Vectors:
    """Queries as contiguous float32 (n, dimension). Raises ValueError for another width or k below 1."""
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise ValueError(f"queries {queries.shape}: give (n, {dimension}).")
    if k < 1:
        raise ValueError(f"k={k}: at least one result is asked for.")
    return queries


def members(ids: Ids, allowed: Ids | None) -> NDArray[np.bool_]:
    """Which of `ids` are allowed; None allows all."""
    return np.ones(len(ids), dtype=bool) if allowed is None else np.isin(ids, allowed)
