"""What the pages of the ranking show, worked out once so that their templates only loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.consultations.models import Consultation
from cdss.learning.comparing import DECIDING, DIAGNOSIS_MRR, SURPRISE
from cdss.learning.models import ShadowChange, ShadowRun
from cdss.learning.services import shadow_of
from cdss.learning.shadow import CONFIRMED_DOWN, CONFIRMED_UP, KINDS
from cdss.ranking.models import RankingWeights, State
from cdss.ranking.serving import active_weights, weights_in
from cdss.ranking.weights import WeightsError, WeightSet, packaged_weights

# Half of the width of a plot of differences stands for at least this.
SMALLEST_SCALE = 0.02
ABOUT = {
    "cases": "Published cases",
    "consultations": "Consultations with a confirmed diagnosis",
    "votes": "Groups of relevance votes",
    "teach": "Cases whose diagnosis is among what is found",
    "groups": "Groups that stay in one fold",
    "folds": "Folds",
    "seed": "Seed",
    "with_images": "With the images of the cases",
    "index_version": "Index",
    "text_encoder": "Text encoder",
    "image_encoder": "Image encoder",
    "serving": "Compared with version",
    "ids_sha256": "SHA-256 over the hashes of the cases",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure beside that of the weights that answered. Its plot is in percent: 50 is none, more is better."""

    row: Mapping[str, Any]
    decides: bool
    value: str
    low: str
    high: str

    @property
    def outcome(self) -> str:
        return str(self.row["outcome"])


@dataclass(frozen=True, slots=True)
class VersionRow:
    row: RankingWeights
    main: Difference | None
    shadow: ShadowRun | None


@dataclass(frozen=True, slots=True)
class WeightRow:
    part: str
    name: str
    before: float
    after: float

    @property
    def changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """`names` are the first diagnoses before and after, for who may open the consultation."""

    change: ShadowChange
    kinds: Sequence[str]
    names: tuple[str, str] | None

    @property
    def confirmed(self) -> str:
        if {CONFIRMED_UP, CONFIRMED_DOWN} & set(self.change.kinds):
            return f"{self.change.confirmed_before or 'not listed'} → {self.change.confirmed_after or 'not listed'}"
        return str(self.change.confirmed_before or "")


def version_rows(rows: Iterable[RankingWeights]) -> list[VersionRow]:
    found = list(rows)
    newest: dict[int, ShadowRun] = {}
    for run in ShadowRun.objects.filter(weights__in=found).order_by("pk"):
        newest[run.weights_id] = run
    return [VersionRow(row, _main(row), newest.get(row.pk)) for row in found]


def version_view(row: RankingWeights, user: User) -> dict[str, Any]:
    serving = active_weights()
    run = shadow_of(row, serving.version)
    return {
        "row": row,
        "differences": differences(row.figures),
        "learned_on": [(label, row.learned_on[name]) for name, label in ABOUT.items() if name in row.learned_on],
        "notes": row.learned_on.get("notes", []),
        "image": row.learned_on.get("image"),
        "weights": _weights(row),
        "trouble": _trouble(row),
        "run": run or row.shadow_runs.first(),
        "run_is_present": run is not None,
        "may_promote": may(user, Action.PROMOTE_RANKING) and row.state == State.PROPOSED,
    }


def serving_view() -> dict[str, Any]:
    serving = active_weights()
    row = RankingWeights.objects.select_related("promoted_by").filter(state=State.ACTIVE).first()
    return {"serving": serving, "serving_row": row, "packaged": packaged_weights()}


def run_counts(run: ShadowRun) -> list[tuple[str, int]]:
    return [(KINDS[kind], count) for kind, count in run.counts.items() if kind in KINDS]


def change_rows(changes: Sequence[ShadowChange], user: User) -> list[ChangeRow]:
    seen = Consultation.objects.for_user(user).filter(pk__in=[change.consultation_id for change in changes])
    mine = set(seen.values_list("pk", flat=True)) if may(user, Action.VIEW_CONSULTATIONS) else set()
    return [
        ChangeRow(
            change,
            [KINDS[kind] for kind in change.kinds if kind in KINDS],
            change.first_names if change.consultation_id in mine else None,
        )
        for change in changes
    ]


def differences(figures: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Shares have one scale; the surprise, which is none, has its own."""
    ends = [(row["measure"] == SURPRISE, abs(row[end])) for row in figures for end in ("low", "high", "difference")]
    scales = {kind: max([SMALLEST_SCALE, *(end for of, end in ends if of == kind)]) for kind in (True, False)}
    return [_difference(row, scales[row["measure"] == SURPRISE]) for row in figures]


def _difference(row: Mapping[str, Any], scale: float) -> Difference:
    right = -48 if row["better"] == "lower" else 48
    value, low, high = (f"{50 + right * row[name] / scale:.2f}%" for name in ("difference", "low", "high"))
    return Difference(row, row["measure"] in DECIDING, value, low, high)


def _main(row: RankingWeights) -> Difference | None:
    return next((each for each in differences(row.figures) if each.row["measure"] == DIAGNOSIS_MRR), None)


def _trouble(row: RankingWeights) -> str:
    try:
        weights_in(row)
    except WeightsError as error:
        return str(error)
    return ""


def _weights(row: RankingWeights) -> list[WeightRow]:
    """Beside those it was compared with, where they are still there; else beside the packaged ones."""
    try:
        return list(_compared(_before(row), weights_in(row)))
    except WeightsError:
        return []


def _before(row: RankingWeights) -> WeightSet:
    compared = RankingWeights.objects.filter(version=row.learned_on.get("serving", 0)).first()
    return weights_in(compared) if compared else packaged_weights()


def _compared(before: WeightSet, after: WeightSet) -> Iterator[WeightRow]:
    parts = (
        ("Search", before.search.weights, after.search.weights),
        ("Candidates", before.diagnoses.ranker.weights, after.diagnoses.ranker.weights),
        ("Calibration", before.diagnoses.calibration, after.diagnoses.calibration),
        ("Images", {"picture": before.image}, {"picture": after.image}),
    )
    for part, old, new in parts:
        for name in dict.fromkeys([*old, *new]):
            if old.get(name, 0.0) or new.get(name, 0.0):
                yield WeightRow(part, name.replace("_", " "), old.get(name, 0.0), new.get(name, 0.0))
