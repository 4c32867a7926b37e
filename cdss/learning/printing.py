"""What was learned, and what a shadow run found, as JSON and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cdss.learning.learning import Learned
from cdss.learning.models import ShadowRun
from cdss.learning.shadow import KINDS
from cdss.ranking.models import RankingWeights

FORMAT = 1
COLUMNS = ("serving", "learned", "difference")


def learned_report(learned: Learned, stored: RankingWeights | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "outcome": learned.outcome,
        "proposed": stored.version if stored else None,
        "serving": {"version": learned.serving.version, "sha256": learned.serving.sha256},
        "figures": [figure.as_json() for figure in learned.figures],
        "learned_on": {name: value for name, value in learned.learned_on.items() if name != "ids"},
        "notes": list(learned.notes),
        "weights": dict(learned.weights.data),
        "sha256": learned.weights.sha256,
    }


def learned_lines(report: Mapping[str, Any]) -> Iterator[str]:
    on = report["learned_on"]
    yield f"{on['cases']} cases, {on['consultations']} consultations, {on['votes']} votes; {on['folds']} folds"
    width = max(len(row["measure"]) for row in report["figures"])
    yield f"  {'':<{width}}  {'n':>5}  " + "  ".join(f"{name:>10}" for name in COLUMNS) + "  95% interval"
    for row in report["figures"]:
        cells = "  ".join(f"{row[name]:>10.3f}" for name in COLUMNS)
        interval = f"{row['low']:+.3f} to {row['high']:+.3f}"
        yield f"  {row['measure']:<{width}}  {row['n']:>5}  {cells}  {interval}  {row['outcome']}"
    for note in report["notes"]:
        yield f"  {note}"


def shadow_report(run: ShadowRun) -> dict[str, Any]:
    changes = list(run.changes.all())
    return {
        "format": FORMAT,
        "version": run.weights.version,
        "against": run.against,
        "index_version": run.index_version,
        "replayed": run.replayed,
        "failed": run.failed,
        "changed": len(changes),
        "counts": run.counts,
        "changes": [
            {
                "consultation": change.consultation_id,
                "kinds": change.kinds,
                "before": change.before,
                "after": change.after,
                "confirmed_before": change.confirmed_before,
                "confirmed_after": change.confirmed_after,
            }
            for change in changes
        ],
    }


def shadow_lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Version {report['version']} against {report['against'] or 'the packaged weights'}: {report['changed']} of "
        f"{report['replayed']} consultations would change; {report['failed']} could not be run again."
    )
    for change in report["changes"]:
        yield f"  C-{change['consultation']}: {', '.join(KINDS[kind] for kind in change['kinds'])}"
