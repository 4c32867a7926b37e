import json
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, require, user_of
from cdss.library.models import Case, Visibility
from cdss.library.writing import desk
from cdss.numbers import whole_number
from cdss.studies.errors import StudyError
from cdss.studies.forms import UploadForm
from cdss.studies.models import StudyUpload, UploadState
from cdss.studies.presenters import case_page, series_of_case
from cdss.studies.services import draft_begin
from cdss.studies.twins import twins_of
from cdss.studies.uploads import NO_FILES, is_silent, upload_add, upload_begin
from cdss.studies.uploads import upload_start as start

UNFINISHED = (UploadState.WAITING, UploadState.READING)


def _upload(request: HttpRequest, pk: UUID) -> StudyUpload:
    return get_object_or_404(StudyUpload.objects.for_user(request.user).select_related("case", "owner"), pk=pk)  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.AUTHOR)
def upload(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    case = _asked_for(request, user)
    form = UploadForm(request.POST if request.method == "POST" else None, user=user, case=case, initial={"case": case})
    if request.method != "POST" or not form.is_valid():
        return _form(request, form, case)
    files = request.FILES.getlist("files")
    by_script = request.headers.get("Accept") == "application/json"
    if not files and not by_script:
        form.add_error(None, NO_FILES)
        return _form(request, form, case)
    try:
        chosen = form.cleaned_data["case"] or _draft(form, user)
        begun = upload_begin(case=chosen, by=user)
        if by_script:
            to = {name: reverse(f"studies:upload_{name}", args=[begun.pk]) for name in ("files", "start")}
            return JsonResponse(to | {"case": chosen.pk, "title": chosen.title})
        upload_add(upload=begun, files=files)
        start(upload=begun)
    except StudyError as error:
        form.add_error(None, str(error))
        return _form(request, form, case)
    return redirect("studies:upload_result", begun.pk)


def _asked_for(request: HttpRequest, user: User) -> Case | None:
    case = request.GET.get("case", "")
    if not case:
        return None
    return get_object_or_404(desk().writable(user), pk=whole_number(case))


def _draft(form: UploadForm, user: User) -> Case:
    data = form.cleaned_data
    return draft_begin(title=data["title"], by=user, visibility=data["visibility"] or Visibility.PUBLIC)


def _form(request: HttpRequest, form: UploadForm, case: Case | None) -> HttpResponse:
    if request.headers.get("Accept") == "application/json" and form.errors:
        said = [message for messages in form.errors.values() for message in messages]
        return JsonResponse({"error": " ".join(map(str, said))}, status=400)
    back = case_page(case, user_of(request)) if case else reverse("authoring:list")
    return render(request, "studies/upload.html", {"form": form, "case": case, "back": back})


@require_POST
@require(Action.AUTHOR)
def upload_files(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _upload(request, pk)
    try:
        return JsonResponse({"files": upload_add(upload=found, files=request.FILES.getlist("files"))})
    except StudyError as error:
        return JsonResponse({"error": str(error)}, status=400)


@require_POST
@require(Action.AUTHOR)
def upload_start(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _upload(request, pk)
    try:
        start(upload=found)
    except StudyError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return redirect("studies:upload_result", pk)


@require_safe
@require(Action.AUTHOR)
def upload_result(request: HttpRequest, pk: UUID) -> HttpResponse:
    return render(request, "studies/upload_result.html", _context(_upload(request, pk)))


@require_safe
@require(Action.AUTHOR)
def upload_progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The part of the page that asks for itself while the work goes on."""
    return render(request, "studies/_progress.html", _context(_upload(request, pk)))


def _context(found: StudyUpload) -> dict[str, object]:
    return {
        "upload": found,
        "remarks": json.loads(found.remarks) if found.remarks else [],
        "unfinished": found.state in UNFINISHED,
        "silent": is_silent(found),
        "stacks": series_of_case(found.case, found.owner) if found.state == UploadState.DONE else [],
        "twins": twins_of(found) if found.state == UploadState.DONE else None,
        "percent": 100 * found.done // found.total if found.total else 0,
    }
