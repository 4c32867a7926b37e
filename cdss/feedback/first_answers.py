"""Automation bias, measured: the clinician's first answer before and after the system's, against what was confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from cdss.consultations.models import Consultation, Diagnosis, OwnDiagnosis, Stage, Support
from cdss.feedback.models import Feedback
from cdss.proportions import Share
from cdss.reasoning.naming import same_disease
from cdss.verdicts import Verdict

NO_GROUP = "no group"
ALL = "all"


@dataclass(frozen=True, slots=True)
class FirstAnswers:
    """Of one consultation whose diagnosis was confirmed; `after` is None where nothing was written afterwards."""

    group: str
    before: bool
    system: bool
    after: bool | None


@dataclass(frozen=True, slots=True)
class Switches:
    """Of one group. Switches are of those who wrote an answer before and after; a share of those who could switch."""

    group: str
    confirmed: int
    before: Share
    system: Share
    after: Share
    to_right: Share
    to_wrong: Share
    # Of the answers that were right while the system's was wrong, those given up: over-reliance alone.
    misled: Share


def switches_by_group(answers: Iterable[FirstAnswers]) -> list[Switches]:
    rows = list(answers)
    groups = sorted({row.group for row in rows})
    found = [_switches(group, [row for row in rows if row.group == group]) for group in groups]
    return [*found, _switches(ALL, rows)] if len(groups) > 1 else found


def _switches(group: str, rows: list[FirstAnswers]) -> Switches:
    both = [row for row in rows if row.after is not None]
    wrong_before = [row for row in both if not row.before]
    right_before = [row for row in both if row.before]
    against = [row for row in right_before if not row.system]
    return Switches(
        group=group,
        confirmed=len(rows),
        before=Share(sum(row.before for row in rows), len(rows)),
        system=Share(sum(row.system for row in rows), len(rows)),
        after=Share(sum(bool(row.after) for row in both), len(both)),
        to_right=Share(sum(bool(row.after) for row in wrong_before), len(wrong_before)),
        to_wrong=Share(sum(not row.after for row in right_before), len(right_before)),
        misled=Share(sum(not row.after for row in against), len(against)),
    )


def first_answers() -> list[FirstAnswers]:
    """Every committed consultation whose final diagnosis was confirmed, in four queries."""
    consultations = Consultation.objects.filter(committed__isnull=False)
    confirmed = _confirmed(consultations)
    groups = dict(consultations.filter(pk__in=confirmed).values_list("pk", "user_group"))
    own = {stage: _own(stage, confirmed) for stage in Stage.values}
    system = _system(confirmed)
    return [
        FirstAnswers(
            group=groups[pk] or NO_GROUP,
            before=same_disease(own[Stage.BEFORE][pk], final),
            # An abstention is not right; it misleads nobody either.
            system=pk in system and same_disease(system[pk], final),
            after=same_disease(own[Stage.AFTER][pk], final) if pk in own[Stage.AFTER] else None,
        )
        for pk, final in confirmed.items()
        if pk in own[Stage.BEFORE]
    ]


def _confirmed(consultations: QuerySet[Consultation]) -> dict[int, str]:
    """The newest final diagnosis that says how it was confirmed."""
    said = Feedback.objects.filter(verdict=Verdict.FINAL, consultation__in=consultations).exclude(confirmed_by="")
    return dict(said.order_by("created", "pk").values_list("consultation_id", "final_diagnosis"))


def _own(stage: str, confirmed: Mapping[int, str]) -> dict[int, str]:
    rows = OwnDiagnosis.objects.filter(stage=stage, rank=1, consultation__committed__isnull=False)
    return {pk: name for pk, name in rows.values_list("consultation_id", "name") if pk in confirmed}


def _system(confirmed: Mapping[int, str]) -> dict[int, str]:
    """The first diagnosis that stood, of the composer's answer: it is there for every consultation."""
    rows = Diagnosis.objects.filter(
        answer__consultation__committed__isnull=False,
        answer__writer="composer",
        statements__support__in=[Support.SUPPORTED, Support.PARTLY],
    ).order_by("answer__consultation", "-rank")
    found = rows.values_list("answer__consultation_id", "name").distinct()
    return {pk: name for pk, name in found if pk in confirmed}
