from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch

from cdss.accounts.models import User
from cdss.consultations.models import Consultation, Evidence
from cdss.consultations.presenters import Page, page_of
from cdss.drills.models import Change, Drill, DrillRun
from cdss.proportions import Share


@dataclass(frozen=True, slots=True)
class Detection:
    name: str
    runs: int
    waiting: int
    found: Share
    # Statements called wrong that were not the planted one, for each run handed in.
    beside: float | None


def page_of_run(run: DrillRun) -> Page:
    """The answer as the learner reads it: the planted text stands in memory alone, in the place of the real one."""
    rows = Consultation.objects.select_related("user").prefetch_related(
        "images",
        "steps",
        "own_diagnoses",
        Prefetch("evidence", Evidence.objects.select_related("image")),
        "answers__diagnoses__statements__citations",
    )
    consultation = rows.get(pk=run.drill.consultation_id)
    page = page_of(consultation, user=run.learner, writer=run.drill.answer.writer)
    for diagnosis in page.answer.diagnoses.all() if page.answer else ():
        for statement in diagnosis.statements.all():
            if statement.pk == run.drill.statement_id:
                statement.text = run.drill.planted
    return page


def detection(name: str, runs: Iterable[DrillRun]) -> Detection:
    rows = list(runs)
    handed_in = [run for run in rows if run.submitted]
    beside = sum(len(run.marked) - bool(run.detected) for run in handed_in)
    return Detection(
        name=name,
        runs=len(handed_in),
        waiting=len(rows) - len(handed_in),
        found=Share(sum(bool(run.detected) for run in handed_in), len(handed_in)),
        beside=beside / len(handed_in) if handed_in else None,
    )


def detections_by_change(user: User) -> Sequence[Detection]:
    """Of all drills this user may read, by what was changed; then together."""
    drills = Drill.objects.for_user(user).values("pk")
    runs = list(DrillRun.objects.filter(drill__in=drills).select_related("drill"))
    found = [detection(str(change.label), [run for run in runs if run.drill.change == change]) for change in Change]
    return [each for each in (*found, detection("All drills", runs)) if each.runs + each.waiting]
