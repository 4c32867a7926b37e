import tempfile
from dataclasses import asdict
from typing import cast
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_tasks import TaskResultStatus

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.background import own_result_or_404
from cdss.exchange.choosing import chosen_cases
from cdss.exchange.forms import ExportForm
from cdss.exchange.held import held
from cdss.exchange.kept import kept_parts
from cdss.exchange.models import Carried
from cdss.exchange.services import carried_forget, cases_export
from cdss.exchange.tasks import export_in_background
from cdss.exports import download
from cdss.library.models import CaseImage
from cdss.library.veils import open_to
from cdss.read_only import writes_nothing

# More than this is left to the worker: the page answers at once.
INLINE_CASES = 25
INLINE_IMAGES = 60
IN_MEMORY = 4 * 1024 * 1024
ZIP = "application/zip"


@writes_nothing
@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.BROWSE_LIBRARY)
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    user = user_of(request)
    form = ExportForm(
        request.POST if request.method == "POST" else {"format": "jsonl", **request.GET.dict()}, user=user
    )
    if not form.is_valid():
        return render(request, "exchange/export.html", {"form": form, "found": 0}, status=400)
    cases = chosen_cases(form.chosen(), user=user)
    found = cases.count()
    if request.method != "POST" or "count" in request.POST or not found:
        return render(request, "exchange/export.html", {"form": form, "found": found, "filters": form.filters})
    options = {"hide_answers": not form.cleaned_data["show_answers"]}
    kind, title = form.cleaned_data["format"], form.heading()
    if found > INLINE_CASES or CaseImage.objects.filter(case__in=cases).count() > INLINE_IMAGES:
        key = str(uuid4())
        choice = asdict(form.chosen()) | {"ids": list(form.chosen().ids)}
        result = export_in_background.enqueue(key, choice, kind, title, options["hide_answers"], user.pk)
        return redirect("exchange:result", result.id)
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    cases_export(cases=cases, form=kind, file=file, by=user, title=title, options=options)
    return download(request, file, name=_name(kind), content_type=ZIP)


@require_safe
@require(Action.BROWSE_LIBRARY)
def result(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What became of an export in the background; one's own only."""
    found = own_result_or_404(request, export_in_background, str(pk))
    done, failed = found.status == TaskResultStatus.SUCCESSFUL, found.status == TaskResultStatus.FAILED
    outcome = found.return_value if done else None
    context = {
        "key": pk,
        "outcome": outcome,
        "state": "failed" if failed or (outcome and "refused" in outcome) else "done" if done else "waiting",
    }
    return render(request, "exchange/result.html", context)


@require_safe
@require(Action.BROWSE_LIBRARY)
def fetch(request: HttpRequest, pk: UUID) -> HttpResponse | StreamingHttpResponse:
    found = own_result_or_404(request, export_in_background, str(pk))
    file = held(UUID(found.args[0])) if found.status == TaskResultStatus.SUCCESSFUL else None
    if file is None:
        raise Http404
    made = cast(dict[str, object], found.return_value)
    details = {name: made[name] for name in ("form", "cases", "sha256", "size")}
    record(action="library.export_fetched", by=user_of(request), details=details)
    return download(request, file, name=_name(str(details["form"])), content_type=ZIP)


def _name(kind: str) -> str:
    return f"cases-{kind}-{timezone.now():%Y%m%d-%H%M%S}.zip"


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.PUBLISH)
def carried(request: HttpRequest, pk: int) -> HttpResponse:
    """What the file of a case said beyond its fields, to look through and to drop."""
    case = get_object_or_404(open_to(user_of(request)).select_related("carried"), pk=pk)
    found = get_object_or_404(Carried, case=case)
    if request.method == "POST":
        carried_forget(case=case, by=user_of(request))
        messages.success(request, "What the file said beside is dropped. The case stays as it is.")
        return redirect("library:case", pk=pk)
    record(action="library.viewed", by=user_of(request), obj=case, details={"carried": found.format})
    return render(request, "exchange/carried.html", {"case": case, "carried": found, "parts": kept_parts(found)})
