"""The second stage of a search: what was found, put in a better order by weights learned on a library's own cases.

A linear score over a few features of a query and an item, learned as a conditional logit: of the items found for a
case, the probability that the relevant one is chosen is the softmax of the scores. Convex, a dozen numbers, fitted in
seconds, and every order can be explained by its features.

Source: McFadden, "Conditional logit analysis of qualitative choice behavior", 1974.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.errors import RetrievalError
from retrieval.types import Floats, Mask

# One query: (n, features) of the items found, and which of them are relevant.
Judged = tuple[Floats, Mask]
_STEPS = 60
_ENOUGH = 1e-6


@dataclass(frozen=True, slots=True)
class Ranker:
    """Scores items by a weighted sum of named features.

    Args:
        weights: by name of the feature. A feature without a weight does not count.
        learned_from: how many queries; 0 when that is not told.
    """

    weights: Mapping[str, float]
    learned_from: int = 0

    def scores(self, features: Floats, names: Sequence[str]) -> Floats:
        """(n,) from (n, len(names))."""
        return np.asarray(features @ np.array([self.weights.get(name, 0.0) for name in names]), dtype=np.float64)

    def as_json(self) -> dict[str, Any]:
        return {"weights": dict(self.weights), "learned_from": self.learned_from}

    @classmethod
    def from_json(cls, data: Any) -> Ranker:
        """Raises RetrievalError for anything that `as_json` did not write."""
        try:
            weights = {str(name): float(weight) for name, weight in data["weights"].items()}
            ranker = cls(weights, int(data["learned_from"]))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise RetrievalError("The weights of the ranking cannot be read. Learn them again.") from error
        if not all(np.isfinite(weight) for weight in weights.values()):
            raise RetrievalError("The weights of the ranking are not numbers. Learn them again.")
        return ranker


def learn(queries: Sequence[Judged], names: Sequence[str], *, ridge: float = 1.0) -> Ranker:
    """The weights under which the relevant items are chosen most often.

    Every feature says the more the better. A weight below zero is an artefact of learning on a library's own cases,
    each left out of its own search: where most diagnoses have one case, having none left would speak for a diagnosis.
    Such a feature is left out, and the others are learned anew.

    Args:
        queries: those without a relevant item, or with no other, teach nothing and are left out.
        names: of the features.
        ridge: how strongly weights are held to zero, in standard deviations of the features.

    Raises:
        RetrievalError: no query is left.
    """
    usable = [(np.asarray(x, dtype=np.float64), y / y.sum()) for x, y in queries if y.any() and not y.all()]
    if not usable:
        raise RetrievalError("There is nothing to learn a ranking from: no case has a relevant item among those found.")
    spread = np.concatenate([x for x, _ in usable]).std(axis=0)
    kept = np.flatnonzero(spread > 0)
    weights = np.zeros(len(names))
    while len(kept):
        found = _fitted([(x[:, kept] / spread[kept], target) for x, target in usable], ridge)
        if (found >= 0).all():
            weights[kept] = found / spread[kept]
            break
        kept = np.delete(kept, int(found.argmin()))
    return Ranker(dict(zip(names, weights.tolist(), strict=True)), len(usable))


def _fitted(queries: Sequence[tuple[Floats, Floats]], ridge: float) -> Floats:
    weights = np.zeros(queries[0][0].shape[1])
    loss = _loss(queries, weights, ridge)
    for _ in range(_STEPS):
        step = _newton(queries, weights, ridge)
        # Halved until it helps: far from the optimum a whole step overshoots.
        while (found := _loss(queries, weights - step, ridge)) > loss and np.abs(step).max() > _ENOUGH:
            step /= 2
        if found > loss or np.abs(step).max() <= _ENOUGH:
            break
        weights, loss = weights - step, found
    return weights


def _loss(queries: Sequence[tuple[Floats, Floats]], weights: Floats, ridge: float) -> float:
    total = 0.5 * ridge * float(weights @ weights)
    for x, target in queries:
        scores = x @ weights
        total += float(np.logaddexp.reduce(scores) - target @ scores)
    return total


def _newton(queries: Sequence[tuple[Floats, Floats]], weights: Floats, ridge: float) -> Floats:
    gradient, curvature = ridge * weights, ridge * np.eye(len(weights))
    for x, target in queries:
        chance = softmax(x @ weights)
        gradient += x.T @ (chance - target)
        centred = x - chance @ x
        curvature += (centred * chance[:, None]).T @ centred
    return np.asarray(np.linalg.solve(curvature, gradient), dtype=np.float64)


def softmax(scores: Floats) -> Floats:
    """(n,) chances that sum to 1."""
    shifted = np.exp(scores - scores.max())
    return np.asarray(shifted / shifted.sum(), dtype=np.float64)
