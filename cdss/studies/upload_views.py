import json
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdss.accounts.permissions import Action, require, user_of
from cdss.library.models import Case, State
from cdss.numbers import whole_number
from cdss.studies.errors import StudyError
from cdss.studies.forms import UploadForm
from cdss.studies.models import StudyUpload, UploadState
from cdss.studies.presenters import series_of_case
from cdss.studies.services import draft_begin
from cdss.studies.uploads import NO_FILES, is_silent, upload_add, upload_begin
from cdss.studies.uploads import upload_start as start

UNFINISHED = (UploadState.WAITING, UploadState.READING)


def _upload(request: HttpRequest, pk: UUID) -> StudyUpload:
    return get_object_or_404(StudyUpload.objects.for_user(request.user).select_related("case"), pk=pk)  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.IMPORT)
def upload(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    if case := request.GET.get("case", ""):
        get_object_or_404(Case.objects.filter(owner=user, state=State.DRAFT), pk=whole_number(case))
    form = UploadForm(request.POST if request.method == "POST" else None, user=user, initial={"case": case})
    if request.method != "POST" or not form.is_valid():
        return _form(request, form)
    files = request.FILES.getlist("files")
    by_script = request.headers.get("Accept") == "application/json"
    if not files and not by_script:
        form.add_error(None, NO_FILES)
        return _form(request, form)
    try:
        chosen = form.cleaned_data["case"] or draft_begin(title=form.cleaned_data["title"], by=user)
        begun = upload_begin(case=chosen, by=user)
        if by_script:
            return JsonResponse(
                {name: reverse(f"studies:upload_{name}", args=[begun.pk]) for name in ("files", "start")}
            )
        upload_add(upload=begun, files=files)
        start(upload=begun)
    except StudyError as error:
        form.add_error(None, str(error))
        return _form(request, form)
    return redirect("studies:upload_result", begun.pk)


def _form(request: HttpRequest, form: UploadForm) -> HttpResponse:
    if request.headers.get("Accept") == "application/json" and form.errors:
        said = [message for messages in form.errors.values() for message in messages]
        return JsonResponse({"error": " ".join(map(str, said))}, status=400)
    return render(request, "studies/upload.html", {"form": form, "back": _back(request)})


def _back(request: HttpRequest) -> str:
    case = whole_number(request.GET.get("case", ""))
    return reverse("authoring:list") if case is None else reverse("library:case", args=[case])


@require_POST
@require(Action.IMPORT)
def upload_files(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _upload(request, pk)
    try:
        return JsonResponse({"files": upload_add(upload=found, files=request.FILES.getlist("files"))})
    except StudyError as error:
        return JsonResponse({"error": str(error)}, status=400)


@require_POST
@require(Action.IMPORT)
def upload_start(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _upload(request, pk)
    try:
        start(upload=found)
    except StudyError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return redirect("studies:upload_result", pk)


@require_safe
@require(Action.IMPORT)
def upload_result(request: HttpRequest, pk: UUID) -> HttpResponse:
    return render(request, "studies/upload_result.html", _context(_upload(request, pk)))


@require_safe
@require(Action.IMPORT)
def upload_progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The part of the page that asks for itself while the work goes on."""
    return render(request, "studies/_progress.html", _context(_upload(request, pk)))


def _context(found: StudyUpload) -> dict[str, object]:
    return {
        "upload": found,
        "remarks": json.loads(found.remarks) if found.remarks else [],
        "unfinished": found.state in UNFINISHED,
        "silent": is_silent(found),
        "stacks": series_of_case(found.case) if found.state == UploadState.DONE else [],
        "percent": 100 * found.done // found.total if found.total else 0,
    }
