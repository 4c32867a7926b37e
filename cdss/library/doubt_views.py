from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.library.doubts import crop_png, doubt_decide
from cdss.library.models import Doubt

SHOWN = 50


@require_safe
@require(Action.BROWSE_LIBRARY)
def doubts(request: HttpRequest) -> HttpResponse:
    """Places of pictures that may show a name: each is looked at and decided."""
    rows = Doubt.objects.for_user(request.user).select_related("owner")
    count = rows.count()
    record(action="image.doubts_listed", by=user_of(request), details={"found": count})
    return render(request, "library/doubts.html", {"rows": rows[:SHOWN], "count": count})


@require_safe
@require(Action.BROWSE_LIBRARY)
def doubt_crop(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Doubt.objects.for_user(request.user), pk=pk)
    record(action="image.doubt_viewed", by=user_of(request), obj=found)
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return HttpResponse(crop_png(found), content_type="image/png", headers=headers)


@require_POST
@require(Action.BROWSE_LIBRARY)
def doubt_decided(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Doubt.objects.for_user(request.user), pk=pk)
    keep = request.POST.get("decision") == "keep"
    doubt_decide(doubt=found, keep=keep, by=user_of(request))
    messages.success(request, "It was put back into the picture." if keep else "It stays masked.")
    return redirect("library:doubts")
