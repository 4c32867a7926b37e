import hashlib
from pathlib import Path

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.anchors import anchor_add, anchor_lines
from cdss.audit.models import Anchor
from cdss.audit.services import record
from cdss.audit.standalone import verify_export

PAGE_SIZE = 100
PROGRAM = Path(verify_export.__file__)


@require_http_methods(["GET", "POST"])
@require(Action.VIEW_AUDIT)
def listing(request: HttpRequest) -> HttpResponse:
    """GET shows the anchors, POST makes the one of today."""
    if request.method == "POST":
        made = anchor_add(by=user_of(request))
        messages.success(request, f"Anchored at event {made.sequence}." if made else "Today has its anchor already.")
        return redirect("audit:anchors")
    page = Paginator(Anchor.objects.order_by("-date"), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "audit/anchors.html", {"page_obj": page})


@require_GET
@require(Action.VIEW_AUDIT)
def export(request: HttpRequest) -> HttpResponse:
    data = "".join(anchor_lines()).encode()
    details = {"rows": data.count(b"\n"), "sha256": hashlib.sha256(data).hexdigest()}
    record(action="audit.anchors_exported", by=user_of(request), details=details)
    headers = {"Content-Disposition": 'attachment; filename="anchors.jsonl"', "Cache-Control": "no-store"}
    return HttpResponse(data, content_type="application/x-ndjson", headers=headers)


@require_GET
@require(Action.VIEW_AUDIT)
def verifier(request: HttpRequest) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{PROGRAM.name}"'}
    return HttpResponse(PROGRAM.read_bytes(), content_type="text/x-python; charset=utf-8", headers=headers)
