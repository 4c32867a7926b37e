"""A search that only one passage in a hundred may answer, beside one that all of them may."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cdss.indexing.benchmarks.data import Drawn, Kind, drawn, recall
from cdss.indexing.benchmarks.suite import Bench, Goal, Outcome, Row
from cdss.indexing.benchmarks.vectors import K, index_of

if TYPE_CHECKING:
    from retrieval.types import Ids

SHARE = 0.01


def measure(bench: Bench, kind: Kind) -> Outcome:
    """With permissions spread over the library, and with one that is a corner of it, as a collection is."""
    data = drawn(kind, bench.size, bench.queries, bench.seed)
    index = index_of(kind, bench.size, bench.queries, bench.seed)
    wanted = max(int(SHARE * bench.size), K)
    spread = np.sort(np.random.default_rng(bench.seed).choice(bench.size, wanted, replace=False))
    corner = np.sort(np.argsort(data.passages @ data.passages[0])[-wanted:])
    allowed: dict[str, Ids | None] = {"1% allowed": spread, "1% allowed, one corner": corner, "all allowed": None}
    answers: dict[str, dict[int, list[int]]] = {name: {} for name in allowed}

    def ask(name: str, turn: int) -> None:
        answers[name][turn] = index.search(data.questions[turn][None], K, allowed[name])[1][0].tolist()

    times = bench.interleaved({name: partial(ask, name) for name in allowed}, turns=len(data.questions))
    figures = {}
    for name, ids in allowed.items():
        if ids is not None:
            found = [answers[name][turn] for turn in range(len(data.questions))]
            figures[f"recall, {name}"] = recall(found, _exact(data, ids))
    own = [
        (set(answers[name][turn]), ids) for name, ids in allowed.items() if ids is not None for turn in answers[name]
    ]
    figures["foreign rows"] = float(sum(len(found - set(ids.tolist()) - {-1}) for found, ids in own))
    figures["times all, one corner"] = float(
        np.median(times["1% allowed, one corner"]) / np.median(times["all allowed"])
    )
    return Outcome(times=times, ours="1% allowed", against="all allowed", figures=figures)


def _exact(data: Drawn, allowed: Ids) -> list[list[int]]:
    scores = data.questions @ data.passages[allowed].T
    found: list[list[int]] = allowed[np.argsort(-scores, axis=1)[:, :K]].tolist()
    return found


def _row(kind: Kind, words: str) -> Row:
    least = {"recall, 1% allowed": 0.98, "recall, 1% allowed, one corner": 0.98}
    return Row(
        f"filter.{kind}",
        f"1% permission filter, {words}",
        partial(measure, kind=kind),
        must=Goal(ratio=3.0, least=least, most={"foreign rows": 0.0, "times all, one corner": 3.0}),
        aim=Goal(ratio=1.5, least=least, most={"foreign rows": 0.0, "times all, one corner": 1.5}),
        sized=True,
    )


ROWS = [_row("real", "the site's passages"), _row("clustered", "clusters drawn at random")]
