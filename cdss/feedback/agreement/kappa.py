"""How far two raters agree (Cohen's kappa) and how far several do (Fleiss' kappa), with n and a 95% interval.

Cohen, Educ Psychol Meas 1960;20:37-46. Fleiss, Psychol Bull 1971;76:378-382. Where items have different numbers of
raters, each item's agreement is taken over its own pairs and the mean over items; with equal numbers that is Fleiss'
formula. Intervals are percentiles of kappas of items drawn with replacement, the same for the same data.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
SEED = 7
LEVEL = 0.95
CERTAIN = 1 - 1e-12
NO_SPREAD = 1e-9

Numbers = NDArray[np.float64]
# Rows of how often each kind of item was met: the observed agreement of each row, and what chance alone would give.
Statistic = Callable[[Numbers], tuple[Numbers, Numbers]]


@dataclass(frozen=True, slots=True)
class Kappa:
    """`value` is None where it is not defined: no item, or one answer given throughout (chance alone agrees fully)."""

    n: int
    observed: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> Kappa:
    """Of two raters: one pair of answers for each item both rated."""
    if not pairs:
        return Kappa(0)
    cells = Counter(pairs)
    kinds = sorted(cells, key=repr)
    answers = sorted({answer for pair in kinds for answer in pair}, key=repr)
    first = np.array([[one == answer for answer in answers] for one, _ in kinds], dtype=np.float64)
    second = np.array([[other == answer for answer in answers] for _, other in kinds], dtype=np.float64)
    same = np.array([one == other for one, other in kinds], dtype=np.float64)

    def statistic(rows: Numbers) -> tuple[Numbers, Numbers]:
        total = rows.sum(axis=1)
        return rows @ same / total, ((rows @ first) * (rows @ second)).sum(axis=1) / total**2

    return _kappa([cells[kind] for kind in kinds], statistic)


def fleiss_kappa(items: Sequence[Mapping[Any, int]]) -> Kappa:
    """Of several raters: for each item, how many gave which answer. Items with fewer than two raters do not count."""
    rated = [tuple(sorted((repr(answer), count) for answer, count in item.items() if count)) for item in items]
    cells = Counter(item for item in rated if sum(count for _, count in item) > 1)
    if not cells:
        return Kappa(0)
    kinds = sorted(cells)
    answers = sorted({answer for kind in kinds for answer, _ in kind})
    given = np.array([[dict(kind).get(answer, 0) for answer in answers] for kind in kinds], dtype=np.float64)
    size = given.sum(axis=1)
    agreement = ((given**2).sum(axis=1) - size) / (size * (size - 1))

    def statistic(rows: Numbers) -> tuple[Numbers, Numbers]:
        counts = rows @ given
        shares = counts / counts.sum(axis=1, keepdims=True)
        return rows @ agreement / rows.sum(axis=1), (shares**2).sum(axis=1)

    return _kappa([cells[kind] for kind in kinds], statistic)


def _kappa(weights: Sequence[int], statistic: Statistic) -> Kappa:
    n, met = sum(weights), np.array([weights], dtype=np.float64)
    observed, expected = (float(each[0]) for each in statistic(met))
    if expected >= CERTAIN:
        return Kappa(n, observed)
    return Kappa(n, observed, (observed - expected) / (1 - expected), *_interval(met[0], statistic))


def _interval(met: Numbers, statistic: Statistic) -> tuple[float | None, float | None]:
    """Items drawn with replacement are counts of their kinds drawn from a multinomial: as fast for many as for few."""
    n = int(met.sum())
    if n < 2:
        return None, None
    draws = np.random.default_rng(SEED).multinomial(n, met / n, size=DRAWS).astype(np.float64)
    observed, expected = statistic(draws)
    defined = expected < CERTAIN
    if defined.sum() < DRAWS / 2:
        # Most draws hold one answer alone: nothing can be said of the spread.
        return None, None
    found = (observed[defined] - expected[defined]) / (1 - expected[defined])
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if high - low < NO_SPREAD:
        # All draws of a few things that are alike are alike: that is no certainty.
        return None, None
    return float(low), float(high)
