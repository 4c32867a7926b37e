"""Cohen's kappa of two raters, Fleiss' kappa of several, each with the number of items and a 95% interval.

Cohen, Educ Psychol Meas 1960;20:37-46. Fleiss, Psychol Bull 1971;76:378-382. Where items have different numbers of
raters, each item's agreement is taken over its own pairs and the mean over items; with equal numbers that is Fleiss'
formula. Intervals are percentiles of kappas of items drawn with replacement, the same for the same data.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

DRAWS = 2000
SEED = 7
LEVEL = 0.95
# Of how often each kind of item was met: observed agreement, and the agreement that chance alone would give.
Statistic = Callable[[Sequence[float]], tuple[float, float]]


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
    categories = {answer: place for place, answer in enumerate(sorted({a for pair in kinds for a in pair}, key=repr))}
    rows = [categories[one] for one, _ in kinds]
    columns = [categories[other] for _, other in kinds]

    def statistic(weights: Sequence[float]) -> tuple[float, float]:
        total = sum(weights)
        first, second = [0.0] * len(categories), [0.0] * len(categories)
        agreed = 0.0
        for row, column, weight in zip(rows, columns, weights, strict=True):
            first[row] += weight
            second[column] += weight
            agreed += weight if row == column else 0.0
        expected = sum(one * other for one, other in zip(first, second, strict=True)) / total**2
        return agreed / total, expected

    return _kappa([cells[kind] for kind in kinds], statistic)


def fleiss_kappa(items: Sequence[Mapping[Hashable, int]]) -> Kappa:
    """Of several raters: for each item, how many gave which answer. Items with fewer than two raters do not count."""
    rated = [tuple(sorted((repr(answer), count) for answer, count in item.items() if count)) for item in items]
    cells = Counter(item for item in rated if sum(count for _, count in item) > 1)
    if not cells:
        return Kappa(0)
    kinds = sorted(cells)
    sizes = [sum(count for _, count in kind) for kind in kinds]
    agreements = [
        (sum(count * count for _, count in kind) - size) / (size * (size - 1))
        for kind, size in zip(kinds, sizes, strict=True)
    ]

    def statistic(weights: Sequence[float]) -> tuple[float, float]:
        given: dict[str, float] = {}
        for kind, weight in zip(kinds, weights, strict=True):
            for answer, count in kind:
                given[answer] = given.get(answer, 0.0) + weight * count
        total = sum(given.values())
        observed = sum(a * weight for a, weight in zip(agreements, weights, strict=True)) / sum(weights)
        return observed, sum((count / total) ** 2 for count in given.values())

    return _kappa([cells[kind] for kind in kinds], statistic)


def _kappa(weights: Sequence[int], statistic: Statistic) -> Kappa:
    n = sum(weights)
    observed, expected = statistic(weights)
    if math.isclose(expected, 1.0):
        return Kappa(n, observed)
    value = (observed - expected) / (1 - expected)
    low, high = _interval(weights, statistic)
    return Kappa(n, observed, value, low, high)


def _interval(weights: Sequence[int], statistic: Statistic) -> tuple[float | None, float | None]:
    """Items drawn with replacement are counts of their kinds drawn from a multinomial: as fast for many as for few."""
    import numpy as np

    n = sum(weights)
    if n < 2:
        return None, None
    draws = np.random.default_rng(SEED).multinomial(n, np.asarray(weights) / n, size=DRAWS)
    found = []
    for drawn in draws:
        observed, expected = statistic(drawn.tolist())
        if not math.isclose(expected, 1.0):
            found.append((observed - expected) / (1 - expected))
    if len(found) < DRAWS / 2:
        # Most draws hold one answer alone: nothing can be said of the spread.
        return None, None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
