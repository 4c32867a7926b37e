"""Courses: what is in them and who takes part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from django.db import models, transaction

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.audit.services import record
from cdss.library.models import Case
from cdss.notices.services import people_who_may
from cdss.positions import next_position
from cdss.teaching.attempting import TeachingError
from cdss.teaching.models import Cohort, Course, CourseItem, Enrolment, Quiz, QuizState
from cdss.teaching.positions import move

MOST_ITEMS = 200
MOST_NAMES = 500


@transaction.atomic
def course_create(
    *,
    by: User | None,
    title: str,
    description: str = "",
    objectives: Sequence[str] = (),
    open_to_all: bool = False,
    synthetic: bool = False,
    deadline: dt.datetime | None = None,
) -> Course:
    course = Course.objects.create(
        owner=by,
        title=title,
        description=description,
        objectives=list(objectives),
        open_to_all=open_to_all,
        synthetic=synthetic,
        deadline=deadline,
    )
    record(action="course.created", by=by, obj=course)
    return course


@transaction.atomic
def course_change(
    *,
    course: Course,
    by: User,
    title: str,
    description: str,
    objectives: Sequence[str],
    open_to_all: bool,
    deadline: dt.datetime | None,
) -> None:
    course.title, course.description, course.objectives = title, description, list(objectives)
    course.open_to_all, course.deadline = open_to_all, deadline
    course.save(update_fields=["title", "description", "objectives", "open_to_all", "deadline"])
    record(action="course.changed", by=by, obj=course, details={"open_to_all": open_to_all})


@transaction.atomic
def course_state(*, course: Course, by: User | None, state: str) -> None:
    if state not in QuizState.values:
        raise TeachingError("Choose: draft, published or retired.")
    if state == QuizState.PUBLISHED and not course.items.exists():
        raise TeachingError("Put a case or a quiz into it first.")
    Course.objects.filter(pk=course.pk).update(state=state)
    record(action="course.state_set", by=by, obj=course, details={"state": state})


@transaction.atomic
def item_add(*, course: Course, by: User | None, case: Case | None = None, quiz: Quiz | None = None) -> CourseItem:
    if (case is None) == (quiz is None):
        raise TeachingError("Choose a case or a quiz.")
    if course.items.filter(case=case, quiz=quiz).exists():
        raise TeachingError("It is in the course already.")
    if course.items.count() >= MOST_ITEMS:
        raise TeachingError(f"A course has at most {MOST_ITEMS} parts.")
    item = CourseItem.objects.create(course=course, position=next_position(course.items.all()), case=case, quiz=quiz)
    details = {"case": case.pk if case else 0, "quiz": quiz.pk if quiz else 0}
    record(action="course.item_added", by=by, obj=course, details=details)
    return item


@transaction.atomic
def item_remove(*, course: Course, by: User, item: CourseItem) -> None:
    record(action="course.item_removed", by=by, obj=course, details={"item": item.pk})
    item.delete()


@transaction.atomic
def item_move(*, course: Course, by: User, item: CourseItem, down: bool) -> None:
    move(course.items.all(), item, down=down)
    record(action="course.item_moved", by=by, obj=course, details={"item": item.pk})


@transaction.atomic
def cohort_create(*, course: Course, by: User, name: str, deadline: dt.datetime | None = None) -> Cohort:
    if course.cohorts.filter(name=name).exists():
        raise TeachingError("A cohort of this name is there already.")
    cohort = Cohort.objects.create(course=course, name=name, deadline=deadline)
    record(action="course.cohort_created", by=by, obj=course, details={"cohort": cohort.pk})
    return cohort


@transaction.atomic
def cohort_change(*, cohort: Cohort, by: User, name: str, deadline: dt.datetime | None) -> None:
    if cohort.course.cohorts.filter(name=name).exclude(pk=cohort.pk).exists():
        raise TeachingError("A cohort of this name is there already.")
    cohort.name, cohort.deadline = name, deadline
    cohort.save(update_fields=["name", "deadline"])
    record(action="course.cohort_changed", by=by, obj=cohort.course, details={"cohort": cohort.pk})


@transaction.atomic
def cohort_remove(*, cohort: Cohort, by: User) -> None:
    """Its code opens nothing any more. Who is in it takes part without a cohort, and what they did stays."""
    record(action="course.cohort_removed", by=by, obj=cohort.course, details={"cohort": cohort.pk})
    cohort.delete()


@transaction.atomic
def enrol_by_list(*, cohort: Cohort, by: User, usernames: Iterable[str]) -> tuple[int, list[str]]:
    """How many take part who did not, and the names nobody who learns here has."""
    names = list(dict.fromkeys(name.strip().lower() for name in usernames if name.strip()))
    if not names or len(names) > MOST_NAMES:
        raise TeachingError(f"Write 1 to {MOST_NAMES} user names.")
    learners = people_who_may(Action.LEARN).annotate(lower=models.functions.Lower("username"))
    found = {user.username.lower(): user for user in learners.filter(lower__in=names)}
    new = sum(_enrol(cohort.course, user, cohort) for user in found.values())
    details = {"cohort": cohort.pk, "asked": len(names), "enrolled": new}
    record(action="course.enrolled", by=by, obj=cohort.course, details=details)
    return new, [name for name in names if name not in found]


@transaction.atomic
def join_by_code(*, by: User, code: str) -> Course:
    """A code opens the course of its cohort; what is no code and what is one of a retired course are answered alike."""
    cohort = Cohort.objects.filter(code=code.strip().upper()).select_related("course").first()
    if cohort is None or cohort.course.state != QuizState.PUBLISHED or not may(by, Action.LEARN):
        raise TeachingError("No course has this code now. Ask who gave it to you.")
    _enrol(cohort.course, by, cohort)
    record(action="course.joined", by=by, obj=cohort.course, details={"cohort": cohort.pk})
    return cohort.course


@transaction.atomic
def course_join(*, course: Course, by: User) -> None:
    if _enrol(course, by, None):
        record(action="course.joined", by=by, obj=course)


@transaction.atomic
def course_leave(*, course: Course, by: User, learner: User) -> None:
    if Enrolment.objects.filter(course=course, learner=learner).delete()[0]:
        record(action="course.left", by=by, obj=course, details={"learner": learner.pk})


def _enrol(course: Course, user: User, cohort: Cohort | None) -> bool:
    row, made = Enrolment.objects.get_or_create(course=course, learner=user, defaults={"cohort": cohort})
    if not made and cohort is not None and row.cohort_id != cohort.pk:
        row.cohort = cohort
        row.save(update_fields=["cohort"])
    return made
