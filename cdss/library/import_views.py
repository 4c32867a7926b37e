from dataclasses import asdict

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django_tasks import TaskResultStatus

from cdss.accounts.permissions import Action, require, user_of
from cdss.background import own_result_or_404
from cdss.library import uploads
from cdss.library.forms import ImportForm
from cdss.library.tasks import import_in_background

# More than this is left to the worker: the page answers at once.
INLINE_BYTES = 2 * 1024 * 1024


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.IMPORT)
def import_form(request: HttpRequest) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "library/import.html", {"form": form})
    user = user_of(request)
    upload = form.cleaned_data["file"]
    try:
        path = uploads.hold(upload)
    except uploads.UploadError as error:
        form.add_error("file", str(error))
        return render(request, "library/import.html", {"form": form}, status=507)
    if upload.size > INLINE_BYTES:
        result = import_in_background.enqueue(str(path), asdict(form.options()), user.pk)
        return redirect("library:import_result", result.id)
    outcome = uploads.import_outcome(path=path, options=asdict(form.options()), by=user)
    return render(request, "library/import_result.html", {"outcome": outcome, "state": "done"})


@require_safe
@require(Action.IMPORT)
def import_result(request: HttpRequest, pk: str) -> HttpResponse:
    """What became of an import in the background; one's own only."""
    result = own_result_or_404(request, import_in_background, pk)
    done, failed = result.status == TaskResultStatus.SUCCESSFUL, result.status == TaskResultStatus.FAILED
    context = {
        "outcome": result.return_value if done else None,
        "state": "done" if done else "failed" if failed else "waiting",
    }
    return render(request, "library/import_result.html", context)
