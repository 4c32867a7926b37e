"""How a learner does: right answers, how sure they were, and how that changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from cdss.accounts.models import User
from cdss.proportions import Share
from cdss.teaching.models import Attempt, Course, CourseItem, Enrolment, QuizRun

BANDS = ((0, 20), (20, 40), (40, 60), (60, 80), (80, 101))
WINDOW = 10


@dataclass(frozen=True, slots=True)
class Band:
    """Attempts of which the learner was this sure. Well calibrated, `right` is near `confidence`."""

    low: int
    high: int
    confidence: float
    right: Share


@dataclass(frozen=True, slots=True)
class Window:
    """Attempts one after the other, oldest first; the Brier score is 0 at best and 1 at worst."""

    first: int
    last: int
    confidence: float
    right: Share
    brier: float


@dataclass(frozen=True, slots=True)
class Tried:
    """How the best of the tries at a part went, and when the first was handed in."""

    said: str
    first: dt.datetime | None

    def is_late(self, deadline: dt.datetime | None) -> bool:
        return bool(deadline and self.first and self.first > deadline)


# By learner and case, or by learner and quiz.
Tries = dict[tuple[int, int], Tried]


@dataclass(frozen=True, slots=True)
class ItemDone:
    item: object
    done: bool
    said: str
    late: bool = False


@dataclass(frozen=True, slots=True)
class LearnerRow:
    name: str
    cohort: str
    learner: int
    done: int
    of: int
    right: str
    late: int = 0


def calibration(attempts: Iterable[Attempt]) -> list[Band]:
    rows = [row for row in attempts if row.confidence is not None]
    found = []
    for low, high in BANDS:
        inside = [row for row in rows if low <= (row.confidence or 0) < high]
        if inside:
            found.append(Band(low, min(high, 100), _mean(inside), _right(inside)))
    return found


def over_time(attempts: Iterable[Attempt]) -> list[Window]:
    rows = sorted((row for row in attempts if row.confidence is not None), key=lambda row: (row.created, row.pk))
    found = []
    for start in range(0, len(rows), WINDOW):
        part = rows[start : start + WINDOW]
        found.append(Window(start + 1, start + len(part), _mean(part), _right(part), brier(part)))
    return found


def brier(attempts: Sequence[Attempt]) -> float:
    """G. W. Brier, Mon Weather Rev 1950;78:1-3, for two outcomes."""
    return sum(((row.confidence or 0) / 100 - row.is_right) ** 2 for row in attempts) / len(attempts)


def done_by(course: Course, user: User, deadline: dt.datetime | None) -> list[ItemDone]:
    """Each part of a course, and how the best of this person's tries at it went."""
    attempts, runs = _tried(Attempt.objects.filter(learner=user), QuizRun.objects.filter(learner=user))
    found = []
    for item in course.items.select_related("case", "quiz"):
        key = (user.pk, item.case_id or item.quiz_id or 0)
        tried = attempts.get(key) if item.case_id else runs.get(key)
        found.append(ItemDone(item, True, tried.said, tried.is_late(deadline)) if tried else ItemDone(item, False, ""))
    return found


PART_COLUMNS = ("learner", "cohort", "part", "kind", "number", "title", "done", "result", "first_handed_in", "late")


def part_rows(course: Course) -> Iterator[dict[str, object]]:
    """One part of one learner a row. A case goes by its number: what it is called names its diagnosis."""
    items = list(course.items.select_related("quiz"))
    enrolled, attempts, runs = _of_all(course, items)
    for row in enrolled:
        for place, item in enumerate(items, 1):
            tried = (attempts if item.case_id else runs).get((row.learner_id, item.case_id or item.quiz_id or 0))
            first = timezone.localtime(tried.first).isoformat(timespec="seconds") if tried and tried.first else ""
            values = (
                str(row.learner), row.cohort.name if row.cohort else "", place, "case" if item.case_id else "quiz",
                item.case_id or item.quiz_id, "" if item.case_id else str(item.quiz), tried is not None,
                tried.said if tried else "", first, tried is not None and tried.is_late(row.deadline),
            )  # fmt: skip
            yield dict(zip(PART_COLUMNS, values, strict=True))


def _of_all(course: Course, items: Sequence[CourseItem]) -> tuple[list[Enrolment], Tries, Tries]:
    """Who takes part, and their tries at its cases and at its quizzes."""
    cases, quizzes = [i.case_id for i in items if i.case_id], [i.quiz_id for i in items if i.quiz_id]
    enrolled = list(Enrolment.objects.filter(course=course).select_related("learner", "cohort", "course"))
    learners = [row.learner_id for row in enrolled]
    attempts, runs = _tried(
        Attempt.objects.filter(learner__in=learners, case__in=cases),
        QuizRun.objects.filter(learner__in=learners, version__quiz__in=quizzes),
    )
    return enrolled, attempts, runs


def learner_rows(course: Course) -> list[LearnerRow]:
    """For its educator: who has done how much. No answers, and nothing of what they do elsewhere."""
    items = list(course.items.all())
    cases, quizzes = [i.case_id for i in items if i.case_id], [i.quiz_id for i in items if i.quiz_id]
    enrolled, attempts, runs = _of_all(course, items)
    found = []
    for row in enrolled:
        tried = [attempts.get((row.learner_id, case)) for case in cases]
        taken = [runs.get((row.learner_id, quiz)) for quiz in quizzes]
        done = [each for each in (*tried, *taken) if each is not None]
        right = sum(each is not None and each.said == RIGHT for each in tried)
        found.append(
            LearnerRow(
                name=str(row.learner),
                cohort=row.cohort.name if row.cohort else "",
                learner=row.learner_id,
                done=len(done),
                of=len(items),
                right=", ".join([f"{right} of {len(cases)} cases", *(f"quiz {each.said}" for each in taken if each)]),
                late=sum(each.is_late(row.deadline) for each in done),
            )
        )
    return found


RIGHT, MISSED = "right", "missed"


def _tried(attempts: QuerySet[Attempt], runs: QuerySet[QuizRun]) -> tuple[Tries, Tries]:
    of_cases = attempts.filter(committed__isnull=False).order_by("committed")
    cases: Tries = {}
    for learner, case, place, when in of_cases.values_list("learner_id", "case_id", "place", "committed"):
        before = cases.get((learner, case))
        said = RIGHT if place == 1 or (before and before.said == RIGHT) else MISSED
        cases[learner, case] = Tried(said, before.first if before else when)
    of_quizzes = runs.filter(submitted__isnull=False).order_by("submitted")
    quizzes: Tries = {}
    best: dict[tuple[int, int], tuple[int, int]] = {}
    rows = of_quizzes.values_list("learner_id", "version__quiz_id", "right", "asked", "submitted")
    for learner, quiz, right, asked, when in rows:
        key, before = (learner, quiz), quizzes.get((learner, quiz))
        best[key] = max(best.get(key, (-1, 0)), (right or 0, asked))
        quizzes[key] = Tried("{}/{}".format(*best[key]), before.first if before else when)
    return cases, quizzes


def _mean(rows: Sequence[Attempt]) -> float:
    return sum(row.confidence or 0 for row in rows) / len(rows)


def _right(rows: Sequence[Attempt]) -> Share:
    return Share(sum(row.is_right for row in rows), len(rows))
