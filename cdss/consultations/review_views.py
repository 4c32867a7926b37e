from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.consultations import services
from cdss.consultations.models import Consultation, Status
from cdss.consultations.reads import own_consultation_for
from cdss.consultations.reviewing import MORE, Review
from cdss.consultations.working import case_of

UNREADABLE = (
    "A row could not be read. Choose one of its answers, and keep a size under 80 characters and a finding under 300."
)


@require_http_methods(["GET", "POST"])
@never_cache
@require(Action.CONSULT)
def review(request: HttpRequest, pk: int) -> HttpResponse:
    consultation = own_consultation_for(request, pk)
    if consultation.status != Status.REVIEW:
        return redirect("consultations:detail", pk)
    sent = request.POST if request.method == "POST" else None
    rows = Review(case_of(consultation), sent)
    refused = ""
    if sent is not None and MORE not in sent:
        refused = _why_not(consultation, rows, user_of(request))
        if not refused:
            return redirect("consultations:detail", pk)
    record(action="consultation.viewed", by=user_of(request), obj=consultation)
    context = {"consultation": consultation, "review": rows, "refused": refused}
    return render(request, "consultations/review.html", context, status=422 if refused else 200)


def _why_not(consultation: Consultation, rows: Review, by: User) -> str:
    """Empty when the review was taken."""
    if not rows.is_valid():
        return UNREADABLE
    try:
        services.consultation_reviewed(consultation=consultation, by=by, corrections=rows.corrections())
    except services.CaseRefusedError as error:
        return str(error)
    return ""
