"""The second stage of a search: what was found, put in a better order by weights learned on a library's own cases.

A linear score over a few features of a query and an item, learned as a conditional logit: of the items found for a
case, the probability that the relevant one is chosen is the softmax of the scores. Convex, a dozen numbers, fitted in
seconds, and every order can be explained by its features.

Source: McFadden, "Conditional logit analysis of qualitative choice behavior", 1974.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.errors import RetrievalError
from retrieval.types import Floats, Ids, Mask

# One query: (n, features) of the items found, and which of them are relevant, or how relevant each is.
Judged = tuple[Floats, Mask | Floats]
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


# Learned on teaching cases searched by history, examination and findings, each for the topic it belongs to.
DEFAULT_RANKER = Ranker(
    {
        "lexical": 4.75,
        "lexical_cosine": 8.05,
        "dense": 4.2,
        "similar_cases": 3.5,
        "similar_documents": 3.0,
        "listed": 4.6,
        "image": 4.0,
        "text_to_image": 0.5,
    }
)


def learn(
    queries: Sequence[Judged],
    names: Sequence[str],
    *,
    ridge: float = 1.0,
    prior: Ranker | None = None,
    counts: Sequence[float] | None = None,
    only: Collection[str] | None = None,
) -> Ranker:
    """The weights under which the relevant items are chosen most often.

    Every feature says the more the better. A weight below zero is an artefact of learning on a library's own cases,
    each left out of its own search: where most diagnoses have one case, having none left would speak for a diagnosis.
    Such a feature is left out, and the others are learned anew.

    Args:
        queries: (n, features) with (n,) relevance, as a mask or as shares from 0; those whose items are all equally
            relevant teach nothing and are left out.
        names: of the features.
        ridge: how strongly weights are held to those of `prior`, in standard deviations of the features.
        prior: what is believed without any query, none below zero; a feature that is the same everywhere keeps its
            weight. None: zero.
        counts: how much each query counts; None: 1.
        only: the features that are learned; the others keep the weight of `prior`. None: all of them.

    Raises:
        RetrievalError: no query is left.
    """
    batch = _batch(queries, counts)
    before = np.array([prior.weights.get(name, 0.0) if prior else 0.0 for name in names])
    spread = batch.features.std(axis=0)
    free = np.array([only is None or name in only for name in names], dtype=bool)
    # Of equal numbers the standard deviation need not be zero.
    kept, weights = np.flatnonzero((np.ptp(batch.features, axis=0) > 0) & free), before.copy()
    while len(kept):
        fixed = weights.copy()
        fixed[kept] = 0.0
        scaled = batch.of(kept, spread[kept], batch.features @ fixed)
        found = _fitted(scaled, before[kept] * spread[kept], ridge)
        if (found >= 0).all():
            weights[kept] = found / spread[kept]
            break
        lowest = int(found.argmin())
        weights[kept[lowest]] = 0.0
        kept = np.delete(kept, lowest)
    return Ranker(dict(zip(names, weights.tolist(), strict=True)), len(batch.starts))


def held_out_loss(ranker: Ranker, queries: Sequence[Judged], names: Sequence[str], counts: Sequence[float]) -> float:
    """The mean surprise, in nats, at what was relevant: lower is better. Raises RetrievalError: no query is left."""
    batch = _batch(queries, counts)
    weights = np.array([ranker.weights.get(name, 0.0) for name in names])
    return _loss(batch, weights, weights, 0.0) / float(batch.counts.sum())


@dataclass(frozen=True, slots=True)
class _Batch:
    """All queries in one table: (n, features) items, (n,) targets that sum to 1 in each query, and where each starts.

    `base` is what the score of an item has beside its weighted features.
    """

    features: Floats
    targets: Floats
    base: Floats
    starts: Ids
    counts: Floats

    def of(self, columns: Ids, spread: Floats, base: Floats) -> _Batch:
        return _Batch(self.features[:, columns] / spread, self.targets, base, self.starts, self.counts)

    def per_item(self, values: Floats) -> Floats:
        """(n,) from one value a query."""
        return np.repeat(values, np.diff(np.append(self.starts, len(self.targets))))


def _batch(queries: Sequence[Judged], counts: Sequence[float] | None) -> _Batch:
    weighed = zip(queries, counts if counts is not None else [1.0] * len(queries), strict=True)
    usable = []
    for (x, relevance), count in weighed:
        target = np.asarray(relevance, dtype=np.float64)
        if count > 0 and len(target) and target.min() < target.max():
            usable.append((np.asarray(x, dtype=np.float64), target / target.sum(), float(count)))
    if not usable:
        raise RetrievalError("There is nothing to learn a ranking from: no case has a relevant item among those found.")
    features = np.concatenate([x for x, _, _ in usable])
    starts = np.cumsum([0, *(len(x) for x, _, _ in usable[:-1])])
    return _Batch(
        features,
        np.concatenate([target for _, target, _ in usable]),
        np.zeros(len(features)),
        starts,
        np.array([count for _, _, count in usable]),
    )


def _fitted(batch: _Batch, prior: Floats, ridge: float) -> Floats:
    weights = prior.copy()
    loss = _loss(batch, weights, prior, ridge)
    for _ in range(_STEPS):
        step = _newton(batch, weights, prior, ridge)
        # Halved until it helps: far from the optimum a whole step overshoots.
        while (found := _loss(batch, weights - step, prior, ridge)) > loss and np.abs(step).max() > _ENOUGH:
            step /= 2
        if found > loss or np.abs(step).max() <= _ENOUGH:
            break
        weights, loss = weights - step, found
    return weights


def _loss(batch: _Batch, weights: Floats, prior: Floats, ridge: float) -> float:
    scores = batch.features @ weights + batch.base
    highest = np.maximum.reduceat(scores, batch.starts)
    totals = np.log(np.add.reduceat(np.exp(scores - batch.per_item(highest)), batch.starts)) + highest
    chosen = np.add.reduceat(batch.targets * scores, batch.starts)
    away = weights - prior
    return float(batch.counts @ (totals - chosen)) + 0.5 * ridge * float(away @ away)


def _newton(batch: _Batch, weights: Floats, prior: Floats, ridge: float) -> Floats:
    scores = batch.features @ weights + batch.base
    chance = np.exp(scores - batch.per_item(np.maximum.reduceat(scores, batch.starts)))
    chance /= batch.per_item(np.add.reduceat(chance, batch.starts))
    count = batch.per_item(batch.counts)
    gradient = ridge * (weights - prior) + batch.features.T @ (count * (chance - batch.targets))
    means = np.add.reduceat(chance[:, None] * batch.features, batch.starts, axis=0)
    curvature = ridge * np.eye(len(weights)) + batch.features.T @ ((count * chance)[:, None] * batch.features)
    curvature -= means.T @ (batch.counts[:, None] * means)
    return np.asarray(np.linalg.solve(curvature, gradient), dtype=np.float64)


def softmax(scores: Floats) -> Floats:
    """(n,) chances that sum to 1."""
    shifted = np.exp(scores - scores.max())
    return np.asarray(shifted / shifted.sum(), dtype=np.float64)
