"""How hard a question was and how well it told learners apart, from what was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import atanh, ceil, sqrt, tanh

from cdss.proportions import Share, Z

# T. L. Kelley, J Educ Psychol 1939;30:17-24.
GROUP = 0.27
LEAST_FOR_GROUPS = 10
LEAST_FOR_CORRELATION = 4


@dataclass(frozen=True, slots=True)
class Discrimination:
    """Point-biserial correlation of a question with the score on the others, with its interval (Fisher's z)."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """`difficulty` is the share of right answers: the higher, the easier."""

    difficulty: Share
    correlation: Discrimination | None
    # Share right of the upper 27% less that of the lower 27%, by the score on the other questions.
    upper_lower: float | None
    group: int


def figures(right: Sequence[bool], rest: Sequence[float]) -> ItemFigures:
    """`right`: of each run, whether this question was right; `rest`: its share right of the other questions."""
    if len(right) != len(rest):
        raise ValueError(f"{len(right)} answers and {len(rest)} scores")
    group = ceil(GROUP * len(right))
    return ItemFigures(
        difficulty=Share(sum(right), len(right)),
        correlation=_point_biserial(right, rest),
        upper_lower=_upper_lower(right, rest, group) if len(right) >= LEAST_FOR_GROUPS else None,
        group=group,
    )


def _point_biserial(right: Sequence[bool], rest: Sequence[float]) -> Discrimination | None:
    n = len(right)
    if n < LEAST_FOR_CORRELATION:
        return None
    mean, p = sum(rest) / n, sum(right) / n
    spread = sqrt(sum((value - mean) ** 2 for value in rest) / n)
    # Answered alike by all, or all with the same score: there is nothing to tell apart.
    if spread < 1e-12 or p in (0.0, 1.0):
        return None
    mean_right = sum(value for value, good in zip(rest, right, strict=True) if good) / sum(right)
    r = max(-1.0, min(1.0, (mean_right - mean) / spread * sqrt(p / (1 - p))))
    if abs(r) == 1.0:
        return Discrimination(r, r, r, n)
    width = Z / sqrt(n - 3)
    return Discrimination(r, tanh(atanh(r) - width), tanh(atanh(r) + width), n)


def _upper_lower(right: Sequence[bool], rest: Sequence[float], group: int) -> float:
    """Ties in the score are shared: whoever ties with the last of a group counts in part."""
    order = sorted(zip(rest, right, strict=True), key=lambda pair: -pair[0])
    return _share(order[:group], order) - _share(order[-group:], order)


def _share(chosen: Sequence[tuple[float, bool]], everyone: Sequence[tuple[float, bool]]) -> float:
    tied: Mapping[float, list[bool]] = {score: [good for s, good in everyone if s == score] for score, _ in chosen}
    return sum(sum(tied[score]) / len(tied[score]) for score, _ in chosen) / len(chosen)
