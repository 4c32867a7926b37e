from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from cdss.accounts.permissions import Action, require, user_of
from cdss.locks import services
from cdss.locks.models import Mode, SiteLock
from cdss.locks.modes import MEANINGS
from cdss.read_only import works_when_read_only


@works_when_read_only
@require_http_methods(["GET", "POST"])
@require(Action.LOCK_SITE)
def modes(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _switch(request)
    switched = {row.mode: row for row in SiteLock.objects.select_related("by")}
    rows = [(mode, MEANINGS[mode], switched.get(mode), mode in settings.LOCKED_MODES) for mode in Mode]
    return render(request, "locks/modes.html", {"rows": rows})


def _switch(request: HttpRequest) -> HttpResponse:
    if request.POST.get("mode") not in Mode.values:
        messages.error(request, "There is no such mode.")
        return redirect("locks:modes")
    mode, on = Mode(request.POST["mode"]), request.POST.get("on") == "yes"
    try:
        services.mode_set(mode=mode, on=on, by=user_of(request))
    except services.SetElsewhereError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{mode.label} is {'on' if on else 'off'}.")
    return redirect("locks:modes")
