from io import BytesIO

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.privacy.erasure import patient_erase
from cdss.privacy.export import patient_export
from cdss.privacy.forms import EraseForm, SubjectForm
from cdss.privacy.holdings import NothingHeldError, holdings_of
from cdss.privacy.tasks import clear_traces


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.ERASE)
def subject(request: HttpRequest) -> HttpResponse:
    """Whose data; then what is held of them. The number comes in the body: it stands in no address and no log."""
    form = SubjectForm(request.POST if request.method == "POST" else None)
    counts = None
    if request.method == "POST" and form.is_valid():
        try:
            counts = holdings_of(**form.asked()).counts()
        except NothingHeldError as error:
            form.add_error(None, str(error))
        record(action="privacy.looked_up", by=user_of(request), details={"found": bool(counts)})
    erase = EraseForm(initial=form.cleaned_data, auto_id="erase_%s") if counts else None
    return render(request, "privacy/subject.html", {"form": form, "counts": counts, "erase": erase})


@require_POST
@require(Action.ERASE)
def export(request: HttpRequest) -> HttpResponse:
    form = SubjectForm(request.POST)
    if not form.is_valid():
        return render(request, "privacy/subject.html", {"form": form})
    file = BytesIO()
    try:
        patient_export(holdings=holdings_of(**form.asked()), file=file, by=user_of(request))
    except NothingHeldError as error:
        form.add_error(None, str(error))
        return render(request, "privacy/subject.html", {"form": form})
    headers = {"Content-Disposition": 'attachment; filename="patient-data.zip"', "Cache-Control": "no-store"}
    return HttpResponse(file.getvalue(), content_type="application/zip", headers=headers)


@require_POST
@require(Action.ERASE)
def erase(request: HttpRequest) -> HttpResponse:
    form = EraseForm(request.POST, auto_id="erase_%s")
    counts = None
    if form.is_valid():
        try:
            found = holdings_of(**form.asked())
            patient_erase(holdings=found, by=user_of(request), reason=form.cleaned_data["reason"])
        except NothingHeldError as error:
            form.add_error(None, str(error))
        else:
            clear_traces.enqueue()
            messages.success(request, "Erased. The index is being made anew. Backups have to be dealt with separately.")
            return redirect("privacy:subject")
    elif SubjectForm(request.POST).is_valid():
        counts = True
    return render(request, "privacy/subject.html", {"form": SubjectForm(request.POST), "counts": counts, "erase": form})
