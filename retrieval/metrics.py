"""Figures of retrieval and of calibration, in plain numpy.

Sources: Järvelin and Kekäläinen 2002 (nDCG); Guo et al. 2017 (expected calibration error); El-Yaniv and Wiener
2010 (risk and coverage); Efron 1979 (the bootstrap; here its percentile interval).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from retrieval.types import Floats, Ids

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


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence lies in [low, high): how sure they were on average, and how many were right."""

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


def reliability_bins(confidence: Sequence[float] | Floats, correct: Sequence[bool], bins: int = 10) -> list[Bin]:
    """The bins of equal width of [0, 1] that hold an answer; the last one includes 1.

    Raises ValueError for lists of different lengths, none at all, or a confidence outside [0, 1].
    """
    values, hits = _pairs(confidence, correct)
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"Confidences from {values.min()} to {values.max()}: give values from 0 to 1.")
    place = np.minimum((values * bins).astype(int), bins - 1)
    return [
        Bin(
            low=float(number / bins),
            high=float((number + 1) / bins),
            confidence=float(values[place == number].mean()),
            accuracy=float(hits[place == number].mean()),
            count=int((place == number).sum()),
        )
        for number in np.unique(place).tolist()
    ]


def calibration_error(confidence: Sequence[float] | Floats, correct: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error over `bins` bins of equal width of [0, 1]. Raises as `reliability_bins` does."""
    found = reliability_bins(confidence, correct, bins)
    return sum(each.count * abs(each.confidence - each.accuracy) for each in found) / sum(each.count for each in found)


def risk_coverage(confidence: Sequence[float] | Floats, correct: Sequence[bool]) -> tuple[Floats, Floats]:
    """Coverage and the error rate among what is answered, both (n,), answering the most confident first.

    Answers of equal confidence are answered together: each gets the coverage and risk of the whole group.
    """
    values, hits = _pairs(confidence, correct)
    order = np.argsort(-values, kind="stable")
    answered = np.arange(1, len(values) + 1)
    risk = np.cumsum(1.0 - hits[order]) / answered
    last = np.searchsorted(-values[order], -values[order], side="right") - 1
    return (answered / len(values))[last], risk[last]


def risk_area(confidence: Sequence[float] | Floats, correct: Sequence[bool]) -> float:
    """Mean risk over every coverage, 0 at best: how well confidence puts the right answers first."""
    return float(risk_coverage(confidence, correct)[1].mean())


def bootstrap_interval(
    values: Sequence[float] | Floats,
    groups: Ids | None = None,
    *,
    level: float = 0.95,
    samples: int = 1000,
    seed: int = 7,
) -> tuple[float, float]:
    """Low and high end of the percentile interval of the mean.

    Args:
        values: (n,) one per row.
        groups: (n,) what each row belongs to (the case of an image, say): groups are drawn, with all their rows.
            None draws rows.
        level: share of the drawn means inside the interval.
        samples: how often as many groups as there are is drawn.
        seed: the same seed and rows give the same interval.

    Raises ValueError when there is no row.
    """
    rows = np.asarray(values, dtype=np.float64)
    if not len(rows):
        raise ValueError("There is no value to give an interval of.")
    place = np.arange(len(rows)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums, counts = np.bincount(place, weights=rows), np.bincount(place)
    means = [
        float(sums[drawn].sum() / counts[drawn].sum()) for drawn in _draws(len(counts), samples=samples, seed=seed)
    ]
    return _ends(means, level)


def bootstrap_statistic(
    statistic: Callable[[Ids], float], rows: int, *, level: float = 0.95, samples: int = 1000, seed: int = 7
) -> tuple[float, float]:
    """The same for any statistic of `rows` rows: it is given the numbers of the rows drawn.

    Raises ValueError when there is no row.
    """
    if rows < 1:
        raise ValueError("There is no row to give an interval of.")
    return _ends([statistic(drawn) for drawn in _draws(rows, samples=samples, seed=seed)], level)


def _draws(count: int, *, samples: int, seed: int) -> list[Ids]:
    random = np.random.default_rng(seed)
    return [random.integers(0, count, count) for _ in range(samples)]


def _ends(found: Sequence[float], level: float) -> tuple[float, float]:
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _pairs(confidence: Sequence[float] | Floats, correct: Sequence[bool]) -> tuple[Floats, Floats]:
    values, hits = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if len(values) != len(hits) or not len(values):
        raise ValueError(f"{len(values)} confidences and {len(hits)} outcomes: give as many of each, at least one.")
    return values, hits
