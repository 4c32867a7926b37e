import tempfile
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit import export as exports
from cdss.audit.forms import FilterForm
from cdss.audit.models import Event
from cdss.audit.services import record
from cdss.audit.verify import verify
from cdss.exports import NOT_READ, download

PAGE_SIZE = 100
IN_MEMORY = 1024 * 1024


@require_GET
@require(Action.VIEW_AUDIT)
def listing(request: HttpRequest) -> HttpResponse:
    form = FilterForm(request.GET)
    # A filter that cannot be read shows nothing: not everything.
    matching = Event.objects.matching(**form.filters()) if form.is_valid() else Event.objects.none()
    found = matching.order_by("-sequence")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    record(action="audit.viewed", by=user_of(request), details={"found": page.paginator.count, "shown": len(page)})
    context = {
        "page_obj": page,
        "form": form,
        "query": urlencode({name: value for name, value in form.filters().items() if value}),
        "verified": Event.objects.filter(action="audit.verified").order_by("-at").first(),
    }
    return render(request, "audit/list.html", context)


@require_POST
@require(Action.VIEW_AUDIT)
def verification(request: HttpRequest) -> HttpResponse:
    report = verify()
    details = {
        "holds": report.holds,
        "events": report.events,
        "head": report.head,
        "anchors": report.anchors,
        "broken": report.sequence,
    }
    record(action="audit.verified", by=user_of(request), details=details)
    if report.holds:
        messages.success(request, f"The audit trail holds: {report.events} events, {report.anchors} anchors.")
    else:
        messages.error(request, f"The audit trail is broken at event {report.sequence}. {report.problem}")
    return redirect("audit:list")


@require_GET
@require(Action.VIEW_AUDIT)
def prepare(request: HttpRequest) -> HttpResponse:
    """What an export would hold, before it is made."""
    form = FilterForm(request.GET)
    wanted = exports.Wanted(form.filters())
    context = {
        "form": form,
        "used": wanted.used,
        "said": [(form.fields[name].label or name.capitalize(), value) for name, value in wanted.used.items()],
        "count": wanted.events().count() if form.is_valid() else 0,
        "whole": Event.objects.count(),
        "query": urlencode({name: value for name, value in form.filters().items() if value}),
    }
    return render(request, "audit/prepare.html", context, status=200 if form.is_valid() else 400)


@require_GET
@require(Action.VIEW_AUDIT)
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    form, kind = FilterForm(request.GET), request.GET.get("format", "csv")
    if not form.is_valid():
        return HttpResponseBadRequest(NOT_READ)
    if kind not in exports.FORMATS:
        return HttpResponseBadRequest("The format is one of: " + ", ".join(exports.FORMATS) + ".")
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    wanted = exports.Wanted(form.filters(), placeholders=request.GET.get("placeholders") != "no")
    exports.export_events(by=user_of(request), wanted=wanted, form=kind, file=file)
    name = f"audit-{timezone.now():%Y%m%d-%H%M%S}.{exports.EXTENSIONS[kind]}"
    return download(request, file, name=name, content_type=exports.FORMATS[kind])
