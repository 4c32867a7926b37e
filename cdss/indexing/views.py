from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, require
from cdss.audit.services import record
from cdss.indexing.models import IndexCheck, IndexVersion
from cdss.indexing.tasks import check_index
from cdss.indexing.versions.changes import pending

CHECKS_SHOWN, VERSIONS_SHOWN = 20, 5


@require_GET
@require(Action.OPERATE)
def state(request: HttpRequest) -> HttpResponse:
    """Only what is stored: nothing of the index is loaded into a web process for this page."""
    checks = IndexCheck.objects.all()
    context = {
        "versions": IndexVersion.objects.all()[:VERSIONS_SHOWN],
        "pending": pending(),
        "last": checks.first(),
        "repair": checks.exclude(repaired="").first(),
        "checks": checks[:CHECKS_SHOWN],
    }
    return render(request, "indexing/state.html", context)


@require_POST
@require(Action.OPERATE)
def check(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        record(action="index.check_asked", by=cast(User, request.user))
        transaction.on_commit(check_index.enqueue)
    messages.success(request, "The index is being checked. The result stands here when it is done.")
    return redirect("indexing:state")
