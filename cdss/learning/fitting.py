"""Weights out of tables: of the search, of the candidates with their calibration, and of the image side."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cdss.learning.material import Candidates
from cdss.ranking.weights import INTERCEPT
from cdss.reasoning.ranking import CORRECTED, CORRECTED_WEIGHT, FEATURES, SURENESS, DiagnosisModel, sureness
from retrieval.calibration import fit_logistic
from retrieval.errors import RetrievalError
from retrieval.features import NAMES
from retrieval.rerank import Judged, Ranker, held_out_loss, learn
from retrieval.types import Floats, Ids

# How strongly weights are held to those that answer; chosen by what other cases say.
RIDGES = (1.0, 10.0, 100.0)
# What other cases of a disease say. Where a case that is left out of its own evidence leaves none of its disease, they
# never speak for the right one, and learning would take that for a reason to believe them less.
NEIGHBOURS_OF_SEARCH = frozenset({"similar_cases"})
NEIGHBOURS_OF_CANDIDATES = frozenset({*(name for name in FEATURES if name.startswith("case_")), "age_of_cases"})
PICTURES = frozenset({"image", "image_rank"})
# Share of the cases that teach something which must have another of their disease, for that to be learned.
ENOUGH_SIBLINGS = 0.8
# First candidates of a case that the calibration is learned on.
CALIBRATED = 5


@dataclass(frozen=True, slots=True)
class Examples:
    """Queries with how much each counts and the fold each is in."""

    queries: Sequence[Judged]
    counts: Floats
    folds: Ids

    def without(self, fold: int | None) -> Examples:
        return self if fold is None else self._where(self.folds != fold)

    def only(self, fold: int) -> Examples:
        return self._where(self.folds == fold)

    def _where(self, chosen: Any) -> Examples:
        queries = [query for query, kept in zip(self.queries, chosen, strict=True) if kept]
        return Examples(queries, self.counts[chosen], self.folds[chosen])


def usable(judged: Judged | None) -> bool:
    if judged is None or not len(judged[1]):
        return False
    relevance = np.asarray(judged[1], dtype=np.float64)
    return bool(relevance.min() < relevance.max())


def fitted(examples: Examples, names: Sequence[str], prior: Ranker, learned: Collection[str]) -> tuple[Ranker, float]:
    """The weights, and how strongly they were held to `prior`: as was best for folds that were left out."""
    ridge = min(RIDGES, key=lambda each: _left_out(examples, names, prior, learned, each))
    return _learned(examples, names, prior, learned, ridge), ridge


def _learned(examples: Examples, names: Sequence[str], prior: Ranker, learned: Collection[str], ridge: float) -> Ranker:
    return learn(examples.queries, names, ridge=ridge, prior=prior, counts=examples.counts.tolist(), only=learned)


def _left_out(examples: Examples, names: Sequence[str], prior: Ranker, learned: Collection[str], ridge: float) -> float:
    losses = []
    for fold in np.unique(examples.folds).tolist():
        rest, own = examples.without(fold), examples.only(fold)
        try:
            ranker = _learned(rest, names, prior, learned, ridge)
            losses.append(held_out_loss(ranker, own.queries, names, own.counts.tolist()))
        except RetrievalError:
            # One fold may hold nothing that teaches.
            continue
    return float(np.mean(losses)) if losses else float("inf")


def search_ranker(
    topics: Examples, pictures: Examples, prior: Ranker, *, neighbours: bool
) -> tuple[Ranker, dict[str, float]]:
    """First what texts are about, then, with that held, what a picture adds among prior cases."""
    held = PICTURES | (frozenset() if neighbours else NEIGHBOURS_OF_SEARCH)
    ranker, ridge = fitted(topics, NAMES, prior, frozenset(NAMES) - held)
    ridges = {"search": ridge}
    if any(usable(query) for query in pictures.queries):
        count = ranker.learned_from
        ranker, ridges["search_image"] = fitted(pictures, NAMES, ranker, PICTURES)
        ranker = Ranker(ranker.weights, count)
    return ranker, ridges


def candidate_ranker(examples: Examples, prior: Ranker, *, neighbours: bool) -> tuple[Ranker, float]:
    held = {CORRECTED} if neighbours else {CORRECTED, *NEIGHBOURS_OF_CANDIDATES}
    # What a person set right counts as it does beside any weights.
    beside = Ranker({**prior.weights, CORRECTED: CORRECTED_WEIGHT})
    ranker, ridge = fitted(examples, FEATURES, beside, frozenset(FEATURES) - held)
    return Ranker({**ranker.weights, CORRECTED: 0.0}, ranker.learned_from), ridge


def calibration(
    found: Sequence[Candidates], counts: Floats, ranker: Ranker, prior: Mapping[str, float]
) -> dict[str, float]:
    """Of the first candidates of each case: how often one that is so sure is right. Raises RetrievalError."""
    rows, right, weights = [], [], []
    for each, count in zip(found, counts.tolist(), strict=True):
        if not len(each.table):
            continue
        shares, _, order = each.found.under(DiagnosisModel(ranker, prior))
        first = order[:CALIBRATED]
        rows.append(sureness(each.table, shares)[first])
        right.append(each.right[first])
        weights.append(np.full(len(first), count))
    if not rows:
        raise RetrievalError("There is nothing to learn how sure to be from: no case has a candidate.")
    before = [prior.get(name, 0.0) for name in (INTERCEPT, *SURENESS)]
    intercept, slopes = fit_logistic(np.concatenate(rows), np.concatenate(right), np.concatenate(weights), prior=before)
    return {INTERCEPT: intercept, **dict(zip(SURENESS, slopes.tolist(), strict=True))}


def image_weight(examples: Examples) -> float:
    """What the closeness of a picture is worth beside how well the text of a case fits, from 0 to 1."""
    names = ("text", "picture")
    ranker = learn(examples.queries, names, counts=examples.counts.tolist())
    text, picture = ranker.weights["text"], ranker.weights["picture"]
    return round(min(picture / text, 1.0), 4) if text > 0 else float(picture > 0)


def enough_siblings(teaches: Sequence[bool], has_sibling: Sequence[bool]) -> bool:
    taught = [sibling for sibling, yes in zip(has_sibling, teaches, strict=True) if yes]
    return bool(taught) and sum(taught) >= ENOUGH_SIBLINGS * len(taught)
