"""An unknown case: begun, uncovered step by step, committed, scored, and brought back when it was missed."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.models import Case, Kind, LibraryItem
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked
from cdss.teaching.models import Attempt, AttemptStep, Review, Step
from cdss.teaching.scoring import AnswerError, checked_answers, score
from cdss.teaching.spacing import Spacing, after, due_on, quality


class TeachingError(ValueError):
    """What cannot be done; the message is for who asked for it."""


def cases_for(user: User) -> QuerySet[Case]:
    """Cases this user may be asked about: published, visible to them, with a diagnosis."""
    seen = LibraryItem.objects.searchable_by(user).filter(kind=Kind.CASE)
    return Case.objects.filter(pk__in=seen.values("pk")).exclude(diagnosis="")  # type: ignore[return-value]


@transaction.atomic
def attempt_start(*, case: Case, by: User) -> Attempt:
    """The open attempt at this case, or a new one with its first step uncovered."""
    if open_one := Attempt.objects.for_user(by).open().filter(case=case).first():
        return open_one
    attempt = Attempt.objects.create(learner=by, case=case)
    first = steps_of(case)[0]
    AttemptStep.objects.create(attempt=attempt, step=first)
    # The trail names the case: it is read by auditors, whom nobody tests.
    record(action="teaching.attempt_started", by=by, obj=attempt, details={"case": case.pk})
    return attempt


def steps_of(case: Case) -> list[Step]:
    """The steps that this case has something for; at least one."""
    there = {
        Step.HISTORY: bool(case.history.strip()),
        Step.EXAM: bool(case.exam.strip()),
        Step.IMAGES: not is_locked(Mode.TEXT_ONLY) and case.images.exists(),
        Step.FINDINGS: bool(case.findings.strip()),
    }
    return [step for step in Step if there[step]] or [Step.FINDINGS]


@transaction.atomic
def attempt_reveal(*, attempt: Attempt, by: User) -> Step | None:
    """The next step, with its time; None when all is uncovered."""
    row = _open(attempt, by)
    seen = set(row.steps.values_list("step", flat=True))
    step = next((step for step in steps_of(row.case) if step not in seen), None)
    if step is None:
        return None
    AttemptStep.objects.create(attempt=row, step=step)
    record(action="teaching.step_revealed", by=by, obj=row, details={"step": step.value})
    return step


@transaction.atomic
def attempt_commit(*, attempt: Attempt, by: User, lines: Iterable[str], confidence: int | None) -> Attempt:
    """Once, and for good: from now on the whole case is shown. No answer at all is giving up."""
    row = _open(attempt, by)
    try:
        answers = checked_answers(lines)
    except AnswerError as error:
        raise TeachingError(str(error)) from error
    if answers and (confidence is None or not 0 <= confidence <= 100):
        raise TeachingError("Say how sure you are, from 0 to 100 percent.")
    scored = score(answers, row.case)
    row.answers, row.confidence = answers, confidence if answers else None
    row.place, row.icd_credit = scored.place, scored.icd_credit
    row.diagnosis, row.committed = row.case.diagnosis, timezone.now()
    row.save(update_fields=["answers", "confidence", "place", "icd_credit", "diagnosis", "committed"])
    _plan(row)
    details = {"answers": len(answers), "place": row.place or 0, "confidence": row.confidence or 0}
    record(action="teaching.attempt_committed", by=by, obj=row, details=details)
    return row


def _open(attempt: Attempt, by: User) -> Attempt:
    row = Attempt.objects.select_for_update().select_related("case").get(pk=attempt.pk, learner=by)
    if not row.is_open:
        raise TeachingError("This attempt has ended. Start the case again.")
    return row


def _plan(attempt: Attempt) -> None:
    """A case comes back once it was missed, and from then on until it is known."""
    reached = quality(place=attempt.place, icd_credit=attempt.icd_credit, confidence=attempt.confidence or 0)
    planned = Review.objects.filter(learner=attempt.learner, case=attempt.case).first()
    if planned is None:
        if attempt.is_right:
            return
        planned = Review(learner=attempt.learner, case=attempt.case)
    before = Spacing(planned.repetitions, planned.ease, planned.interval_days, planned.lapses)
    now = after(before, reached)
    planned.repetitions, planned.ease = now.repetitions, now.ease
    planned.interval_days, planned.lapses = now.interval_days, now.lapses
    planned.due = due_on(timezone.localdate(), now)
    planned.save()
