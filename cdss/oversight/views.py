from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.chain import printable
from cdss.audit.services import record
from cdss.oversight.forms import DashboardForm
from cdss.oversight.presenters import dashboard as dashboard_of


@require_GET
@require(Action.VIEW_AUDIT)
def dashboard(request: HttpRequest) -> HttpResponse:
    form = DashboardForm(request.GET or {"measure": "first"})
    if not form.is_valid():
        return render(request, "oversight/dashboard.html", {"form": form})
    board = dashboard_of(form.filters())
    used = {name: printable(str(value)) for name, value in form.filters().items() if value}
    details = {"consultations": board.total, "filters": used}
    record(action="oversight.viewed", by=user_of(request), details=details)
    return render(request, "oversight/dashboard.html", {"form": form, "board": board})
