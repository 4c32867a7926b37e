from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError, is_locked
from cdss.teaching.attempting import TeachingError
from cdss.teaching.hotspots import shapes_of
from cdss.teaching.models import Question, QuestionKind, Quiz, QuizRun, Response
from cdss.teaching.pictures import picture
from cdss.teaching.quoting import Quote, quotes_why
from cdss.teaching.running import image_of, run_start, run_submit


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is asked; what is right is in it only once the answers were handed in."""

    row: Question
    number: int
    image: str
    options: list[tuple[str, str]]
    response: Response | None = None
    quotes: list[Quote] | None = None
    shapes: list[Any] | None = None
    right_option: str = ""


@require_http_methods(["GET", "POST"])
@require(Action.LEARN)
@never_cache
def quiz(request: HttpRequest, pk: int) -> HttpResponse:
    found: Quiz = get_object_or_404(Quiz.objects.for_user(user_of(request)), pk=pk)
    if request.method == "POST":
        try:
            return redirect(run_start(quiz=found, by=user_of(request)))
        except TeachingError as error:
            messages.error(request, str(error))
            return redirect(found)
    runs = QuizRun.objects.for_user(user_of(request)).filter(version__quiz=found)[:20]
    version = found.current
    context = {"quiz": found, "runs": runs, "count": version.questions.count() if version else 0}
    return render(request, "teaching/quiz.html", context)


@require_http_methods(["GET", "POST"])
@require(Action.LEARN)
@never_cache
def run(request: HttpRequest, key: str) -> HttpResponse:
    found = _run(request, key)
    if request.method == "POST":
        try:
            run_submit(run=found, by=user_of(request), sent=request.POST)
        except TeachingError as error:
            messages.error(request, str(error))
            return redirect("teaching:quiz", found.version.quiz_id)
        return redirect(found)
    if found.submitted is None and not found.is_open:
        messages.info(request, "That run was begun more than a day ago and has ended.")
        return redirect("teaching:quiz", found.version.quiz_id)
    record(action="quiz.viewed", by=user_of(request), obj=found)
    context = {"run": found, "quiz": found.version.quiz, "asked": asked(found)}
    return render(request, "teaching/run_done.html" if found.submitted else "teaching/run.html", context)


@require_GET
@require(Action.LEARN)
def image(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found = _run(request, key)
    if is_locked(Mode.TEXT_ONLY):
        raise LockedError(Mode.TEXT_ONLY)
    if found.submitted is None and not found.is_open:
        raise Http404
    question = found.version.questions.filter(position=number - 1).first() if number else None
    response = picture(request, image_of(found, number - 1), question.frame if question else 0)
    record(action="teaching.image_viewed", by=user_of(request), obj=found, details={"number": number})
    return response


def asked(run: QuizRun) -> list[Asked]:
    given = {response.question_id: response for response in run.responses.all()}
    rows = run.version.questions.select_related("case", "image")
    return [_asked(run, row, given.get(row.pk)) for row in rows]


def _asked(run: QuizRun, row: Question, response: Response | None) -> Asked:
    address = reverse("teaching:run_image", args=[run.key, row.position + 1]) if row.image_id else ""
    done = run.submitted is not None
    return Asked(
        row=row,
        number=row.position + 1,
        image=address,
        options=[(option["id"], option["text"]) for option in row.options],
        response=response,
        quotes=quotes_why(row.case) if done and row.case else None,
        shapes=shapes_of(row.regions) if done and row.kind == QuestionKind.HOT_SPOT else None,
        right_option=next((o["text"] for o in row.options if o["correct"]), "") if done else "",
    )


def _run(request: HttpRequest, key: str) -> QuizRun:
    rows = QuizRun.objects.for_user(user_of(request)).select_related("version__quiz", "learner")
    found: QuizRun = get_object_or_404(rows, key=key)
    return found
