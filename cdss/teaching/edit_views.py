import tempfile
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.exports import download
from cdss.teaching import quizzing
from cdss.teaching.attempting import TeachingError
from cdss.teaching.editing import initial_of, option_rows, question_data, question_page
from cdss.teaching.forms import QuestionForm, QuizForm
from cdss.teaching.hotspots import HotSpotError
from cdss.teaching.models import Question, Quiz
from cdss.teaching.results import FORMATS, counted_runs, question_figures, write

SPOOLED = 2 * 1024 * 1024


@require_http_methods(["GET", "POST"])
@require(Action.TEACH)
def quizzes(request: HttpRequest) -> HttpResponse:
    form = QuizForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = quizzing.quiz_create(by=user_of(request), **form.cleaned_data)
        return redirect("teaching:quiz_edit", made.pk)
    rows = Quiz.objects.editable_by(user_of(request))
    return render(request, "teaching/quizzes.html", {"rows": rows, "form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require(Action.TEACH)
def quiz_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = _own(request, pk)
    form = QuizForm(request.POST or None, initial=vars(found))
    if request.method == "POST" and form.is_valid():
        quizzing.quiz_change(quiz=found, by=user_of(request), **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("teaching:quiz_edit", pk)
    newest = found.versions.first()
    context = {
        "quiz": found,
        "form": form,
        "version": newest,
        "questions": newest.questions.select_related("case") if newest else [],
    }
    return render(request, "teaching/quiz_edit.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require(Action.TEACH)
def question_edit(request: HttpRequest, pk: int, question: int = 0) -> HttpResponse:
    found = _own(request, pk)
    row = _question(found, question) if question else None
    form = QuestionForm(request.POST or None, initial=initial_of(request.GET, row))
    if request.method == "POST" and form.is_valid():
        try:
            data = question_data(form.cleaned_data, request.POST, user_of(request))
            quizzing.question_save(quiz=found, by=user_of(request), data=data, question=row)
        except (TeachingError, HotSpotError) as error:
            form.add_error(None, str(error))
        else:
            return redirect("teaching:quiz_edit", pk)
    context = {"quiz": found, "question": row, "form": form} | question_page(form, request, row, user_of(request))
    context["options"] = option_rows(request.POST, row, context["case"], by=user_of(request))
    return render(request, "teaching/question_edit.html", context, status=422 if form.errors else 200)


@require_POST
@require(Action.TEACH)
def question_place(request: HttpRequest, pk: int, question: int) -> HttpResponse:
    """Up, down, or out."""
    found = _own(request, pk)
    row, by, move = _question(found, question), user_of(request), request.POST.get("move", "")
    try:
        if move == "delete":
            quizzing.question_delete(quiz=found, by=by, question=row)
        else:
            quizzing.question_move(quiz=found, by=by, question=row, down=move == "down")
    except TeachingError as error:
        messages.error(request, str(error))
    return redirect("teaching:quiz_edit", pk)


@require_POST
@require(Action.TEACH)
def quiz_state(request: HttpRequest, pk: int) -> HttpResponse:
    found = _own(request, pk)
    try:
        if request.POST.get("state") == "retired":
            quizzing.quiz_retire(quiz=found, by=user_of(request))
            messages.success(request, "Retired. Nobody can begin it; what was answered stays.")
        else:
            version = quizzing.quiz_publish(quiz=found, by=user_of(request))
            messages.success(request, f"Version {version.number} is asked from now on.")
    except TeachingError as error:
        messages.error(request, str(error))
    return redirect("teaching:quiz_edit", pk)


@require_GET
@require(Action.TEACH)
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """As learners will see it; handing it in is not offered, and nothing is kept."""
    found = _own(request, pk)
    version = found.versions.first()
    rows = version.questions.select_related("image", "case") if version else []
    record(action="quiz.previewed", by=user_of(request), obj=found)
    return render(request, "teaching/preview.html", {"quiz": found, "version": version, "questions": rows})


@require_GET
@require(Action.TEACH)
def results(request: HttpRequest, pk: int) -> HttpResponse:
    found = _own(request, pk)
    record(action="quiz.results_viewed", by=user_of(request), obj=found)
    context: dict[str, Any] = {"quiz": found, "figures": question_figures(found), "runs": len(counted_runs(found))}
    return render(request, "teaching/results.html", context)


@require_GET
@require(Action.TEACH)
def results_export(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    found = _own(request, pk)
    form = "jsonl" if request.GET.get("format") == "jsonl" else "csv"
    # Closed by `download`, when it has been sent.
    file = tempfile.SpooledTemporaryFile(max_size=SPOOLED)  # noqa: SIM115
    written = write(found, form, file)
    details = {"format": form, "rows": written.rows, "sha256": written.sha256}
    record(action="quiz.results_exported", by=user_of(request), obj=found, details=details)
    return download(request, file, name=f"quiz-{found.pk}-results.{form}", content_type=FORMATS[form])


def _own(request: HttpRequest, pk: int) -> Quiz:
    found: Quiz = get_object_or_404(Quiz.objects.editable_by(user_of(request)), pk=pk)
    return found


def _question(quiz: Quiz, pk: int) -> Question:
    """Of the newest version: the draft, or what the draft will be made of."""
    newest = quiz.versions.first()
    found: Question = get_object_or_404(Question, version=newest, pk=pk)
    return found
