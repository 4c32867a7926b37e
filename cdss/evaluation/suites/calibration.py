"""Whether the first diagnosis is right as often as the product is sure of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from cdss.evaluation.baselines import DENSE
from cdss.evaluation.figures import PLACES, PRODUCT, Asked, Result
from cdss.evaluation.workbench import Workbench
from cdss.reasoning.naming import same_as_any
from cdss.reasoning.types import DiagnosisDraft
from retrieval.metrics import calibration_error, reliability_bins, risk_area, risk_coverage
from retrieval.types import Floats, Mask

POINTS = 100


def run(bench: Workbench) -> Result:
    answered = [place for place, outcome in enumerate(bench.outcomes) if outcome.diagnoses]
    result = Result()
    if not answered:
        result.notes.append("No consultation gave a diagnosis.")
        return result
    tops = [bench.outcomes[place].diagnoses[0] for place in answered]
    correct = np.array(
        [same_as_any(top.name, bench.cases[place].names) for top, place in zip(tops, answered, strict=True)]
    )
    asked, sure = bench.asked(answered), np.array([confidence_of(top) for top in tops])
    # What a plain search would go by: how near the nearest passage is.
    nearest = np.clip([bench.outcomes[place].retrieved.best_dense for place in answered], 0.0, 1.0)
    result.figures += asked.mean("first diagnosis right", PRODUCT, correct.astype(float).tolist())
    for system, confidence in ((PRODUCT, sure), (DENSE, nearest)):
        result.figures += _of(asked, system, confidence, correct)
    result.tables = {
        "reliability": [_rounded(asdict(each)) for each in reliability_bins(sure, correct.tolist())],
        "risk_coverage": _curve(sure, correct),
        "likelihood": _words(tops, correct),
    }
    told = sum(probability_of(top) is not None for top in tops)
    result.notes.append(f"{told} of {len(tops)} answers state a probability; of the others the score is read.")
    result.notes.append(f"{len(bench.cases) - len(answered)} of {len(bench.cases)} cases have no answer.")
    return result


def confidence_of(draft: DiagnosisDraft) -> float:
    probability = probability_of(draft)
    return min(max(draft.score if probability is None else probability, 0.0), 1.0)


def probability_of(draft: DiagnosisDraft) -> float | None:
    value = getattr(draft, "probability", None)
    return None if value is None else float(value)


def _of(asked: Asked, system: str, confidence: Floats, correct: Mask) -> list[Any]:
    return [
        *asked.of(
            "calibration error",
            system,
            lambda rows: calibration_error(confidence[rows], correct[rows].tolist()),
            "lower",
        ),
        *asked.of(
            "area under risk and coverage",
            system,
            lambda rows: risk_area(confidence[rows], correct[rows].tolist()),
            "lower",
        ),
    ]


def _curve(confidence: Floats, correct: Mask) -> list[dict[str, Any]]:
    coverage, risk = risk_coverage(confidence, correct.tolist())
    # Answers of equal confidence share a point.
    last = np.unique(coverage, return_index=True)[1]
    chosen = last[np.unique(np.linspace(0, len(last) - 1, min(POINTS, len(last))).round().astype(int))]
    return [_rounded({"coverage": float(coverage[place]), "risk": float(risk[place])}) for place in chosen]


def _words(tops: Sequence[DiagnosisDraft], correct: Mask) -> list[dict[str, Any]]:
    """How often each word of likelihood was right."""
    words = sorted({top.likelihood for top in tops} - {""})
    rows = {word: correct[[top.likelihood == word for top in tops]] for word in words}
    return [_rounded({"likelihood": word, "n": len(hits), "right": float(hits.mean())}) for word, hits in rows.items()]


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, PLACES) if isinstance(value, float) else value for name, value in row.items()}
