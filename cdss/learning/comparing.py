"""The learned weights beside those that answer, on the same cases, none of which taught the weights it is asked of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from cdss.learning.material import Candidates
from cdss.reasoning.candidates import LIMIT
from cdss.reasoning.ranking import DiagnosisModel
from retrieval.metrics import bootstrap_interval, bootstrap_statistic, calibration_error
from retrieval.rerank import Judged, Ranker
from retrieval.types import Floats, Ids, Mask

DEPTHS = (1, 5, 10)
TOPIC_MRR = "topic of a case: MRR"
DIAGNOSIS_MRR = "diagnosis: MRR"
SURPRISE = "surprise at the first diagnosis"
CALIBRATION = "calibration error of the first diagnosis"
VOTES = "relevant before not relevant"
# What decides; the others are shown.
DECIDING = (TOPIC_MRR, DIAGNOSIS_MRR, SURPRISE, VOTES)
PLACES = 4
# A sure answer that is wrong is bad, not infinitely so.
SUREST = 0.99
Outcome = Literal["better", "equal", "worse"]


@dataclass(frozen=True, slots=True)
class Compared:
    """`difference` is learned less serving, `low` and `high` its 95% interval over groups of cases."""

    measure: str
    serving: float
    learned: float
    difference: float
    low: float
    high: float
    n: int
    better: Literal["higher", "lower"] = "higher"

    @property
    def outcome(self) -> Outcome:
        low, high = (self.low, self.high) if self.better == "higher" else (-self.high, -self.low)
        return "better" if low > 0 else "worse" if high < 0 else "equal"

    def as_json(self) -> dict[str, Any]:
        row = asdict(self) | {"outcome": self.outcome}
        return {name: round(value, PLACES) if isinstance(value, float) else value for name, value in row.items()}


@dataclass(frozen=True, slots=True)
class Told:
    """Of one case: the place of its disease, 0 when it is not among the first; how sure the first is, and if right."""

    place: int
    sure: float
    right: bool


def told(found: Candidates, model: DiagnosisModel) -> Told:
    """As a consultation puts its candidates in order."""
    _, chances, order = found.found.under(model)
    if not order:
        return Told(0, 0.0, False)
    order = order[:LIMIT]
    place = next((rank for rank, at in enumerate(order, 1) if found.right[at]), 0)
    return Told(place, float(chances[order[0]]), bool(found.right[order[0]]))


def topic_place(judged: Judged, ranker: Ranker, names: Sequence[str]) -> int:
    table, right = judged
    if not np.any(right):
        return 0
    order = np.argsort(-ranker.scores(table, names).round(9), kind="stable")
    return int(np.flatnonzero(np.asarray(right)[order])[0]) + 1


def in_order(judged: Judged, ranker: Ranker, names: Sequence[str]) -> float:
    """Share of the pairs of items, one called more relevant than the other, whose scores are in that order."""
    table, relevance = judged
    scores, said = ranker.scores(table, names), np.asarray(relevance, dtype=np.float64)
    more = said[:, None] > said[None, :]
    right = (scores[:, None] > scores[None, :]) + 0.5 * (scores[:, None] == scores[None, :])
    return float((right * more).sum() / more.sum())


def topics_compared(serving: Sequence[int], learned: Sequence[int], groups: Ids, seed: int) -> Iterator[Compared]:
    yield from _places("topic of a case", serving, learned, groups, seed)


def diagnoses_compared(serving: Sequence[Told], learned: Sequence[Told], groups: Ids, seed: int) -> Iterator[Compared]:
    yield from _places("diagnosis", [each.place for each in serving], [each.place for each in learned], groups, seed)
    yield paired(SURPRISE, _surprise(serving), _surprise(learned), groups, seed, "lower")
    yield _calibrated(serving, learned, seed)


def _places(name: str, serving: Sequence[int], learned: Sequence[int], groups: Ids, seed: int) -> Iterator[Compared]:
    for depth in DEPTHS:
        yield paired(f"{name}: among the first {depth}", _within(serving, depth), _within(learned, depth), groups, seed)
    yield paired(f"{name}: MRR", _reciprocal(serving), _reciprocal(learned), groups, seed)


def paired(
    measure: str,
    serving: Floats,
    learned: Floats,
    groups: Ids,
    seed: int,
    better: Literal["higher", "lower"] = "higher",
) -> Compared:
    difference = learned - serving
    low, high = bootstrap_interval(difference, groups, seed=seed)
    means = (float(serving.mean()), float(learned.mean()), float(difference.mean()))
    return Compared(measure, *means, low, high, len(difference), better)


def _calibrated(serving: Sequence[Told], learned: Sequence[Told], seed: int) -> Compared:
    before, after = _error_of(serving), _error_of(learned)
    rows = np.arange(len(serving))
    low, high = bootstrap_statistic(lambda drawn: after(drawn) - before(drawn), len(rows), seed=seed)
    values = (before(rows), after(rows))
    return Compared(CALIBRATION, *values, values[1] - values[0], low, high, len(rows), "lower")


def _error_of(all_told: Sequence[Told]) -> Callable[[Ids], float]:
    sure = np.array([each.sure for each in all_told])
    right: Mask = np.array([each.right for each in all_told], dtype=bool)
    return lambda rows: calibration_error(sure[rows], right[rows].tolist())


def _surprise(all_told: Sequence[Told]) -> Floats:
    sure = np.clip([each.sure for each in all_told], 1 - SUREST, SUREST)
    return np.asarray(-np.log(np.where([each.right for each in all_told], sure, 1 - sure)), dtype=np.float64)


def _within(places: Sequence[int], depth: int) -> Floats:
    return np.array([float(0 < place <= depth) for place in places])


def _reciprocal(places: Sequence[int]) -> Floats:
    return np.array([1 / place if place else 0.0 for place in places])


def verdict(figures: Sequence[Compared]) -> Outcome:
    """Better: one of what decides is better beyond its interval, and none is worse."""
    outcomes = {figure.outcome for figure in figures if figure.measure in DECIDING}
    return "worse" if "worse" in outcomes else "better" if "better" in outcomes else "equal"
