"""Quizzes as their educators make them: a draft is edited, a published version never changes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.models import Case, CaseImage, LibraryItem
from cdss.positions import next_position
from cdss.teaching.attempting import TeachingError
from cdss.teaching.models import Question, QuestionKind, Quiz, QuizState, QuizVersion
from cdss.teaching.positions import move

MOST_QUESTIONS = 60
LEAST_OPTIONS, MOST_OPTIONS = 2, 8
# What of a question makes another one of it, so that its figures start anew.
ASKED = ("kind", "prompt", "case_id", "image_id", "frame", "options", "accepted", "regions")
COPIED = ("key", "position", "explanation", *ASKED)


@dataclass(frozen=True, slots=True)
class QuestionData:
    kind: str
    prompt: str
    case: Case | None = None
    image: CaseImage | None = None
    frame: int = 0
    options: Sequence[Mapping[str, Any]] = ()
    accepted: Sequence[str] = ()
    regions: Sequence[Mapping[str, Any]] = field(default=())
    explanation: str = ""


@transaction.atomic
def quiz_create(
    *, by: User | None, title: str, description: str = "", open_to_all: bool = False, synthetic: bool = False
) -> Quiz:
    quiz = Quiz.objects.create(
        owner=by, title=title, description=description, open_to_all=open_to_all, synthetic=synthetic
    )
    QuizVersion.objects.create(quiz=quiz, number=1)
    record(action="quiz.created", by=by, obj=quiz)
    return quiz


@transaction.atomic
def quiz_change(*, quiz: Quiz, by: User, title: str, description: str, open_to_all: bool) -> None:
    """What stands around the questions: it is no matter of a version."""
    Quiz.objects.filter(pk=quiz.pk).update(
        title=title, description=description, open_to_all=open_to_all, updated=timezone.now()
    )
    record(action="quiz.changed", by=by, obj=quiz, details={"open_to_all": open_to_all})


def draft_of(quiz: Quiz) -> QuizVersion:
    """The version that is edited: made of the newest one when that is published."""
    with transaction.atomic():
        locked = Quiz.objects.select_for_update().get(pk=quiz.pk)
        newest = locked.versions.first()
        if newest is not None and newest.published is None:
            return newest
        draft = QuizVersion.objects.create(quiz=locked, number=newest.number + 1 if newest else 1)
        for question in newest.questions.all() if newest else ():
            Question.objects.create(version=draft, **{name: getattr(question, name) for name in COPIED})
        return draft


@transaction.atomic
def question_save(*, quiz: Quiz, by: User | None, data: QuestionData, question: Question | None = None) -> Question:
    """A new question, or another wording of one of the draft's."""
    draft = draft_of(quiz)
    _check(data)
    if question is None:
        if draft.questions.count() >= MOST_QUESTIONS:
            raise TeachingError(f"A quiz has at most {MOST_QUESTIONS} questions.")
        row = Question(version=draft, position=next_position(draft.questions.all()))
    else:
        row = _in_draft(draft, question)
    before = {name: getattr(row, name) for name in ASKED} if row.pk else None
    row.kind, row.prompt, row.case, row.image, row.frame = data.kind, data.prompt, data.case, data.image, data.frame
    row.options, row.accepted = [dict(option) for option in data.options], list(data.accepted)
    row.regions, row.explanation = [dict(region) for region in data.regions], data.explanation
    if before and before != {name: getattr(row, name) for name in ASKED}:
        row.key = uuid.uuid4()
    row.save()
    record(action="quiz.question_saved", by=by, obj=quiz, details={"question": row.pk, "kind": row.kind})
    return row


@transaction.atomic
def question_delete(*, quiz: Quiz, by: User, question: Question) -> None:
    row = _in_draft(draft_of(quiz), question)
    record(action="quiz.question_deleted", by=by, obj=quiz, details={"question": row.pk})
    row.delete()


@transaction.atomic
def question_move(*, quiz: Quiz, by: User, question: Question, down: bool) -> None:
    draft = draft_of(quiz)
    move(draft.questions.all(), _in_draft(draft, question), down=down)
    record(action="quiz.question_moved", by=by, obj=quiz, details={"question": question.pk})


@transaction.atomic
def quiz_publish(*, quiz: Quiz, by: User | None) -> QuizVersion:
    """The draft becomes what is asked from now on; a retired quiz is asked again."""
    locked = Quiz.objects.select_for_update().get(pk=quiz.pk)
    newest = locked.versions.first()
    if newest is None or not newest.questions.exists():
        raise TeachingError("Add a question first.")
    _refuse_unfit(newest)
    if newest.published is None:
        newest.published, newest.published_by = timezone.now(), by
        newest.save(update_fields=["published", "published_by"])
    Quiz.objects.filter(pk=quiz.pk).update(state=QuizState.PUBLISHED, updated=timezone.now())
    record(action="quiz.published", by=by, obj=quiz, details={"version": newest.number})
    return newest


@transaction.atomic
def quiz_retire(*, quiz: Quiz, by: User) -> None:
    """Nobody can begin it; what was answered stays."""
    Quiz.objects.filter(pk=quiz.pk).update(state=QuizState.RETIRED, updated=timezone.now())
    record(action="quiz.retired", by=by, obj=quiz)


def _in_draft(draft: QuizVersion, question: Question) -> Question:
    """The draft's copy of a question: the same row, or the one with its key."""
    row = draft.questions.filter(models.Q(pk=question.pk) | models.Q(key=question.key)).first()
    if row is None:
        raise TeachingError("This question is not in the draft any more.")
    return row


def _check(data: QuestionData) -> None:
    if not data.prompt.strip():
        raise TeachingError("Write the question.")
    if data.kind == QuestionKind.CHOICE:
        if not LEAST_OPTIONS <= len(data.options) <= MOST_OPTIONS:
            raise TeachingError(f"Give {LEAST_OPTIONS} to {MOST_OPTIONS} answers to choose from.")
        if sum(bool(option["correct"]) for option in data.options) != 1:
            raise TeachingError("Say which one of the answers is the best.")
        if len({str(option["text"]).casefold() for option in data.options}) < len(data.options):
            raise TeachingError("Two of the answers are the same.")
    if data.kind == QuestionKind.SHORT and not data.accepted:
        raise TeachingError("Write at least one answer that is right.")
    if data.kind == QuestionKind.HOT_SPOT and not (data.image and data.regions):
        raise TeachingError("A hot spot needs an image and a region on it.")


def _refuse_unfit(version: QuizVersion) -> None:
    cases = [pk for pk in version.questions.values_list("case_id", flat=True) if pk]
    fit = LibraryItem.objects.citable().filter(pk__in=cases).count()
    if fit < len(set(cases)):
        raise TeachingError("A case of this quiz is not published, or was recalled. Take another one.")
    for question in version.questions.all():
        if question.kind == QuestionKind.HOT_SPOT and question.image_id is None:
            raise TeachingError(f"{question}: its image is gone. Choose another one.")
