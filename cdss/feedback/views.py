import tempfile
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.consultations.models import Citation, Consultation, Diagnosis, Evidence, Statement
from cdss.exports import NOT_READ, download
from cdss.feedback import export as exports
from cdss.feedback.forms import FeedbackForm, FilterForm
from cdss.feedback.models import Feedback, Verdict
from cdss.feedback.presenters import buttons_context, final_context
from cdss.feedback.services import FeedbackError, export_recorded, feedback_give
from cdss.feedback.targets import feedback_by_target

PAGE_SIZE = 50
SHOWN_WITH = ("user", "consultation", "statement", "diagnosis", "evidence", "citation__evidence")
CASE_TEXT = (
    "consultation__history",
    "consultation__exam",
    "consultation__findings",
    "evidence__text",
    "citation__evidence__text",
)
IN_MEMORY = 1024 * 1024


@require_http_methods(["GET", "POST"])
@require(Action.GIVE_FEEDBACK)
def give(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks for the reason, POST keeps the word."""
    user = user_of(request)
    consultation = get_object_or_404(Consultation.objects.revealed_to(user), pk=pk)
    form = FeedbackForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid() and form.names_nothing():
        return HttpResponseBadRequest("This is not feedback on anything.")
    target = _target(consultation, form.cleaned_data["kind"], form.cleaned_data["target"])
    if request.method == "POST" and form.is_valid():
        try:
            feedback_give(by=user, consultation=consultation, **target, **form.word())
        except FeedbackError as error:
            form.add_error(None, str(error))
        else:
            return _kept(request, consultation, target, form)
    return _ask(request, consultation, form)


@require_GET
@require(Action.GIVE_FEEDBACK)
def citation(request: HttpRequest, pk: int, citation: int) -> HttpResponse:
    """What is quoted for a statement, and a place to say whether the source says it."""
    user = user_of(request)
    consultation = get_object_or_404(Consultation.objects.revealed_to(user), pk=pk)
    target = _target(consultation, "citation", citation)
    page = buttons_context(consultation=consultation, user=user, given=feedback_by_target(consultation, user), **target)
    record(action="feedback.citation_viewed", by=user, obj=consultation, details={"citation": citation})
    template = "feedback/_citation.html" if request.htmx else "feedback/citation.html"  # type: ignore[attr-defined]
    return render(request, template, page | target)


@require_GET
@require(Action.EXPORT_FEEDBACK)
def listing(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form = FilterForm(request.GET)
    # A filter that cannot be read shows nothing: not everything.
    matching = Feedback.objects.matching(**form.filters()) if form.is_valid() else Feedback.objects.none()
    found = matching.select_related(*SHOWN_WITH)
    page = Paginator(found.defer(*CASE_TEXT), PAGE_SIZE).get_page(request.GET.get("page"))
    record(action="feedback.listed", by=user, details={"found": page.paginator.count, "shown": len(page)})
    query = urlencode({name: value for name, value in form.filters().items() if value})
    return render(request, "feedback/list.html", {"page_obj": page, "form": form, "query": query})


@require_GET
@require(Action.EXPORT_FEEDBACK)
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    user = user_of(request)
    form, kind = FilterForm(request.GET), request.GET.get("format", "csv")
    if not form.is_valid():
        return HttpResponseBadRequest(NOT_READ)
    if kind not in exports.FORMATS:
        return HttpResponseBadRequest("The format is one of: " + ", ".join(exports.FORMATS) + ".")
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    exported = exports.write(Feedback.objects.matching(**form.filters()), kind, file)
    export_recorded(by=user, form=kind, exported=exported, filters=form.filters())
    name = f"feedback-{timezone.now():%Y%m%d-%H%M%S}.{exports.EXTENSIONS[kind]}"
    return download(request, file, name=name, content_type=exports.FORMATS[kind])


def _target(consultation: Consultation, kind: str, pk: int) -> dict[str, Any]:
    if kind == "statement":
        statements = Statement.objects.select_related("diagnosis__answer")
        return {kind: get_object_or_404(statements, pk=pk, diagnosis__answer__consultation=consultation)}
    if kind == "diagnosis":
        diagnoses = Diagnosis.objects.select_related("answer")
        return {kind: get_object_or_404(diagnoses, pk=pk, answer__consultation=consultation)}
    if kind == "citation":
        citations = Citation.objects.select_related("evidence__item", "statement")
        return {kind: get_object_or_404(citations, pk=pk, evidence__consultation=consultation)}
    if kind == "evidence":
        return {kind: get_object_or_404(Evidence, pk=pk, consultation=consultation)}
    return {}


def _kept(request: HttpRequest, consultation: Consultation, target: dict[str, Any], form: FeedbackForm) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, "Your feedback is kept.")
        return redirect(reverse("consultations:detail", args=[consultation.pk]) + "#" + form.anchor())
    user = user_of(request)
    page: dict[str, Any] = {"consultation": consultation, "user": user}
    page["given"] = feedback_by_target(consultation, user)
    if form.cleaned_data["verdict"] == Verdict.FINAL:
        return render(request, "feedback/_final.html", final_context(**page))
    return render(request, "feedback/_buttons.html", buttons_context(**page, **target) | {"focus": True})


def _ask(request: HttpRequest, consultation: Consultation, form: FeedbackForm) -> HttpResponse:
    template = "feedback/_give.html" if request.htmx else "feedback/give.html"  # type: ignore[attr-defined]
    # htmx swaps nothing in that comes with an error status.
    status = 422 if form.errors and not request.htmx else 200  # type: ignore[attr-defined]
    context = {"form": form, "consultation": consultation, "verdict": Verdict(form.cleaned_data["verdict"]).label}
    return render(request, template, context, status=status)
