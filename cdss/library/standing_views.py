"""What editors say of what is cited: recalls and disputed passages."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdss.accounts.permissions import Action, require, user_of
from cdss.library.disputes import DisputeError, dispute_resolve, with_votes
from cdss.library.models import Document, LibraryItem
from cdss.library.recalls import RecallError, document_recall, recall_undo
from cdss.library.standing import Dispute

PER_PAGE = 30


@require_POST
@require(Action.PUBLISH)
def recall(request: HttpRequest, pk: int) -> HttpResponse:
    document = get_object_or_404(Document.objects.viewable_by(user_of(request)), pk=pk)
    kind, reason = request.POST.get("kind", ""), request.POST.get("reason", "")
    try:
        document_recall(document=document, kind=kind, reason=reason, by=user_of(request))
    except RecallError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Marked. It is no longer cited, and whoever cited it has been told.")
    return redirect("library:document", pk=pk)


@require_POST
@require(Action.PUBLISH)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    document = get_object_or_404(Document.objects.viewable_by(user_of(request)), pk=pk)
    try:
        recall_undo(document=document, by=user_of(request), reason=request.POST.get("reason", ""))
    except RecallError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The mark is taken back. It can be cited again.")
    return redirect("library:document", pk=pk)


@require_safe
@require(Action.PUBLISH)
def disputes(request: HttpRequest) -> HttpResponse:
    settled = request.GET.get("state") == "settled"
    seen = LibraryItem.objects.viewable_by(user_of(request))
    found = Dispute.objects.filter(item__in=seen.values("pk"))
    found = found.filter(resolved__isnull=False) if settled else found.standing()
    rows = with_votes(found.select_related("item", "resolved_by").defer("item__text"))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "library/disputes.html", {"page_obj": page, "settled": settled})


@require_POST
@require(Action.PUBLISH)
def resolve(request: HttpRequest, pk: int) -> HttpResponse:
    seen = LibraryItem.objects.viewable_by(user_of(request))
    dispute = get_object_or_404(Dispute.objects.filter(item__in=seen.values("pk")), pk=pk)
    try:
        dispute_resolve(dispute=dispute, by=user_of(request), reason=request.POST.get("reason", ""))
    except DisputeError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Settled. The passage is no longer marked.")
    return redirect("library:disputes")
