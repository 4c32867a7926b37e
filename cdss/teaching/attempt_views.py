import datetime as dt

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.library.models import Case
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError, is_locked
from cdss.teaching import attempting
from cdss.teaching.attempting import TeachingError, cases_for
from cdss.teaching.forms import CommitForm
from cdss.teaching.masking import names_of
from cdss.teaching.models import Attempt, Course, Enrolment, Quiz, QuizRun, Step
from cdss.teaching.pictures import picture
from cdss.teaching.presenting import (
    due_rows,
    images_of,
    listed_cases,
    outcome_of,
    page_of,
    unknown_rows,
    unknown_title,
    whole_case,
)
from cdss.teaching.progress import calibration, over_time

PER_PAGE = 24


@require_GET
@require(Action.LEARN)
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    page = Paginator(listed_cases(user), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "rows": unknown_rows(page.object_list, user),
        "due": due_rows(user, timezone.localdate()),
        "quizzes": Quiz.objects.for_user(user),
        "runs": QuizRun.objects.for_user(user).open().select_related("version__quiz"),
        "courses": _courses(user),
        "now": timezone.now(),
    }
    return render(request, "teaching/home.html", context)


def _courses(user: User) -> list[tuple[Course, dt.datetime | None]]:
    """With the deadline that holds for this person."""
    taken = Enrolment.objects.filter(learner=user).select_related("cohort", "course")
    own = {row.course_id: row.deadline for row in taken}
    return [(course, own.get(course.pk, course.deadline)) for course in Course.objects.for_user(user)]


@require_http_methods(["GET", "POST"])
@require(Action.LEARN)
@never_cache
def case(request: HttpRequest, pk: int) -> HttpResponse:
    found: Case = get_object_or_404(cases_for(user_of(request)), pk=pk)
    if request.method == "POST":
        return redirect(attempting.attempt_start(case=found, by=user_of(request)))
    tried = Attempt.objects.for_user(user_of(request)).filter(case=found)
    context = {"title": unknown_title(found), "case_pk": found.pk, "tried": tried[:10], "synthetic": found.synthetic}
    return render(request, "teaching/case.html", context)


@require_http_methods(["GET", "POST"])
@require(Action.LEARN)
@never_cache
def attempt(request: HttpRequest, key: str) -> HttpResponse:
    found = _attempt(request, key)
    if request.method == "POST":
        try:
            attempting.attempt_reveal(attempt=found, by=user_of(request))
        except TeachingError as error:
            messages.error(request, str(error))
        return redirect(found)
    if found.committed is None and not found.is_open:
        messages.info(request, "That attempt was begun more than a day ago and has ended.")
        return redirect("teaching:case", found.case_id)
    record(action="teaching.attempt_viewed", by=user_of(request), obj=found)
    return _page(request, found, CommitForm())


@require_POST
@require(Action.LEARN)
@never_cache
def commit(request: HttpRequest, key: str) -> HttpResponse:
    found = _attempt(request, key)
    form = CommitForm(request.POST)
    if form.is_valid():
        try:
            attempting.attempt_commit(attempt=found, by=user_of(request), **form.said("give_up" in request.POST))
        except TeachingError as error:
            form.add_error(None, str(error))
        else:
            return redirect(found)
    if not found.is_open:
        return redirect(found)
    return _page(request, found, form, status=422)


@require_GET
@require(Action.LEARN)
def image(request: HttpRequest, key: str, number: int) -> HttpResponse:
    found = _attempt(request, key)
    if is_locked(Mode.TEXT_ONLY):
        raise LockedError(Mode.TEXT_ONLY)
    seen = found.committed is not None or found.steps.filter(step=Step.IMAGES).exists()
    if not seen or not (found.committed or found.is_open) or number < 1:
        raise Http404
    chosen = found.case.images.all()[number - 1 : number].first() if number < 10_000 else None
    response = picture(request, chosen)
    record(action="teaching.image_viewed", by=user_of(request), obj=found, details={"number": number})
    return response


@require_GET
@require(Action.LEARN)
@never_cache
def progress(request: HttpRequest) -> HttpResponse:
    done = Attempt.objects.for_user(user_of(request)).committed().select_related("case")
    rows = list(done)
    context = {
        "done": rows[:50],
        "bands": calibration(rows),
        "windows": over_time(rows),
        "right": sum(row.is_right for row in rows),
        "count": len(rows),
        "due": due_rows(user_of(request), timezone.localdate()),
        "runs": QuizRun.objects.for_user(user_of(request)).submitted().select_related("version__quiz")[:50],
    }
    return render(request, "teaching/progress.html", context)


def _attempt(request: HttpRequest, key: str) -> Attempt:
    """One's own, and its case still there to be read."""
    rows = Attempt.objects.for_user(user_of(request)).select_related("case", "learner")
    found: Attempt = get_object_or_404(rows, key=key)
    get_object_or_404(cases_for(user_of(request)), pk=found.case_id)
    return found


def _page(request: HttpRequest, found: Attempt, form: CommitForm, status: int = 200) -> HttpResponse:
    page = page_of(found)
    context = {"attempt": found, "page": page, "form": form}
    if found.committed:
        context |= {
            "case": found.case,
            "outcome": outcome_of(found),
            "blocks": whole_case(found.case),
            "images": images_of(found, names_of(found.case), with_captions=False),
        }
    template = "teaching/outcome.html" if found.committed else "teaching/attempt.html"
    return render(request, template, context, status=status)
