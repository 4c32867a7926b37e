"""Rows, goals and the run: who is measured, against whom, and whether what was wanted is reached."""

from __future__ import annotations

import importlib
import os
import pkgutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from django.apps import apps

SIZES = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000}
Contender = Callable[[int], object]
Times = Mapping[str, list[float]]


class Unmeasurable(Exception):
    """A row that this machine or this site cannot measure, with the reason."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a row has to reach: a share of the other's time, a value of its own, bounds of its other figures."""

    ratio: float | None = None
    value: float | None = None
    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)


Goals = Goal | Mapping[int, Goal] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Samples of every contender, and which two of them the goal is about.

    Args:
        times: by contender, one sample a turn.
        ours: the contender that is ours.
        against: the one it is compared with; empty where the goal is a plain value.
        unit: of the samples.
        at: the percentile that counts.
        figures: what else was measured: recall, bytes, rows that should not be there.
        notes: sentences a reader needs.
        size: how many passages there were, where that is not the row's choice.
    """

    times: Times
    ours: str
    against: str = ""
    unit: str = "ms"
    at: int = 50
    figures: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Args:
        key: what it is asked for by: words with dots, from the general to the particular.
        title: what a reader calls it.
        measure: measures it; raises Unmeasurable where it cannot.
        must: what has to be reached, at every size or by size.
        aim: what is wished for.
        sized: whether it is measured once for each size of the run, or once.
        largest: the greatest size it is measured at.
    """

    key: str
    title: str
    measure: Callable[[Bench], Outcome]
    must: Goals = None
    aim: Goals = None
    sized: bool = False
    largest: int = 1_000_000


@dataclass(slots=True)
class Bench:
    """What a row is measured with.

    Args:
        size: how many passages; 0 for a row that has no size.
        queries: how many questions are asked.
        rounds: how often what is slow (a build, a load) is repeated.
        seed: of everything drawn at random.
        folder: for files; removed after the run.
    """

    size: int
    queries: int = 100
    rounds: int = 3
    seed: int = 7
    folder: Path = Path()
    missing: dict[str, str] = field(default_factory=dict)

    def has(self, name: str, package: str) -> bool:
        """Whether a peer is installed; one that is not is named in the table."""
        if find_spec(package) is not None:
            return True
        self.left_out(name, f"{package} is not installed")
        return False

    def left_out(self, name: str, reason: str) -> None:
        self.missing[name] = reason

    def interleaved(
        self, contenders: Mapping[str, Contender], *, turns: int, warm: int = 1, together: int = 1
    ) -> dict[str, list[float]]:
        """Milliseconds of each contender for each turn, in a turning order; the first `warm` turns are not counted.

        Each answers so many turns `together` before it is the next one's: a contender that reads gigabytes for one
        answer leaves nothing of the others in the caches of the processor.
        """
        names = list(contenders)
        times: dict[str, list[float]] = {name: [] for name in names}
        starts = range(warm, warm + turns, together)
        for block in [range(warm), *(range(start, min(start + together, warm + turns)) for start in starts)]:
            for place in range(len(names)):
                name = names[(block.start // together + place) % len(names)]
                for turn in block:
                    start = time.perf_counter()
                    # Not the question that comes next: who remembers the last one would be asked it for nothing.
                    contenders[name]((turn - warm) % turns)
                    if turn >= warm:
                        times[name].append((time.perf_counter() - start) * 1000)
        return times


@dataclass(frozen=True, slots=True)
class Summary:
    median: float
    p95: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One row at one size, as it is stored and shown."""

    key: str
    title: str
    size: int
    unit: str
    at: int
    ours: str
    against: str
    contenders: Mapping[str, Summary]
    ratio: float | None
    figures: Mapping[str, float]
    must: Goal | None
    aim: Goal | None
    must_reached: bool | None
    aim_reached: bool | None
    left_out: Mapping[str, str]
    notes: Sequence[str]
    load: float
    seconds: float


def rows() -> list[Row]:
    """Of every `benchmarks` package of the installed apps, in the order of their keys."""
    return sorted(
        (row for module in _modules() for row in getattr(importlib.import_module(module), "ROWS", ())), key=_key
    )


def run(
    *, chosen: Sequence[Row], sizes: Sequence[int], queries: int, rounds: int, seed: int, folder: Path
) -> Iterator[Measured]:
    """Every row at every size it is meant for, one after the other."""
    for row in chosen:
        for size in [size for size in sizes if size <= row.largest] if row.sized else [0]:
            started = time.perf_counter()
            bench = Bench(size, queries, rounds, seed, folder)
            try:
                outcome = row.measure(bench)
            except Unmeasurable as reason:
                outcome = Outcome(times={}, ours="", notes=[f"Not measured: {reason}."])
            yield measured(row, bench, outcome, time.perf_counter() - started)


def measured(row: Row, bench: Bench, outcome: Outcome, seconds: float) -> Measured:
    contenders = {name: _summary(values) for name, values in outcome.times.items() if values}
    ours, against = contenders.get(outcome.ours), contenders.get(outcome.against)
    ratio = _at(ours, outcome.at) / _at(against, outcome.at) if ours and against and _at(against, outcome.at) else None
    must, aim = (_goal(goals, bench.size) for goals in (row.must, row.aim))
    value = _at(ours, outcome.at) if ours else None
    return Measured(
        key=row.key,
        title=row.title,
        size=outcome.size or bench.size,
        unit=outcome.unit,
        at=outcome.at,
        ours=outcome.ours,
        against=outcome.against,
        contenders=contenders,
        ratio=ratio,
        figures=dict(outcome.figures),
        must=must,
        aim=aim,
        must_reached=_reached(must, ratio, value, outcome.figures),
        aim_reached=_reached(aim, ratio, value, outcome.figures),
        left_out=dict(bench.missing),
        notes=tuple(outcome.notes),
        load=round(os.getloadavg()[0], 2),
        seconds=round(seconds, 1),
    )


def _goal(goals: Goals, size: int) -> Goal | None:
    return goals if goals is None or isinstance(goals, Goal) else goals.get(size)


def _reached(goal: Goal | None, ratio: float | None, value: float | None, figures: Mapping[str, float]) -> bool | None:
    """None where there is no goal, or nothing to hold it to."""
    if goal is None:
        return None
    named = {**goal.least, **goal.most}
    if not named.keys() <= figures.keys():
        return None
    held = [figures[name] >= bound for name, bound in goal.least.items()]
    held += [figures[name] <= bound for name, bound in goal.most.items()]
    for bound, found in ((goal.ratio, ratio), (goal.value, value)):
        if bound is not None:
            if found is None:
                return None
            held.append(found <= bound)
    return all(held)


def _summary(values: Sequence[float]) -> Summary:
    median, p95 = np.percentile(values, [50, 95])
    return Summary(float(median), float(p95), float(min(values)), float(max(values)), len(values))


def _at(summary: Summary, percentile: int) -> float:
    return summary.median if percentile == 50 else summary.p95


def _modules() -> Iterator[str]:
    for app in apps.get_app_configs():
        package = Path(app.path) / "benchmarks"
        if package.is_dir():
            yield from (f"{app.name}.benchmarks.{found.name}" for found in pkgutil.iter_modules([str(package)]))


def _key(row: Row) -> tuple[str, str]:
    return row.key, row.title
