"""What has been measured, out of the stored runs of the evaluation and out of use on this site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cdss.evaluation.figures import ALL, PRODUCT
from cdss.evaluation.models import EvaluationRun
from cdss.oversight import figures
from cdss.oversight.figures import MEASURES, Tally
from cdss.oversight.reading import read
from cdss.proportions import Share

NOT_KNOWN = "Not known."
COMPARED_FROM = figures.COMPARED_FROM


@dataclass(frozen=True, slots=True)
class Measured:
    """The newest run of each suite, and the consultations of this site that nobody simulated."""

    runs: Mapping[str, EvaluationRun]
    tally: Tally

    @classmethod
    def now(cls) -> Measured:
        runs = {run.suite: run for run in EvaluationRun.objects.latest_of_each_suite()}
        return cls(runs, Tally.of(read({"simulated": False}).cases))

    def figure(self, suite: str, measure: str) -> Mapping[str, Any] | None:
        run = self.runs.get(suite)
        rows = run.figures if run else ()
        found = (row for row in rows if (row["measure"], row["system"], row["cases"]) == (measure, PRODUCT, ALL))
        return next(found, None)

    def told(self, suite: str, *measures: str) -> str:
        """The figures of a suite as one sentence, and on what they were measured."""
        rows = [(measure, self.figure(suite, measure)) for measure in measures]
        known = [f"{measure} {_shown(row)}" for measure, row in rows if row]
        run = self.runs.get(suite)
        if not known or run is None:
            return NOT_KNOWN
        return f"{'; '.join(known)}. {self.basis(suite)}"

    def gaps(self) -> str:
        run = self.runs.get("subgroups")
        names = [row["measure"] for row in run.figures if "largest gap" in row["measure"]] if run else []
        first = [name for name in names if "first 5" in name] or names
        return self.told("subgroups", *dict.fromkeys(first))

    def basis(self, suite: str) -> str:
        run = self.runs.get(suite)
        if run is None:
            return NOT_KNOWN
        return f"Measured {run.started:%Y-%m-%d} on {run.cases} cases ({run.data_label}), by run {run.pk} of “{suite}”."

    def local(self) -> str:
        shares = [(measure.name, figures.share(self.tally, measure)) for measure in MEASURES.values()]
        known = [f"{name} {_share(share)}" for name, share in shares if share.n]
        return f"On this site: {'; '.join(known)}." if known else NOT_KNOWN

    def local_gaps(self) -> str:
        found = figures.gaps(self.tally)
        if not found:
            return NOT_KNOWN
        beyond = [gap for gap in found if gap.is_flagged]
        told = [_gap(gap) for gap in beyond or found[:1]]
        words = (
            "Beyond chance" if beyond else f"None beyond chance among groups of at least {COMPARED_FROM}; the widest"
        )
        return f"{words}: {'; '.join(told)}."

    def rows(self) -> Iterator[tuple[str, str]]:
        """Every figure of every suite on all cases."""
        for suite, run in self.runs.items():
            for row in run.figures:
                if (row["system"], row["cases"]) == (PRODUCT, ALL):
                    yield f"{suite}: {row['measure']}", _shown(row)


def _shown(row: Mapping[str, Any]) -> str:
    return f"{row['value']:.3f} ({row['low']:.3f}–{row['high']:.3f}, n {row['n']})"


def _share(share: Share) -> str:
    low, high = share.interval
    return f"{share.value:.3f} ({low:.3f}–{high:.3f}, n {share.n})"


def _gap(gap: figures.Gap) -> str:
    low, high = f"{gap.low} {_share(gap.low_share)}", f"{gap.high} {_share(gap.high_share)}"
    return f"{gap.measure.name} by {gap.dimension}, {low} and {high}"
