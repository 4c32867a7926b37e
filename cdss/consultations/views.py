import hashlib
import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.handlers.asgi import ASGIRequest
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.consultations import services
from cdss.consultations.export import exported
from cdss.consultations.fhir import bundle
from cdss.consultations.forms import CaseForm, HistoryForm, NewConsultationForm
from cdss.consultations.live import is_settled, progress_event, progress_events, progress_of, step_states
from cdss.consultations.models import Consultation, Status
from cdss.consultations.own_views import withheld_page
from cdss.consultations.presenters import Page, page_of
from cdss.consultations.previews import preview_of
from cdss.consultations.reads import (
    awaiting_feedback,
    consultation_for,
    listed_only,
    own_consultation_for,
    searched,
    unfinished,
    whole_consultation_for,
)
from cdss.library.models import Case, LibraryItem
from cdss.library.pictured import is_small, picture_response
from cdss.library.veils import unveiled
from cdss.read_only import writes_nothing
from cdss.reasoning.models import shown_name
from retrieval.errors import UnreadableError

PAGE_SIZE = 25
OWN_PAGES = {Status.ABSTAINED: "abstained", Status.FAILED: "failed", Status.CANCELLED: "cancelled"}


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    news = unveiled(LibraryItem.objects.searchable_by(user), user).order_by("-created", "-pk")
    context: dict[str, Any] = {
        "open": listed_only(unfinished(user).values_list("pk", flat=True)[:8]),
        "awaiting": listed_only(awaiting_feedback(user).values_list("pk", flat=True)[:8]),
        "news": LibraryItem.objects.filter(pk__in=news.values("pk")[:6])
        .select_related("document")
        .defer("text")
        .order_by("-created", "-pk"),
    }
    shown = len(context["open"]) + len(context["awaiting"])
    record(action="consultation.listed", by=user, details={"shown": shown, "page": "start"})
    return render(request, "consultations/start.html", context)


@require_GET
@require(Action.VIEW_CONSULTATIONS)
def history(request: HttpRequest) -> HttpResponse:
    form = HistoryForm(request.GET or None)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = searched(Consultation.objects.for_user(request.user), wanted).values_list("pk", flat=True)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    page.object_list = listed_only(list(page.object_list))  # type: ignore[assignment]
    record(
        action="consultation.listed", by=user_of(request), details={"shown": len(page), "found": page.paginator.count}
    )
    return render(request, "consultations/history.html", {"page_obj": page, "form": form, "wanted": wanted})


def _case_page(form: NewConsultationForm) -> dict[str, object]:
    return {"form": form, "llm": shown_name(settings.LLM)}


@require_http_methods(["GET", "POST"])
@require(Action.CONSULT)
def new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "consultations/new.html", _case_page(NewConsultationForm()))
    form = NewConsultationForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            consultation = services.consultation_start(
                by=user_of(request),
                case=form.whole_case(services.split_pasted),
                uploads=form.cleaned_data["images"],
                use_llm=form.cleaned_data["use_llm"],
                llm_timeout_seconds=form.seconds(),
                review="review" in request.POST,
                ip=request.META.get("REMOTE_ADDR", ""),
                patient=form.cleaned_data["patient"],
            )
        except services.CaseRefusedError as error:
            form.add_error(None, str(error))
        else:
            return redirect("consultations:detail", consultation.pk)
    return render(request, "consultations/new.html", _case_page(form), status=422)


@writes_nothing
@require_POST
@require(Action.CONSULT)
def split(request: HttpRequest) -> HttpResponse:
    form = NewConsultationForm(request.POST)
    if not form.is_valid():
        return render(request, "consultations/new.html", _case_page(form), status=422)
    form = form.after_split(services.split_pasted)
    template = "consultations/_case_fields.html" if request.headers.get("HX-Request") else "consultations/new.html"
    return render(request, template, _case_page(form) | {"was_split": True})


@writes_nothing
@require_POST
@require(Action.CONSULT)
def preview(request: HttpRequest) -> HttpResponse:
    form = NewConsultationForm(request.POST)
    context = _case_page(form)
    if form.is_valid():
        try:
            case = services.cleaned(form.whole_case(services.split_pasted))
            context["preview"] = preview_of(case, services.consultation_preview(case))
        except services.CaseRefusedError as error:
            form.add_error(None, str(error))
    template = "consultations/_preview.html" if request.headers.get("HX-Request") else "consultations/new.html"
    return render(request, template, context)


@require_GET
@never_cache
@require(Action.VIEW_CONSULTATIONS)
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    consultation = whole_consultation_for(request, pk)
    if consultation.status == Status.REVIEW and consultation.user_id == user_of(request).pk:
        return redirect("consultations:review", pk)
    if consultation.is_withheld_from(request.user):
        record(action="consultation.viewed", by=user_of(request), obj=consultation, details={"withheld": True})
        return withheld_page(request, consultation)
    page = page_of(consultation, user=user_of(request), writer=request.GET.get("writer", ""))
    record(action="consultation.viewed", by=user_of(request), obj=consultation)
    return render(request, f"consultations/{template_of(page)}.html", context_of(page))


def template_of(page: Page) -> str:
    # A consultation stopped while the language model wrote still has the composer's answer to show.
    if page.diagnoses and page.consultation.status != Status.ABSTAINED:
        return "result"
    return OWN_PAGES.get(Status(page.consultation.status), "result")


def context_of(page: Page) -> dict[str, object]:
    return {
        "page": page,
        "consultation": page.consultation,
        "steps": step_states(page.consultation),
        "settled": is_settled(page.consultation),
        "edit_form": CaseForm.of(page.consultation),
        "now": timezone.now(),
    }


@require_GET
@never_cache
@require(Action.VIEW_CONSULTATIONS)
def print_view(request: HttpRequest, pk: int) -> HttpResponse:
    consultation = whole_consultation_for(request, pk)
    if consultation.is_withheld_from(request.user):
        return redirect("consultations:detail", pk)
    page = page_of(consultation, user=user_of(request), writer=request.GET.get("writer", ""))
    record(action="consultation.printed", by=user_of(request), obj=consultation)
    return render(request, "consultations/print.html", context_of(page))


@require_GET
@never_cache
@require(Action.VIEW_CONSULTATIONS)
def export(request: HttpRequest, pk: int) -> HttpResponse:
    consultation = whole_consultation_for(request, pk)
    if consultation.is_withheld_from(request.user):
        return redirect("consultations:detail", pk)
    form = "fhir" if request.GET.get("format") == "fhir" else "json"
    found = bundle(consultation) if form == "fhir" else exported(consultation)
    data = json.dumps(found, ensure_ascii=False, indent=2).encode()
    details = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "format": form}
    record(action="consultation.exported", by=user_of(request), obj=consultation, details=details)
    name = f"{consultation}.fhir.json" if form == "fhir" else f"{consultation}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    content_type = "application/fhir+json" if form == "fhir" else "application/json"
    return HttpResponse(data, content_type=content_type, headers=headers)


@require_GET
@never_cache
@require(Action.VIEW_CONSULTATIONS)
def status(request: HttpRequest, pk: int) -> HttpResponse:
    return JsonResponse(progress_of(consultation_for(request, pk)))


@require_GET
@never_cache
@require(Action.VIEW_CONSULTATIONS)
def progress(request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    consultation = consultation_for(request, pk)
    if not isinstance(request, ASGIRequest):
        # A stream would hold a WSGI worker: the browser is given one event and asks again by itself.
        return HttpResponse(progress_event(consultation), content_type="text/event-stream")
    headers = {"X-Accel-Buffering": "no"}
    return StreamingHttpResponse(progress_events(consultation.pk), content_type="text/event-stream", headers=headers)


@require_GET
@require(Action.VIEW_CONSULTATIONS)
def image(request: HttpRequest, pk: int, image: int) -> HttpResponseBase:
    consultation = consultation_for(request, pk)
    row = get_object_or_404(consultation.images, pk=image)
    try:
        response = picture_response(request, row)
    except (OSError, ValueError, IndexError, UnreadableError) as error:
        raise Http404 from error
    if not is_small(request):
        record(action="consultation.image_viewed", by=user_of(request), obj=consultation, details={"image": row.pk})
    return response


@require_POST
@require(Action.CONSULT)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    services.consultation_cancel(consultation=own_consultation_for(request, pk), by=user_of(request))
    return redirect("consultations:detail", pk)


@require_POST
@require(Action.CONSULT)
def again(request: HttpRequest, pk: int) -> HttpResponse:
    consultation = own_consultation_for(request, pk)
    form = CaseForm(request.POST)
    case = form.case() if "edited" in request.POST and form.is_valid() else None
    try:
        following = services.consultation_again(
            consultation=consultation, by=user_of(request), case=case, review="review" in request.POST
        )
    except services.CaseRefusedError as error:
        messages.error(request, str(error))
        return redirect("consultations:detail", pk)
    return redirect("consultations:detail", following.pk)


@require_POST
@require(Action.CONSULT)
def from_case(request: HttpRequest, pk: int) -> HttpResponse:
    case = get_object_or_404(Case.objects.viewable_by(user_of(request)), pk=pk)
    try:
        consultation = services.consultation_from_case(case=case, by=user_of(request))
    except services.CaseRefusedError as error:
        messages.error(request, str(error))
        return redirect("library:case", pk)
    return redirect("consultations:detail", consultation.pk)


@require_POST
@require(Action.CONSULT)
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    services.consultation_retry(consultation=own_consultation_for(request, pk), by=user_of(request))
    return redirect("consultations:detail", pk)
