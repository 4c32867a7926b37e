import datetime as dt
import tempfile
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.exports import csv_pieces, download, export_write
from cdss.numbers import whole_number
from cdss.teaching import coursing
from cdss.teaching.attempting import TeachingError, cases_for
from cdss.teaching.forms import CohortForm, CourseForm
from cdss.teaching.models import Cohort, Course, CourseItem, Enrolment, Quiz
from cdss.teaching.presenting import unknown_title
from cdss.teaching.progress import PART_COLUMNS, done_by, learner_rows, part_rows

MOST_FOUND = 12
SPOOLED = 2 * 1024 * 1024


@require_http_methods(["GET", "POST"])
@require(Action.TEACH)
def courses(request: HttpRequest) -> HttpResponse:
    form = CourseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = coursing.course_create(by=user_of(request), **form.values())
        return redirect("teaching:course_edit", made.pk)
    rows = Course.objects.editable_by(user_of(request))
    return render(request, "teaching/courses.html", {"rows": rows, "form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require(Action.LEARN)
@never_cache
def course(request: HttpRequest, pk: int) -> HttpResponse:
    user = user_of(request)
    found: Course = get_object_or_404(Course.objects.for_user(user), pk=pk)
    if request.method == "POST":
        if request.POST.get("leave"):
            coursing.course_leave(course=found, by=user, learner=user)
            return redirect("teaching:home")
        coursing.course_join(course=found, by=user)
        return redirect(found)
    enrolment = Enrolment.objects.filter(course=found, learner=user).select_related("cohort", "course").first()
    deadline = enrolment.deadline if enrolment else found.deadline
    parts = [(done, _title(done.item)) for done in done_by(found, user, deadline)]
    context = {
        "course": found,
        "parts": parts,
        "enrolment": enrolment,
        "deadline": deadline,
        "is_over": deadline is not None and deadline < timezone.now(),
        "done": sum(done.done for done, _ in parts),
    }
    return render(request, "teaching/course.html", context)


@require_http_methods(["GET", "POST"])
@require(Action.LEARN)
def join(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        try:
            return redirect(coursing.join_by_code(by=user_of(request), code=request.POST.get("code", "")[:40]))
        except TeachingError as error:
            messages.error(request, str(error))
            return redirect("teaching:join")
    return render(request, "teaching/join.html")


@require_http_methods(["GET", "POST"])
@require(Action.TEACH)
def course_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found, by = _own(request, pk), user_of(request)
    if request.method == "POST" and (state := request.POST.get("state")):
        return _acted(request, pk, lambda: coursing.course_state(course=found, by=by, state=state))
    start = vars(found) | {"objectives": "\n".join(found.objectives)}
    start["deadline"] = timezone.localtime(found.deadline).date() if found.deadline else None
    form = CourseForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        values = form.values()
        return _acted(request, pk, lambda: coursing.course_change(course=found, by=by, **values), values["deadline"])
    words = request.GET.get("q", "").strip()[:100]
    context: dict[str, Any] = {
        "course": found,
        "form": form,
        "cohort_form": CohortForm(auto_id="new-cohort-%s"),
        "parts": found.items.select_related("case", "quiz"),
        "cohorts": [(cohort, _cohort_form(cohort)) for cohort in found.cohorts.all()],
        "quizzes": Quiz.objects.editable_by(by),
        "q": words,
        "found": _cases(by, words),
    }
    return render(request, "teaching/course_edit.html", context, status=422 if form.errors else 200)


@require_POST
@require(Action.TEACH)
def items(request: HttpRequest, pk: int) -> HttpResponse:
    """A part added, moved, or taken out."""
    found, by, sent = _own(request, pk), user_of(request), request.POST
    if number := _number(sent.get("item")):
        item = get_object_or_404(CourseItem, course=found, pk=number)
        if sent.get("move") == "delete":
            return _acted(request, pk, lambda: coursing.item_remove(course=found, by=by, item=item))
        down = sent.get("move") == "down"
        return _acted(request, pk, lambda: coursing.item_move(course=found, by=by, item=item, down=down))
    case = cases_for(by).filter(pk=_number(sent.get("case"))).first()
    quiz = Quiz.objects.editable_by(by).filter(pk=_number(sent.get("quiz"))).first()
    return _acted(request, pk, lambda: coursing.item_add(course=found, by=by, case=case, quiz=quiz))


@require_POST
@require(Action.TEACH)
def cohorts(request: HttpRequest, pk: int) -> HttpResponse:
    """A cohort made, changed or taken out, people put into one, or a person taken out of the course."""
    found, by, sent = _own(request, pk), user_of(request), request.POST
    if number := _number(sent.get("leaves")):
        learner = get_object_or_404(User, pk=number, enrolments__course=found)
        return _acted(request, pk, lambda: coursing.course_leave(course=found, by=by, learner=learner))
    if number := _number(sent.get("cohort")):
        cohort = get_object_or_404(Cohort, course=found, pk=number)
        if sent.get("act") == "remove":
            return _acted(request, pk, lambda: coursing.cohort_remove(cohort=cohort, by=by))
        if sent.get("act") != "change":
            return _acted(request, pk, lambda: _enrol(request, cohort))
    else:
        cohort = None
    form = CohortForm(sent)
    if not form.is_valid():
        messages.error(request, " ".join(f"{form[name].label}: {said[0]}" for name, said in form.errors.items()))
        return redirect("teaching:course_edit", pk)
    values = form.values()
    if cohort is not None:
        return _acted(request, pk, lambda: coursing.cohort_change(cohort=cohort, by=by, **values), values["deadline"])
    return _acted(request, pk, lambda: coursing.cohort_create(course=found, by=by, **values), values["deadline"])


@require_GET
@require(Action.TEACH)
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    found = _own(request, pk)
    rows = learner_rows(found)
    record(action="course.progress_viewed", by=user_of(request), obj=found, details={"learners": len(rows)})
    return render(request, "teaching/course_progress.html", {"course": found, "rows": rows})


@require_GET
@require(Action.TEACH)
def progress_export(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    found = _own(request, pk)
    # Closed by `download`, when it has been sent.
    file = tempfile.SpooledTemporaryFile(max_size=SPOOLED)  # noqa: SIM115
    written = export_write(csv_pieces(PART_COLUMNS, part_rows(found)), file)
    details = {"rows": written.rows, "sha256": written.sha256}
    record(action="course.progress_exported", by=user_of(request), obj=found, details=details)
    return download(request, file, name=f"course-{found.pk}-progress.csv", content_type="text/csv")


def _enrol(request: HttpRequest, cohort: Cohort) -> None:
    names = request.POST.get("usernames", "")[:40_000].replace(",", "\n").split()
    new, unknown = coursing.enrol_by_list(cohort=cohort, by=user_of(request), usernames=names)
    messages.success(request, f"{new} enrolled.")
    if unknown:
        messages.warning(request, f"Nobody who learns here is called {', '.join(unknown[:20])}.")


def _acted(request: HttpRequest, pk: int, act: Any, deadline: dt.datetime | None = None) -> HttpResponse:
    try:
        act()
    except TeachingError as error:
        messages.error(request, str(error))
    else:
        if deadline is not None and deadline < timezone.now():
            messages.warning(request, "Saved. This deadline has passed: what is handed in from now on is marked late.")
    return redirect("teaching:course_edit", pk)


def _cohort_form(cohort: Cohort) -> CohortForm:
    day = timezone.localtime(cohort.deadline).date() if cohort.deadline else None
    return CohortForm(initial={"name": cohort.name, "deadline": day}, auto_id=f"cohort-{cohort.pk}-%s")


def _own(request: HttpRequest, pk: int) -> Course:
    found: Course = get_object_or_404(Course.objects.editable_by(user_of(request)), pk=pk)
    return found


def _number(text: str | None) -> int:
    return whole_number(text or "") or 0


def _cases(by: User, words: str) -> list[Any]:
    rows = cases_for(by)
    for word in words.split():
        rows = rows.filter(text__icontains=word)
    return list(rows.order_by("pk")[:MOST_FOUND]) if words else []


def _title(item: Any) -> str:
    return unknown_title(item.case) if item.case_id else str(item.quiz)
