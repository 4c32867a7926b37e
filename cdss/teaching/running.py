"""A quiz as it is taken: begun, handed in, scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.models import CaseImage
from cdss.teaching.attempting import TeachingError, cases_for
from cdss.teaching.hotspots import hits, point_of
from cdss.teaching.models import Question, QuestionKind, Quiz, QuizRun, Response
from cdss.teaching.scoring import MOST_CHARACTERS, is_right


@transaction.atomic
def run_start(*, quiz: Quiz, by: User) -> QuizRun:
    """The run that is open, or a new one of the version that is asked now."""
    if open_one := QuizRun.objects.for_user(by).open().filter(version__quiz=quiz).first():
        return open_one
    version = quiz.current
    if version is None:
        raise TeachingError("This quiz has nothing to ask.")
    asked = list(version.questions.all())
    cases = {question.case_id for question in asked if question.case_id}
    if cases - set(cases_for(by).filter(pk__in=cases).values_list("pk", flat=True)):
        raise TeachingError(
            "This quiz rests on a case that you may not read, or that was withdrawn. Tell its educator."
        )
    run = QuizRun.objects.create(version=version, learner=by, asked=len(asked))
    record(action="quiz.started", by=by, obj=run, details={"quiz": quiz.pk, "version": version.number})
    return run


@transaction.atomic
def run_submit(*, run: QuizRun, by: User, sent: Mapping[str, str]) -> QuizRun:
    """What was chosen, clicked or typed, once. From now on the answers are shown."""
    row = QuizRun.objects.select_for_update().select_related("version__quiz").get(pk=run.pk, learner=by)
    if row.submitted is not None:
        return row
    if not row.is_open:
        raise TeachingError("This quiz was begun more than a day ago and has ended. Start it again.")
    given = [(question, given_to(question, sent)) for question in row.version.questions.select_related("image")]
    responses = [
        Response(run=row, question=question, given=answer, right=right(question, answer)) for question, answer in given
    ]
    Response.objects.bulk_create(responses)
    row.submitted, row.right = timezone.now(), sum(response.right for response in responses)
    row.asked = len(responses)
    row.save(update_fields=["submitted", "right", "asked"])
    details = {"quiz": row.version.quiz_id, "right": row.right, "asked": row.asked}
    record(action="quiz.submitted", by=by, obj=row, details=details)
    from cdss.teaching.lti.grading import grade_return

    grade_return(run=row)
    return row


def given_to(question: Question, sent: Mapping[str, str]) -> dict[str, Any]:
    name = f"q{question.pk}"
    if question.kind == QuestionKind.HOT_SPOT:
        return dict(point_of(sent.get(f"{name}-x", ""), sent.get(f"{name}-y", "")))
    text = " ".join(sent.get(name, "").split())[:MOST_CHARACTERS]
    if question.kind == QuestionKind.SHORT:
        return {"text": text} if text else {}
    return {"option": text} if any(option["id"] == text for option in question.options) else {}


def right(question: Question, given: Mapping[str, Any]) -> bool:
    if question.kind == QuestionKind.HOT_SPOT:
        return hits(question.regions, given)
    if question.kind == QuestionKind.SHORT:
        return is_right(str(given.get("text", "")), question.accepted)
    return any(option["correct"] and option["id"] == given.get("option") for option in question.options)


def image_of(run: QuizRun, number: int) -> CaseImage | None:
    """The image of the question at this place."""
    question = run.version.questions.filter(position=number).select_related("image").first()
    return question.image if question else None
