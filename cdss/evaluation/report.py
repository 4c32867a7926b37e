"""A run as JSON, and whether another one is worse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdss.evaluation.figures import PRODUCT
from cdss.evaluation.models import EvaluationRun

FORMAT = 1
# Figures are stored rounded.
ROUNDING = 1e-4


class StoredReportError(ValueError):
    """A stored report that cannot be compared with. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Worse:
    suite: str
    measure: str
    cases: str
    before: float
    now: float | None
    limit: float

    def __str__(self) -> str:
        name = f"{self.suite}: {self.measure} ({self.cases} cases)"
        if self.now is None:
            return f"{name} was {self.before:.3f} and is not measured any more"
        return f"{name} was {self.before:.3f} and is {self.now:.3f}, beyond {self.limit:.3f}"


def report_of(runs: Sequence[EvaluationRun], *, suite: str, limit: int | None) -> dict[str, Any]:
    first = runs[0]
    return {
        "format": FORMAT,
        "suite": suite,
        "when": first.started.isoformat(timespec="seconds"),
        "data": {
            "label": first.data_label,
            "cases": first.cases,
            "sha256": first.cases_sha256,
            "limit": limit,
            "seed": first.seed,
        },
        "configuration": first.configuration,
        "suites": {
            run.suite: {
                "seconds": round((run.finished - run.started).total_seconds(), 1),
                "figures": run.figures,
                "tables": run.tables,
                "notes": run.notes,
            }
            for run in runs
        },
    }


def stored_report(path: Path) -> dict[str, Any]:
    """Raises StoredReportError and OSError."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        usable = (
            report["format"] == FORMAT
            and report["data"]["sha256"]
            and all(
                {"measure", "system", "cases", "value", "low", "high", "n", "better"} <= set(row)
                for suite in report["suites"].values()
                for row in suite["figures"]
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoredReportError(f"{path} is not a report of manage.py evaluate --output.") from error
    if not usable:
        raise StoredReportError(f"{path} is of another format. Make it again with manage.py evaluate --output.")
    return dict(report)


def compared(report: Mapping[str, Any], stored: Mapping[str, Any]) -> list[Worse]:
    """The product's figures that fell below the stored ones by more than their interval.

    Raises StoredReportError when the two were not measured on the same cases, or share no suite.
    """
    if report["data"]["sha256"] != stored["data"]["sha256"]:
        raise StoredReportError(
            f"The stored report was measured on other cases ({stored['data']['label']}, {stored['data']['cases']} of "
            f"them; now {report['data']['label']}, {report['data']['cases']}). Give the same cases, --limit and "
            "--seed, or make it again with --output."
        )
    shared = [name for name in stored["suites"] if name in report["suites"]]
    if not shared:
        raise StoredReportError("The stored report has none of the suites of this run.")
    return [worse for name in shared for worse in _compared(name, report["suites"][name], stored["suites"][name])]


def _compared(suite: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Worse]:
    found = {_key(row): row for row in now["figures"]}
    for row in before["figures"]:
        if row["system"] != PRODUCT:
            continue
        lower = row["better"] == "lower"
        limit = _limit(row, lower=lower)
        current = found.get(_key(row))
        value = current["value"] if current else None
        if value is None or (value > limit + ROUNDING if lower else value < limit - ROUNDING):
            yield Worse(suite, row["measure"], row["cases"], row["value"], value, limit)


def _limit(row: Mapping[str, Any], *, lower: bool) -> float:
    """The end of the interval. One case may always go wrong: where all were right the interval has no width."""
    one = 1 / max(row["n"], 1)
    return max(row["high"], row["value"] + one) if lower else min(row["low"], row["value"] - one)


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["measure"], row["system"], row["cases"]
