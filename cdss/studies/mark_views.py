import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.studies import marks as services
from cdss.studies.dicom_read import MAX_BYTES
from cdss.studies.dicom_read import marks_import as take
from cdss.studies.dicom_write import presentation_state, structured_report
from cdss.studies.errors import StudyError
from cdss.studies.models import Mark
from cdss.studies.shown import Shown, shown_or_404

MAX_BODY = 16 * 1024


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.BROWSE_LIBRARY)
def marks(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """What this user sees drawn here; POST adds one."""
    user = user_of(request)
    shown = shown_or_404(kind, pk, user)
    if request.method != "POST":
        return JsonResponse({"marks": [mark.as_json(user) for mark in services.marks_of(shown, user)]})
    try:
        made = services.mark_create(shown=shown, by=user, data=_body(request))
    except StudyError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(made.as_json(user), status=201)


@require_POST
@require(Action.BROWSE_LIBRARY)
def mark(request: HttpRequest, pk: int) -> HttpResponse:
    shown, found, user = _own(request, pk)
    try:
        changed = services.mark_change(shown=shown, mark=found, by=user, data=_body(request))
    except services.StaleMarkError as error:
        return JsonResponse({"error": str(error), "stored": error.mark.as_json(user)}, status=409)
    except StudyError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(changed.as_json(user))


@require_POST
@require(Action.BROWSE_LIBRARY)
def mark_delete(request: HttpRequest, pk: int) -> HttpResponse:
    shown, found, user = _own(request, pk)
    services.mark_delete(shown=shown, mark=found, by=user)
    return JsonResponse({})


@require_safe
@require(Action.BROWSE_LIBRARY)
def gsps(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    return _exported(request, kind, pk, presentation_state, "gsps")


@require_safe
@require(Action.BROWSE_LIBRARY)
def report(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    return _exported(request, kind, pk, structured_report, "sr")


@require_POST
@require(Action.BROWSE_LIBRARY)
def marks_import(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    user = user_of(request)
    shown = shown_or_404(kind, pk, user)
    file = request.FILES.get("file")
    if file is None:
        return JsonResponse({"error": "Choose a file."}, status=400)
    try:
        taken = take(shown=shown, data=file.read(MAX_BYTES + 1), by=user)
    except StudyError as error:
        return JsonResponse({"error": str(error)}, status=400)
    counts = {"known": taken.known, "passed_over": taken.passed_over}
    return JsonResponse({"marks": [made.as_json(user) for made in taken.marks], **counts})


def _own(request: HttpRequest, pk: int) -> tuple[Shown, Mark, User]:
    """One's own mark on what one may still open. One that is seen and not one's own is no one else's to change."""
    user = user_of(request)
    found = get_object_or_404(Mark.objects.seen_by(user), pk=pk)  # type: ignore[attr-defined]
    kind, target = ("series", found.series_id) if found.series_id else ("images", found.image_id)
    shown = shown_or_404(kind, cast(int, target), user)
    if found.owner_id != user.pk:
        raise PermissionDenied("Only who drew a mark changes it.")
    return shown, found, user


def _exported(
    request: HttpRequest, kind: str, pk: int, write: Callable[[Shown, Sequence[Mark]], bytes], name: str
) -> HttpResponse:
    user = user_of(request)
    shown = shown_or_404(kind, pk, user)
    try:
        content = write(shown, services.marks_of(shown, user))
    except StudyError as error:
        return HttpResponse(str(error), status=409, content_type="text/plain; charset=utf-8")
    record(action="studies.marks_exported", by=user, obj=shown.case, details={shown.kind: shown.row.pk, "as": name})
    headers = {"Content-Disposition": f'attachment; filename="{kind}-{pk}-{name}.dcm"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type="application/dicom", headers=headers)


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        data = json.loads(request.body[: MAX_BODY + 1]) if len(request.body) <= MAX_BODY else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise StudyError("A mark is sent as a JSON object.")
    return data
