from collections.abc import Sequence

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.audit.services import record
from cdss.consultations.models import Consultation, Status
from cdss.consultations.rating import may_read_its_sources
from cdss.drills.models import Drill, DrillRun
from cdss.drills.planting import answer_of, plant
from cdss.notices.models import Kind
from cdss.notices.services import notify

MOST_LEARNERS = 200


class DrillError(ValueError):
    """A drill that cannot be started; the message is for the educator."""


def drill_start(
    *, consultation: Consultation, by: User, statement: int, change: str, learners: Sequence[User], teaching_case: bool
) -> Drill:
    """One statement of one's own consultation is shown wrong to these learners, who are told that a drill waits."""
    refuse_unfit(consultation, by)
    if not teaching_case:
        raise DrillError("Say that this is a demonstration or teaching case: learners read all of it.")
    if not learners or len(learners) > MOST_LEARNERS:
        raise DrillError(f"Choose 1 to {MOST_LEARNERS} learners.")
    for learner in learners:
        if learner.pk == by.pk or not may(learner, Action.GIVE_FEEDBACK):
            raise DrillError(f"{learner.username} cannot be drilled: choose others who give feedback.")
        if not may_read_its_sources(consultation, learner):
            raise DrillError(f"It rests on library items that {learner.username} may not read.")
    answer = answer_of(consultation.pk)
    chosen = plant(answer, statement=statement, change=change) if answer else None
    if answer is None or chosen is None:
        raise DrillError("This statement cannot be altered so. Choose another one.")
    with transaction.atomic():
        drill = Drill.objects.create(
            educator=by,
            consultation=consultation,
            answer=answer,
            statement=chosen.statement,
            planted=chosen.text,
            change=chosen.change,
        )
        runs = DrillRun.objects.bulk_create(DrillRun(drill=drill, learner=learner) for learner in learners)
        details = {"consultation": consultation.pk, "change": str(chosen.change), "learners": len(runs)}
        record(action="drill.started", by=by, obj=drill, details=details)
        for run in runs:
            path = reverse("drills:run", args=[run.pk])
            text = f"{by} has a drill for you."
            notify(kind=Kind.DRILL, recipients=[run.learner], text=text, path=path, key=f"drill:{drill.pk}", obj=drill)
    return drill


def refuse_unfit(consultation: Consultation, by: User) -> None:
    if not may(by, Action.TEACH) or consultation.user_id != by.pk:
        raise DrillError("An educator starts a drill on a consultation of their own.")
    if consultation.is_withheld or consultation.status != Status.DONE:
        raise DrillError("A drill needs an answer that was given and read.")


@transaction.atomic
def drill_submit(*, run: DrillRun, by: User, marked: Sequence[int]) -> DrillRun:
    """What the learner calls wrong, once. From now on the planted statement is disclosed to them."""
    row = DrillRun.objects.select_for_update().select_related("drill").get(pk=run.pk, learner=by)
    if row.submitted is not None:
        return row
    shown = set(row.drill.answer.diagnoses.values_list("statements", flat=True))
    row.marked = sorted(set(marked) & shown)
    row.detected = row.drill.statement_id in row.marked
    row.submitted = timezone.now()
    row.save(update_fields=["marked", "detected", "submitted"])
    details = {"detected": row.detected, "marked": len(row.marked)}
    record(action="drill.submitted", by=by, obj=row.drill, details=details)
    return row
