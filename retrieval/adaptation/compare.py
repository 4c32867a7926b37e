"""Two encoders on the same questions: figures of each, and what lies between them, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.metrics import bootstrap_interval
from retrieval.types import Ids

DEPTHS = (1, 5, 10)
PLACES = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """How well questions find what they should, by one encoder and by another.

    Args:
        name: what was asked.
        questions: how many.
        before: share found among the first DEPTHS, by the encoder that serves.
        after: the same by the taught one.
        reciprocal: mean reciprocal rank, before and after.
        gain: their difference, paired by question.
        low: low end of its 95% interval; groups of questions are drawn.
        high: high end.
    """

    name: str
    questions: int
    before: tuple[float, ...]
    after: tuple[float, ...]
    reciprocal: tuple[float, float]
    gain: float
    low: float
    high: float


def compared(
    name: str, before: Sequence[int | None], after: Sequence[int | None], groups: Ids, *, seed: int = 7
) -> Figure:
    """The figure of two lists of ranks, from 1, of the same questions; None is not found at all.

    Raises ValueError when there is no question.
    """
    old, new = (np.array([1.0 / rank if rank else 0.0 for rank in ranks]) for ranks in (before, after))
    low, high = bootstrap_interval(new - old, groups, seed=seed)
    return Figure(
        name=name,
        questions=len(before),
        before=_found(before),
        after=_found(after),
        reciprocal=(round(float(old.mean()), PLACES), round(float(new.mean()), PLACES)),
        gain=round(float((new - old).mean()), PLACES),
        low=round(low, PLACES),
        high=round(high, PLACES),
    )


def _found(ranks: Sequence[int | None]) -> tuple[float, ...]:
    return tuple(
        round(float(np.mean([rank is not None and rank <= depth for rank in ranks])), PLACES) for depth in DEPTHS
    )
