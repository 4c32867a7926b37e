"""What feedback asks of the library's editors: gaps to fill, cases to take over."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from cdss.accounts.permissions import REFUSAL, Action, require, user_of
from cdss.consultations.models import Consultation
from cdss.feedback.drafting import DraftError, case_draft, may_draft
from cdss.feedback.forms import GapForm
from cdss.feedback.gaps import GapError, gap_change, gaps_matching
from cdss.feedback.models import Gap, GapReport, GapState

PAGE_SIZE = 30


@require_GET
@require(Action.PUBLISH)
def gaps(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    reports = Prefetch("reports", GapReport.objects.select_related("consultation"))
    found = Gap.objects.filter(gaps_matching(state)).select_related("taken_by")
    rows = found.annotate(met=Count("reports")).order_by("-last_met", "-pk").prefetch_related(reports)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    shown = [report.consultation_id for gap in page for report in gap.reports.all()]
    readable = Consultation.objects.for_user(request.user).filter(pk__in=shown).values_list("pk", flat=True)
    context = {"page_obj": page, "states": GapState.choices, "state": state, "readable": set(readable)}
    return render(request, "feedback/gaps.html", context)


@require_POST
@require(Action.PUBLISH)
def gap(request: HttpRequest, pk: int) -> HttpResponse:
    found, form = get_object_or_404(Gap, pk=pk), GapForm(request.POST)
    try:
        if not form.is_valid():
            raise GapError("A ticket is open, taken or closed, with a reason of at most 500 characters.")
        gap_change(gap=found, by=user_of(request), **form.cleaned_data)
    except GapError as error:
        messages.error(request, str(error))
    return redirect("feedback:gaps")


@require_POST
@require(Action.GIVE_FEEDBACK)
def draft(request: HttpRequest, pk: int) -> HttpResponse:
    user = user_of(request)
    consultation = get_object_or_404(Consultation.objects.revealed_to(user), pk=pk)
    if not may_draft(user, consultation):
        return HttpResponseForbidden(REFUSAL)
    try:
        case = case_draft(consultation=consultation, by=user)
    except DraftError as error:
        messages.error(request, str(error))
        return redirect("consultations:detail", pk)
    messages.success(request, "This is the draft. Read it through; nothing finds it until an editor publishes it.")
    return redirect("library:case", case.pk)
