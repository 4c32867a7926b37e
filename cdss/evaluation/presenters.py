"""What the evaluation pages show, worked out once so that their templates only loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.text import slugify

from cdss.evaluation.figures import ALL, NOT_GIVEN_AWAY, PRODUCT
from cdss.evaluation.models import EvaluationRun
from cdss.evaluation.plots import Curve, Reliability, Strip, reliability, risk_coverage, strip

SUBGROUP_BASELINE = "fusion"
SYSTEMS = {
    PRODUCT: "This product",
    "bm25": "BM25",
    "dense": "Dense alone",
    "fusion": "Rank fusion",
    "langchain": "LangChain",
    "chance": "Chance",
}
CASES = {ALL: "all cases", NOT_GIVEN_AWAY: "cases whose text does not give it away"}


@dataclass(frozen=True, slots=True)
class Suite:
    title: str
    about: str
    # What the overview shows of it; the first one is followed through the history.
    headline: Sequence[str]


SUITES: Mapping[str, Suite] = {
    "differential": Suite(
        "Differential diagnosis",
        "From the text of a case to its ranked diagnoses, with its own source, patient and copies kept out.",
        ("gold in the first 1", "gold in the first 5", "gold in the first 10"),
    ),
    "topics": Suite(
        "Topic of a case",
        "From the text of a case to the text about its disease, among all literature.",
        ("R@1", "R@5", "R@10"),
    ),
    "images": Suite(
        "Images",
        "From an image to one of the same kind in another case, and from words to an image of the same case.",
        (
            "same modality and region P@1",
            "same diagnosis P@1",
            "text to an image of the same case, R@10",
        ),
    ),
    "gate": Suite(
        "Gate",
        "Claims made from real sentences, true ones and changed ones: what is let through and what is refused.",
        ("false claims caught", "true claims refused"),
    ),
    "calibration": Suite(
        "Calibration",
        "Whether the first diagnosis is right as often as the product is sure of it.",
        ("calibration error", "area under risk and coverage", "first diagnosis right"),
    ),
    "subgroups": Suite(
        "Subgroups",
        "How far apart groups of patients and of examinations are.",
        (
            "gold in the first 5, largest gap by sex",
            "gold in the first 5, largest gap by age",
            "gold in the first 5, largest gap by modality",
            "gold in the first 5, largest gap by region",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One system's figure of a measure."""

    name: str
    is_product: bool
    value: float
    low: float
    high: float
    strip: Strip


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    n: int
    lower_is_better: bool
    rows: Sequence[Row]
    # Of the product, against the newest earlier run on the same cases.
    change: float | None = None

    @property
    def is_better(self) -> bool:
        return self.change is not None and (self.change < 0) == self.lower_is_better

    @property
    def change_size(self) -> float:
        return abs(self.change or 0.0)


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    measures: Sequence[Measure]


@dataclass(frozen=True, slots=True)
class Bar:
    """A group's figure, and that of the plain method on the same cases."""

    group: str
    n: int
    value: float
    low: float
    high: float
    strip: Strip
    plain: Bar | None = None


@dataclass(frozen=True, slots=True)
class Subgroups:
    slug: str
    dimension: str
    measure: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class RunView:
    run: EvaluationRun
    suite: Suite
    headline: Sequence[Measure]
    groups: Sequence[Group] = ()
    subgroups: Sequence[Subgroups] = ()
    reliability: Reliability | None = None
    risk: Curve | None = None
    likelihood: Sequence[Mapping[str, Any]] = ()
    configuration: Sequence[tuple[str, str]] = field(default=())


@dataclass(frozen=True, slots=True)
class HistoryRow:
    run: EvaluationRun
    title: str
    measure: str
    figure: Mapping[str, Any] | None


def suite_titles() -> list[tuple[str, str]]:
    return [(name, suite.title) for name, suite in SUITES.items()]


def latest_of_each() -> list[RunView]:
    latest = {run.suite: run for run in EvaluationRun.objects.latest_of_each_suite()}
    return [_overview(latest[name]) for name in SUITES if name in latest]


def run_view(run: EvaluationRun) -> RunView:
    suite = _suite(run.suite)
    tables = run.tables
    return RunView(
        run,
        suite,
        _headline(run, suite),
        _groups(run),
        list(_subgroups(tables.get("groups", ()))),
        reliability(tables["reliability"]) if tables.get("reliability") else None,
        risk_coverage(tables["risk_coverage"]) if tables.get("risk_coverage") else None,
        tables.get("likelihood", ()),
        list(_flat(run.configuration)),
    )


def history_rows(runs: Iterable[EvaluationRun]) -> list[HistoryRow]:
    return [_history_row(run) for run in runs]


def _overview(run: EvaluationRun) -> RunView:
    suite = _suite(run.suite)
    return RunView(run, suite, _headline(run, suite))


def _suite(name: str) -> Suite:
    return SUITES.get(name) or Suite(name, "", ())


def _headline(run: EvaluationRun, suite: Suite) -> list[Measure]:
    before = EvaluationRun.objects.comparable_before(run).first()
    known = {_key(row): row["value"] for row in before.figures} if before else {}
    found = {measure.name: measure for measure in _measures(run.figures, ALL, known)}
    return [found[name] for name in suite.headline if name in found]


def _groups(run: EvaluationRun) -> list[Group]:
    return [Group(title, measures) for cases, title in CASES.items() if (measures := _measures(run.figures, cases, {}))]


def _subgroups(rows: Sequence[Mapping[str, Any]]) -> Iterator[Subgroups]:
    """One plot for each measure and dimension."""
    for measure in dict.fromkeys(row["measure"] for row in rows):
        for dimension in dict.fromkeys(row["dimension"] for row in rows):
            mine = [row for row in rows if (row["measure"], row["dimension"]) == (measure, dimension)]
            plain = {row["group"]: _bar(row) for row in mine if row["system"] == SUBGROUP_BASELINE}
            bars = [_bar(row, plain.get(row["group"])) for row in mine if row["system"] == PRODUCT]
            yield Subgroups(slugify(f"{dimension} {measure}"), dimension, measure, bars)


def _bar(row: Mapping[str, Any], plain: Bar | None = None) -> Bar:
    value, low, high = row["value"], row["low"], row["high"]
    return Bar(row["group"], row["n"], value, low, high, strip(value, low, high), plain)


def _measures(
    figures: Sequence[Mapping[str, Any]], cases: str, before: Mapping[tuple[str, str, str], float]
) -> list[Measure]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for figure in figures:
        if figure["cases"] == cases:
            rows.setdefault(figure["measure"], []).append(figure)
    return [_measure(name, found, before) for name, found in rows.items()]


def _measure(name: str, rows: Sequence[Mapping[str, Any]], before: Mapping[tuple[str, str, str], float]) -> Measure:
    mine = next((row for row in rows if row["system"] == PRODUCT), None)
    earlier = before.get(_key(mine)) if mine else None
    return Measure(
        name=name,
        n=rows[0]["n"],
        lower_is_better=rows[0]["better"] == "lower",
        rows=[_row(row) for row in rows],
        change=round(mine["value"] - earlier, 4) if mine and earlier is not None else None,
    )


def _row(figure: Mapping[str, Any]) -> Row:
    value, low, high = figure["value"], figure["low"], figure["high"]
    name = SYSTEMS.get(figure["system"], figure["system"])
    return Row(name, figure["system"] == PRODUCT, value, low, high, strip(value, low, high))


def _history_row(run: EvaluationRun) -> HistoryRow:
    suite = _suite(run.suite)
    measure = suite.headline[0] if suite.headline else ""
    figures = (row for row in run.figures if _key(row) == (measure, PRODUCT, ALL))
    return HistoryRow(run, suite.title, measure, next(figures, None))


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["measure"], row["system"], row["cases"]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        shown = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{shown} · ")
        else:
            yield shown, str(value)
