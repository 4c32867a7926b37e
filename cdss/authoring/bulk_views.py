from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.authoring import bulk, case_import
from cdss.authoring.forms import PlanForm
from cdss.authoring.models import BulkEdit, PlannedImport
from cdss.authoring.services import AuthoringError
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.numbers import whole_number

SHOWN_LINES = 500


@require_POST
@require(Action.AUTHOR)
def change(request: HttpRequest) -> HttpResponse:
    """What would change; with `apply`, it does."""
    user = user_of(request)
    wanted = [pk for each in request.POST.getlist("case") if (pk := whole_number(each)) is not None]
    kind = request.POST.get("kind", "")
    try:
        value = request.POST.get(f"value_{kind}") or request.POST.get("value", "")
        asked = bulk.change_of(kind, value, user)
        if not wanted:
            raise AuthoringError("Choose at least one case of the list.")
        if request.POST.get("apply") == "yes":
            made = bulk.bulk_apply(change=asked, cases=wanted, by=user)
            messages.success(request, f"{len(made.rows)} case{'s' * (len(made.rows) != 1)} changed.")
            return redirect("authoring:bulk", made.pk)
        lines = bulk.preview(change=asked, cases=wanted, by=user)
        record(action="case.listed", by=user, details={"shown": len(lines), "kind": kind})
    except AuthoringError as error:
        messages.error(request, str(error))
        return redirect("authoring:list")
    return render(request, "authoring/bulk_preview.html", {"change": asked, "lines": lines})


@require_safe
@require(Action.AUTHOR)
def done(request: HttpRequest, pk: int) -> HttpResponse:
    edit = get_object_or_404(BulkEdit.objects.for_user(request.user), pk=pk)
    change_ = bulk.Change(**edit.change)
    can_undo = not edit.undone and change_.kind not in bulk.ACTS and bool(edit.rows)
    return render(request, "authoring/bulk_done.html", {"edit": edit, "change": change_, "can_undo": can_undo})


@require_POST
@require(Action.AUTHOR)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    edit = get_object_or_404(BulkEdit.objects.for_user(request.user), pk=pk)
    try:
        count = bulk.bulk_undo(edit=edit, by=user_of(request))
        messages.success(request, f"{count} of {len(edit.rows)} taken back; others were changed since.")
    except AuthoringError as error:
        messages.error(request, str(error))
    return redirect("authoring:bulk", pk)


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.IMPORT)
def plan(request: HttpRequest) -> HttpResponse:
    refuse_in(Mode.EDUCATION)
    form = PlanForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            sent = data.get("sent") or data["file"]
            look = case_import.import_plan if case_import.is_quick(sent) else case_import.import_send
            made = look(upload=sent, collection=data["collection"], visibility=data["visibility"], by=user_of(request))
            return redirect("authoring:planned", made.pk)
        except AuthoringError as error:
            form.add_error("file", str(error))
    return render(request, "authoring/import.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.IMPORT)
def planned(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(PlannedImport.objects.for_user(request.user), pk=pk)
    if request.method == "POST":
        try:
            if row.is_unfinished:
                case_import.import_again(planned=row)
            elif case_import.runs_quickly(row):
                case_import.import_run(planned=row, by=user_of(request))
            else:
                case_import.import_start(planned=row)
        except AuthoringError as error:
            messages.error(request, str(error))
        return redirect("authoring:planned", pk)
    if row.is_unfinished:
        return render(request, "authoring/planned_wait.html", {"row": row})
    counts = case_import.counts_of(row.plan)
    context = {"row": row, "counts": counts, "lines": row.plan[:SHOWN_LINES], "all": len(row.plan)}
    return render(request, "authoring/planned.html", context)


@require_safe
@require(Action.IMPORT)
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that asks for itself; when the work is done, for the whole page."""
    row = get_object_or_404(PlannedImport.objects.for_user(request.user), pk=pk)
    response = render(request, "authoring/_planned_progress.html", {"row": row})
    if not row.is_unfinished:
        response.headers["HX-Refresh"] = "true"
    return response
