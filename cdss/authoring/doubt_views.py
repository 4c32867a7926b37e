from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.authoring import picture_doubts
from cdss.authoring.checklist import doubts_in
from cdss.authoring.services import AuthoringError
from cdss.authoring.views import readable
from cdss.library.doubts import crop_png
from cdss.studies.models import Series

SAID = {"mask": "It stays masked.", "keep": "It is shown again.", "refuse": "Back to its authors, with your comment."}
CROP_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


@require_safe
@require(Action.AUTHOR)
def crop(request: HttpRequest, pk: int, doubt: int) -> HttpResponse:
    """What stood in a masked place, in each of its frames one under the other."""
    found = get_object_or_404(doubts_in(readable(request, pk)), pk=doubt)
    record(action="image.doubt_viewed", by=user_of(request), obj=found, details={"manuscript": pk})
    return HttpResponse(crop_png(found), content_type="image/png", headers=CROP_HEADERS)


@require_POST
@require(Action.AUTHOR)
def decide(request: HttpRequest, pk: int, doubt: int) -> HttpResponse:
    manuscript, decision = readable(request, pk), request.POST.get("decision", "")
    found = get_object_or_404(doubts_in(manuscript), pk=doubt)
    try:
        if decision not in SAID:
            raise AuthoringError("Choose what becomes of this place.")
        if decision == "refuse":
            picture_doubts.picture_refuse(manuscript=manuscript, doubt=found, by=user_of(request))
        else:
            keep = decision == "keep"
            picture_doubts.doubt_settle(manuscript=manuscript, doubt=found, keep=keep, by=user_of(request))
        messages.success(request, SAID[decision])
    except AuthoringError as error:
        messages.error(request, str(error))
    return redirect(f"/authoring/{pk}/review/#doubts" if decision != "refuse" else f"/authoring/{pk}/review/")


@require_POST
@require(Action.AUTHOR)
def decide_series(request: HttpRequest, pk: int, series: int) -> HttpResponse:
    manuscript, decision = readable(request, pk), request.POST.get("decision", "")
    found = get_object_or_404(Series, case=manuscript.case_id, pk=series)
    try:
        if decision not in ("mask", "keep"):
            raise AuthoringError("Choose what becomes of these places.")
        keep = decision == "keep"
        picture_doubts.series_settle(manuscript=manuscript, series=found, keep=keep, by=user_of(request))
        messages.success(request, SAID[decision])
    except AuthoringError as error:
        messages.error(request, str(error))
    return redirect(f"/authoring/{pk}/review/#doubts")
