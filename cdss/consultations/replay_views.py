from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.consultations.models import Replay
from cdss.consultations.reads import consultation_for
from cdss.consultations.replaying import ReplayError, replay_request


@require_http_methods(["GET", "POST"])
@never_cache
@require(Action.VIEW_AUDIT)
def replays(request: HttpRequest, pk: int) -> HttpResponse:
    """GET lists the times it was run again, POST runs it once more."""
    consultation = consultation_for(request, pk)
    if request.method == "POST":
        try:
            return redirect(replay_request(consultation=consultation, by=user_of(request)))
        except ReplayError as error:
            messages.error(request, str(error))
    rows = consultation.replays.select_related("by")
    record(action="consultation.replays_listed", by=user_of(request), obj=consultation, details={"shown": len(rows)})
    return render(request, "consultations/replays.html", {"consultation": consultation, "replays": rows})


@require_GET
@never_cache
@require(Action.VIEW_AUDIT)
def replay(request: HttpRequest, pk: int, replay: int) -> HttpResponse:
    consultation = consultation_for(request, pk)
    row = get_object_or_404(Replay.objects.select_related("by"), pk=replay, consultation=consultation)
    record(action="consultation.replay_viewed", by=user_of(request), obj=consultation, details={"replay": row.pk})
    context = {"consultation": consultation, "replay": row, "result": row.result}
    return render(request, "consultations/replay.html", context)
