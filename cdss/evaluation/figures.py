"""One measured number, with what it was measured on and how far chance may have moved it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from retrieval.metrics import bootstrap_interval, bootstrap_statistic
from retrieval.types import Ids, Mask

Better = Literal["higher", "lower"]
ALL = "all"
NOT_GIVEN_AWAY = "not given away"
PRODUCT = "cdss"
PLACES = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """`system` is the product ("cdss") or one of the plain baselines; `cases` is which of the cases count."""

    measure: str
    system: str
    cases: str
    value: float
    low: float
    high: float
    n: int
    better: Better = "higher"

    @property
    def key(self) -> tuple[str, str, str]:
        return self.measure, self.system, self.cases

    def as_json(self) -> dict[str, Any]:
        row = asdict(self)
        return row | {name: round(row[name], PLACES) for name in ("value", "low", "high")}


@dataclass(slots=True)
class Result:
    """What a suite found: `tables` are behind its plots, `notes` say what was left out and why."""

    figures: list[Figure] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """The rows of a suite (cases, or the images of cases): whose row each is, and whose text gives the answer away.

    Without `given_away` there is no text that could."""

    groups: Ids
    seed: int
    given_away: Mask | None = None

    def mean(self, measure: str, system: str, values: Sequence[float], better: Better = "higher") -> list[Figure]:
        """The mean of one value per row, with an interval over the groups, on all rows and on those not given away."""
        whole = np.asarray(values, dtype=np.float64)
        found = []
        for name, kept in self._subsets():
            if not kept.any():
                continue
            low, high = bootstrap_interval(whole[kept], self.groups[kept], seed=self.seed)
            found.append(Figure(measure, system, name, float(whole[kept].mean()), low, high, int(kept.sum()), better))
        return found

    def of(self, measure: str, system: str, statistic: Callable[[Ids], float], better: Better) -> list[Figure]:
        """The same for a statistic of row numbers; rows are drawn."""
        found = []
        for name, kept in self._subsets():
            rows = np.flatnonzero(kept)
            if not len(rows):
                continue
            low, high = bootstrap_statistic(_on(rows, statistic), len(rows), seed=self.seed)
            found.append(Figure(measure, system, name, statistic(rows), low, high, len(rows), better))
        return found

    def _subsets(self) -> list[tuple[str, Mask]]:
        everyone = [(ALL, np.ones(len(self.groups), dtype=bool))]
        return everyone if self.given_away is None else [*everyone, (NOT_GIVEN_AWAY, ~self.given_away)]


def _on(rows: Ids, statistic: Callable[[Ids], float]) -> Callable[[Ids], float]:
    return lambda drawn: statistic(rows[drawn])


def ranked_figures(
    asked: Asked, system: str, ranks: Sequence[int | None], depths: Sequence[int], *, name: str = "R@{}"
) -> list[Figure]:
    """Share of rows whose answer stands among the first k, and the mean reciprocal rank."""
    found: list[Figure] = []
    for depth in depths:
        values = [float(rank is not None and rank <= depth) for rank in ranks]
        found += asked.mean(name.format(depth), system, values)
    return found + asked.mean("MRR", system, [1 / rank if rank else 0.0 for rank in ranks])
