"""The differential for groups of patients and of examinations, and how far the groups are apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from cdss.evaluation.baselines import FUSION
from cdss.evaluation.cases import KnownCase
from cdss.evaluation.figures import ALL, PRODUCT, Asked, Figure, Result
from cdss.evaluation.suites.differential import named_outcomes, plain_differentials, rank_among
from cdss.evaluation.workbench import Workbench
from cdss.library.patient_groups import BANDS, NOT_STATED, age_band, sex_group
from retrieval.types import Floats, Ids, Mask

DEPTHS = (1, 5)
# A group of fewer cases is shown and not compared: its figure is chance.
COMPARED_FROM = 10
Members = Mapping[str, Mask]


def run(bench: Workbench) -> Result:
    plain = bench.once("plain differentials", lambda: plain_differentials(bench))
    asked, result = bench.asked(range(len(bench.cases))), Result()
    rows: list[dict[str, object]] = []
    for system, ranked in ((PRODUCT, named_outcomes(bench)), (FUSION, plain[FUSION])):
        ranks = [rank_among(names, known) for names, known in zip(ranked, bench.cases, strict=True)]
        for depth in DEPTHS:
            name = f"gold in the first {depth}"
            values = np.array([float(rank is not None and rank <= depth) for rank in ranks])
            for dimension, groups_of in DIMENSIONS.items():
                members = _members(bench.cases, groups_of)
                for group, flags in members.items():
                    figure = _of_group(asked, f"{name}, {dimension} {group}", system, values, flags)
                    result.figures.append(figure)
                    rows.append({**figure.as_json(), "dimension": dimension, "group": group, "measure": name})
                result.figures += _gap(asked, f"{name}, largest gap by {dimension}", system, values, members)
    result.figures.sort(key=lambda figure: "largest gap" not in figure.measure)
    result.tables["groups"] = rows
    result.notes.append(f"Gaps are between groups of at least {COMPARED_FROM} cases.")
    return result


def _age(known: KnownCase) -> Sequence[str]:
    return (age_band(known.age_years),)


def _sex(known: KnownCase) -> Sequence[str]:
    return (sex_group(known.case.sex),)


def _modality(known: KnownCase) -> Sequence[str]:
    return sorted({image.modality or NOT_STATED for image in known.images}) or (NOT_STATED,)


def _region(known: KnownCase) -> Sequence[str]:
    return sorted({image.region or NOT_STATED for image in known.images}) or (NOT_STATED,)


DIMENSIONS: Mapping[str, Callable[[KnownCase], Sequence[str]]] = {
    "age": _age,
    "sex": _sex,
    "modality": _modality,
    "region": _region,
}


def _members(cases: Sequence[KnownCase], groups_of: Callable[[KnownCase], Sequence[str]]) -> Members:
    """Which cases are in each group; one with images of two modalities is in both."""
    groups = [groups_of(known) for known in cases]
    names = sorted({name for found in groups for name in found}, key=lambda name: (name == NOT_STATED, name))
    names.sort(key=lambda name: BANDS.index(name) if name in BANDS else 0)
    return {name: np.array([name in found for found in groups]) for name in names}


def _of_group(asked: Asked, measure: str, system: str, values: Floats, flags: Mask) -> Figure:
    rows = np.flatnonzero(flags)
    return Asked(asked.groups[rows], asked.seed).mean(measure, system, values[rows].tolist())[0]


def _gap(asked: Asked, measure: str, system: str, values: Floats, members: Members) -> list[Figure]:
    compared = [flags for flags in members.values() if flags.sum() >= COMPARED_FROM]
    if len(compared) < 2:
        return []
    found = asked.of(measure, system, partial(_largest_gap, values, compared), "lower")
    return [figure for figure in found if figure.cases == ALL]


def _largest_gap(values: Floats, groups: Sequence[Mask], rows: Ids) -> float:
    means = [float(values[rows][flags[rows]].mean()) for flags in groups if flags[rows].any()]
    return max(means, default=0.0) - min(means, default=0.0)
