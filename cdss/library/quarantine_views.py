from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from cdss.accounts.permissions import Action, require, user_of
from cdss.library import quarantine_services as services
from cdss.library.forms import QuarantineForm
from cdss.library.quarantines import Quarantine


@require_http_methods(["GET", "POST"])
@require(Action.QUARANTINE)
def quarantines(request: HttpRequest) -> HttpResponse:
    form = QuarantineForm(request.POST or None, initial={"collection": request.GET.get("collection")})
    if request.method == "POST" and form.is_valid():
        try:
            row = services.source_quarantine(by=user_of(request), **form.cleaned_data)
        except services.QuarantineError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{row} is in quarantine: nothing of it is searched or cited.")
            return redirect("library:quarantines")
    rows = Quarantine.objects.select_related("collection", "by", "lifted_by")[:200]
    return render(request, "library/quarantines.html", {"form": form, "rows": rows})


@require_POST
@require(Action.QUARANTINE)
def quarantine_lift(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Quarantine, pk=pk)
    services.quarantine_lift(quarantine=row, by=user_of(request))
    messages.success(request, f"{row} is searched and cited again.")
    return redirect("library:quarantines")
