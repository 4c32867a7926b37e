"""What the dashboard shows, worked out once so that its templates only loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cdss.consultations.models import Status
from cdss.evaluation.plots import Reliability, Strip, reliability, strip
from cdss.oversight import figures
from cdss.oversight.figures import DIMENSIONS, DRIFT, MEASURES, Gap, Measure, Tally
from cdss.oversight.reading import read
from cdss.oversight.simulation import simulated
from cdss.proportions import Share
from retrieval.metrics import calibration_error, reliability_bins

KINDS = {
    "diagnosis": "Diagnoses agreed with",
    "statement": "Statements agreed with",
    "citation": "Citations agreed with",
    "consultation": "Whole answers agreed with",
    "evidence": "Evidence found relevant",
}
STATES = (Status.DONE, Status.ABSTAINED, Status.FAILED, Status.CANCELLED)
BAR_HEIGHT, BAR_WIDTH, BAR_STEP = 120.0, 22.0, 30.0
FEWEST_FOR_CALIBRATION = 20
NOT_SUPPORTED = "Statements not supported"
DRIFT_MEASURES = (*(measure.name for measure in MEASURES.values()), NOT_SUPPORTED)


@dataclass(frozen=True, slots=True)
class Line:
    """A share on its line from 0 to 1."""

    name: str
    share: Share
    strip: Strip
    flagged: bool = False
    about: str = ""

    @property
    def low(self) -> float:
        return self.share.interval[0]

    @property
    def high(self) -> float:
        return self.share.interval[1]


@dataclass(frozen=True, slots=True)
class Table:
    slug: str
    title: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Bar:
    """One month: stacked counts from the bottom, in the units of the plot."""

    label: str
    x: float
    parts: Sequence[tuple[str, float, float]]
    counts: Sequence[int]
    total: int


@dataclass(frozen=True, slots=True)
class DriftTable:
    dimension: str
    # Group, size, and the figures of the group, each with the name of its column.
    rows: Sequence[tuple[str, int, Sequence[tuple[str, Line | None]]]]


@dataclass(frozen=True, slots=True)
class Dashboard:
    total: int
    simulated: int
    headline: Sequence[Line]
    agreement: Sequence[Line]
    bars: Sequence[Bar]
    overrides: Sequence[tuple[str, int, Mapping[str, int]]]
    measure: Measure
    subgroups: Sequence[Table]
    gaps: Sequence[Gap]
    drift: Sequence[DriftTable]
    reliability: Reliability | None
    calibration_error: float
    calibrated_on: int
    drift_measures: Sequence[str]

    @property
    def flagged(self) -> list[Gap]:
        return [gap for gap in self.gaps if gap.is_flagged]

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in STATES]

    @property
    def width(self) -> float:
        return max(len(self.bars), 1) * BAR_STEP


def dashboard(wanted: Mapping[str, Any]) -> Dashboard:
    found = read(wanted)
    measure = MEASURES.get(str(wanted.get("measure")), MEASURES["first"])
    tally, told = Tally.of(found.cases), figures.calibration(found.cases)
    gaps = figures.gaps(tally)
    enough = len(told.right) >= FEWEST_FOR_CALIBRATION
    bins = [asdict(each) for each in reliability_bins(told.confidence, told.right)] if enough else []
    return Dashboard(
        total=sum(found.asked.values()),
        simulated=simulated().count(),
        headline=_headline(tally),
        agreement=[_line(KINDS[kind], share) for kind, share in figures.agreement(found.words).items()],
        bars=_bars(found.asked),
        overrides=figures.overrides(found.words),
        measure=measure,
        subgroups=[_subgroup(tally, measure, name, gaps) for name in DIMENSIONS],
        gaps=gaps,
        drift=_drift(tally),
        reliability=reliability(bins) if bins else None,
        calibration_error=calibration_error(told.confidence, told.right) if enough else 0.0,
        calibrated_on=len(told.right),
        drift_measures=DRIFT_MEASURES,
    )


def _line(name: str, share: Share, *, flagged: bool = False, about: str = "") -> Line:
    return Line(name, share, strip(share.value, *share.interval), flagged, about)


def _headline(tally: Tally) -> list[Line]:
    answered = figures.share(tally, MEASURES["answered"])
    abstained = Share(answered.n - answered.count, answered.n)
    lines = [_line(each.name, figures.share(tally, each), about=each.about) for each in MEASURES.values()]
    lines.insert(1, _line("Abstained", abstained))
    return [*lines, _line(NOT_SUPPORTED, figures.unsupported(tally), about="moved out of answers")]


def _subgroup(tally: Tally, measure: Measure, dimension: str, gaps: Sequence[Gap]) -> Table:
    shares = figures.by_group(tally, measure, dimension)
    flagged = {
        group
        for gap in gaps
        if gap.is_flagged and (gap.measure, gap.dimension) == (measure, dimension)
        for group in (gap.low,)
    }
    lines = [_line(group, share, flagged=group in flagged) for group, share in shares.items()]
    return Table(f"by-{dimension}", f"By {dimension}", lines)


def _drift(tally: Tally) -> list[DriftTable]:
    columns = {
        name: [
            *(figures.by_group(tally, measure, name) for measure in MEASURES.values()),
            figures.unsupported_by(tally, name),
        ]
        for name in DRIFT
    }
    looks = sum(len(shares) for found in columns.values() for shares in found)
    return [_drift_table(name, figures.sizes(tally, name), found, looks) for name, found in columns.items()]


def _drift_table(name: str, sizes: Mapping[str, int], columns: Sequence[Mapping[str, Share]], looks: int) -> DriftTable:
    flagged = [figures.drifted(shares, looks) for shares in columns]
    rows = []
    for group, size in sizes.items():
        cells = [
            (
                column,
                _line(group, shares[group], flagged=group in marked) if group in shares and shares[group].n else None,
            )
            for column, shares, marked in zip(DRIFT_MEASURES, columns, flagged, strict=True)
        ]
        rows.append((group, size, cells))
    return DriftTable(name, rows)


def _bars(asked: Mapping[tuple[str, str], int]) -> list[Bar]:
    months = sorted({month for month, _ in asked})
    totals = [sum(asked.get((month, state.value), 0) for state in STATES) for month in months]
    most = max(totals, default=0)
    return [_bar(place, month, asked, most) for place, month in enumerate(months)] if most else []


def _bar(place: int, month: str, asked: Mapping[tuple[str, str], int], most: int) -> Bar:
    counts = [asked.get((month, state.value), 0) for state in STATES]
    parts, top = [], BAR_HEIGHT
    for state, count in zip(STATES, counts, strict=True):
        height = round(BAR_HEIGHT * count / most, 2)
        top -= height
        parts.append((state.value, round(top, 2), height))
    return Bar(month, place * BAR_STEP + (BAR_STEP - BAR_WIDTH) / 2, parts, counts, sum(counts))
