"""From features of how sure something is to a probability: logistic regression that is held to what was believed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.errors import RetrievalError
from retrieval.types import Floats, Mask

_STEPS = 60
_ENOUGH = 1e-6


def fit_logistic(
    features: Floats, right: Mask, counts: Floats, *, prior: Sequence[float], ridge: float = 1.0
) -> tuple[float, Floats]:
    """The intercept and the weights under which what was right is the least surprising.

    More of a feature is never less likely: a weight below zero is left out, and the others are fitted anew.

    Args:
        features: (n, features).
        right: (n,) what came true.
        counts: (n,) how much each row counts.
        prior: the intercept, then one weight a feature, which a few rows do not move far.
        ridge: how strongly they are held there, in standard deviations of the features.

    Raises:
        RetrievalError: all rows, or none, are right.
    """
    if not len(right) or right.all() or not right.any():
        raise RetrievalError("There is nothing to learn how sure to be from: all answers are right, or all are wrong.")
    spread = features.std(axis=0)
    before = np.asarray(prior, dtype=np.float64)
    # Of equal numbers the standard deviation need not be zero.
    weights, kept = before[1:].copy(), np.flatnonzero(np.ptp(features, axis=0) > 0)
    while True:
        fixed = weights.copy()
        fixed[kept] = 0.0
        table = np.column_stack([np.ones(len(right)), features[:, kept] / spread[kept]])
        start = np.concatenate([before[:1], before[1:][kept] * spread[kept]])
        found = _fitted(table, right.astype(np.float64), counts, features @ fixed, start, ridge)
        if (found[1:] >= 0).all():
            weights[kept] = found[1:] / spread[kept]
            return float(found[0]), weights
        lowest = int(found[1:].argmin())
        weights[kept[lowest]] = 0.0
        kept = np.delete(kept, lowest)


def _fitted(table: Floats, right: Floats, counts: Floats, base: Floats, start: Floats, ridge: float) -> Floats:
    def loss(weights: Floats) -> float:
        scores = table @ weights + base
        away = weights - start
        return float(counts @ (np.logaddexp(0.0, scores) - right * scores)) + 0.5 * ridge * float(away @ away)

    weights, lowest = start.copy(), loss(start)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(table @ weights + base, -700, 700)))
        gradient = table.T @ (counts * (chance - right)) + ridge * (weights - start)
        curvature = table.T @ ((counts * chance * (1 - chance))[:, None] * table) + ridge * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        while (found := loss(weights - step)) > lowest and np.abs(step).max() > _ENOUGH:
            step /= 2
        if found > lowest or np.abs(step).max() <= _ENOUGH:
            break
        weights, lowest = weights - step, found
    return np.asarray(weights, dtype=np.float64)
