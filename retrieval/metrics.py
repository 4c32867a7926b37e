"""Figures of retrieval and of calibration, in plain numpy.

Sources: Järvelin and Kekäläinen 2002 (nDCG); Guo et al. 2017 (expected calibration error); El-Yaniv and Wiener
2010 (risk and coverage).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
T = TypeVar("T")


def recall_at(ranked: Sequence[T], relevant: Collection[T], k: int) -> float:
    """Share of the relevant that stands among the first k. Raises ValueError when nothing is relevant."""
    if not relevant:
        raise ValueError("Nothing is relevant: the recall of such a query is not defined.")
    return len(set(ranked[:k]) & set(relevant)) / len(set(relevant))


def hit_at(ranked: Sequence[T], relevant: Collection[T], k: int) -> float:
    """1 when any of the first k is relevant, else 0."""
    return float(bool(set(ranked[:k]) & set(relevant)))


def reciprocal_rank(ranked: Sequence[T], relevant: Collection[T]) -> float:
    """1 / rank of the first relevant one, 0 when there is none; its mean over queries is the MRR."""
    return next((1.0 / rank for rank, found in enumerate(ranked, 1) if found in relevant), 0.0)


def ndcg_at(gains: Sequence[float], ideal: Sequence[float], k: int) -> float:
    """Normalised discounted cumulative gain.

    Args:
        gains: of what was returned, in its order.
        ideal: of everything relevant, in any order.

    0 when nothing has a gain.
    """
    best = _dcg(sorted(ideal, reverse=True)[:k])
    return _dcg(gains[:k]) / best if best else 0.0


def _dcg(gains: Sequence[float]) -> float:
    return float(np.sum(np.asarray(gains, dtype=np.float64) / np.log2(np.arange(2, len(gains) + 2))))


def calibration_error(confidence: Sequence[float], correct: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error over `bins` bins of equal width of [0, 1].

    Raises ValueError for lists of different lengths, none at all, or a confidence outside [0, 1].
    """
    values, hits = _pairs(confidence, correct)
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"Confidences from {values.min()} to {values.max()}: give values from 0 to 1.")
    place = np.minimum((values * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    gaps = np.abs(np.bincount(place, values, bins) - np.bincount(place, hits, bins))
    return float(gaps[counts > 0].sum() / len(values))


def risk_coverage(confidence: Sequence[float], correct: Sequence[bool]) -> tuple[Floats, Floats]:
    """Coverage and the error rate among what is answered, both (n,), answering the most confident first.

    Answers of equal confidence are answered together: each gets the coverage and risk of the whole group.
    """
    values, hits = _pairs(confidence, correct)
    order = np.argsort(-values, kind="stable")
    answered = np.arange(1, len(values) + 1)
    risk = np.cumsum(1.0 - hits[order]) / answered
    last = np.searchsorted(-values[order], -values[order], side="right") - 1
    return (answered / len(values))[last], risk[last]


def _pairs(confidence: Sequence[float], correct: Sequence[bool]) -> tuple[Floats, Floats]:
    values, hits = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if len(values) != len(hits) or not len(values):
        raise ValueError(f"{len(values)} confidences and {len(hits)} outcomes: give as many of each, at least one.")
    return values, hits
