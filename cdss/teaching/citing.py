"""What of teaching rests on a library item, so that a recall reaches who made it."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse

from cdss.library.models import Document, LibraryItem
from cdss.library.recalls import SHORTEST_DOI, CitedIn, cases_citing
from cdss.teaching.models import Course, Question, Quiz, QuizState


def teaching_citing(item: LibraryItem) -> list[CitedIn]:
    """Quizzes and courses that ask about it, ask about a case that cites it, or name it; retired ones too are read."""
    cases = {item.pk, *_cases(item)}
    asked = Q(case__in=cases) | _named(item)
    quizzes = {
        quiz.pk: quiz
        for quiz in Quiz.objects.filter(versions__questions__in=Question.objects.filter(asked))
        .exclude(state=QuizState.RETIRED)
        .select_related("owner")
    }
    courses = Course.objects.filter(Q(items__case__in=cases) | Q(items__quiz__in=quizzes)).exclude(
        state=QuizState.RETIRED
    )
    found = [
        CitedIn("quiz", f"Quiz {quiz.pk}", reverse("teaching:quiz_edit", args=[quiz.pk]), (quiz.owner,))
        for quiz in sorted(quizzes.values(), key=lambda quiz: quiz.pk)
        if quiz.owner
    ]
    return found + [
        CitedIn("course", f"Course {course.pk}", reverse("teaching:course_edit", args=[course.pk]), (course.owner,))
        for course in courses.select_related("owner").distinct().order_by("pk")
        if course.owner
    ]


def _cases(item: LibraryItem) -> list[int]:
    return [int(cited.path.rstrip("/").rpartition("/")[2]) for cited in cases_citing(item)]


def _named(item: LibraryItem) -> Q:
    about = Document.objects.filter(pk=item.pk).first()
    doi = about.doi if about and len(about.doi) >= SHORTEST_DOI else ""
    return Q(explanation__icontains=doi) | Q(prompt__icontains=doi) if doi else Q(pk__in=[])
