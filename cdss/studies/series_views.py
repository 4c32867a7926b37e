from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.studies import services
from cdss.studies.dicom_series import series_zip
from cdss.studies.errors import StudyError
from cdss.studies.forms import KeyImageForm
from cdss.studies.models import Series
from cdss.studies.permitting import may_author
from cdss.studies.presenters import case_page
from cdss.studies.shown import Shown, shown_or_404

NOT_YOURS = "Only who writes a case changes its series, and not while it is in review or retired."


def _authored(request: HttpRequest, pk: int) -> tuple[Shown, Series, User]:
    user = user_of(request)
    shown = shown_or_404("series", pk, user)
    if not may_author(user, shown.case):
        raise PermissionDenied(NOT_YOURS)
    return shown, cast(Series, shown.row), user


@require_POST
@require(Action.AUTHOR)
def key_image(request: HttpRequest, pk: int) -> HttpResponse:
    shown, _, user = _authored(request, pk)
    form = KeyImageForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": "A key image needs a frame and a window."}, status=400)
    data = form.cleaned_data
    window = services.Window(data["center"], data["width"], data["inverted"])
    try:
        image = services.key_image_make(
            shown=shown, frame=data["frame"], window=window, caption=data["caption"], by=user
        )
    except StudyError as error:
        return JsonResponse({"error": str(error)}, status=400)
    if image is None:
        return JsonResponse({"image": None, "position": None})
    return JsonResponse({"image": image.pk, "position": image.position})


@require_safe
@require(Action.AUTHOR)
def dicom(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The de-identified files that the exported marks refer to."""
    shown, series, user = _authored(request, pk)
    try:
        pieces = series_zip(shown)
    except StudyError as error:
        return HttpResponse(str(error), status=409, content_type="text/plain; charset=utf-8")
    record(action="studies.series_exported", by=user, obj=shown.case, details={"series": series.pk})
    headers = {"Content-Disposition": f'attachment; filename="series-{pk}.zip"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(pieces, content_type="application/zip", headers=headers)


@require_POST
@require(Action.AUTHOR)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    shown, series, user = _authored(request, pk)
    try:
        services.series_delete(series=series, by=user)
    except StudyError as error:
        messages.error(request, str(error))
        return redirect("studies:viewer", "series", pk)
    messages.success(request, "The series and its marks were deleted. Key images made from it stay with the case.")
    return redirect(case_page(shown.case, user))


@require_POST
@require(Action.AUTHOR)
def doubts(request: HttpRequest, pk: int) -> HttpResponse:
    _, series, user = _authored(request, pk)
    keep = request.POST.get("keep") == "yes"
    services.doubts_decide(series=series, keep=keep, by=user)
    messages.success(request, "These places are shown again." if keep else "These places are covered for good.")
    return redirect("studies:viewer", "series", pk)
