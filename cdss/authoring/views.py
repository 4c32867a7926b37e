import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdss.accounts.models import User
from cdss.accounts.permissions import REFUSAL, Action, may, require, user_of
from cdss.audit.services import record
from cdss.authoring import presenters, services
from cdss.authoring.bulk import KINDS
from cdss.authoring.checklist import checklist_of
from cdss.authoring.collections import collections_for
from cdss.authoring.completeness import completeness_of
from cdss.authoring.content import reference_problems
from cdss.authoring.differences import differences
from cdss.authoring.forms import NewCaseForm, SettingsForm, SubmitForm
from cdss.authoring.models import Manuscript, cases_editable_by
from cdss.authoring.picture_uploads import sent_to
from cdss.authoring.pictures import pictures_adopt
from cdss.authoring.vocabulary import VocabularyError, suggestions
from cdss.authoring.workflow import open_actions
from cdss.library.field_values import RowError
from cdss.library.models import State
from cdss.library.services import collection_ensure
from cdss.library.veils import open_to
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked, refuse_in
from cdss.numbers import whole_number

PER_PAGE = 30
COLLECTION = "Teaching cases"


def readable(request: HttpRequest, pk: int) -> Manuscript:
    rows = Manuscript.objects.select_related("case__owner", "case__collection")
    return get_object_or_404(rows.filter(pk__in=Manuscript.objects.for_user(request.user).values("pk")), pk=pk)


def editable(request: HttpRequest, pk: int) -> Manuscript:
    """What one may not see is not there; what one sees and may not write in is refused."""
    found = readable(request, pk) if Manuscript.objects.for_user(request.user).filter(pk=pk).exists() else None
    mine = Manuscript.objects.editable_by(request.user).filter(pk=pk).select_related("case__owner", "case__collection")
    if (row := mine.first()) is not None:
        return row
    if found is None:
        raise Http404
    raise PermissionDenied(REFUSAL)


@require_safe
@require(Action.AUTHOR)
def listing(request: HttpRequest) -> HttpResponse:
    user, tab = user_of(request), request.GET.get("tab", "drafts")
    tab = tab if tab in presenters.TABS else "drafts"
    page = Paginator(presenters.tab_rows(user, tab), PER_PAGE).get_page(request.GET.get("page"))
    record(action="case.listed", by=user, details={"tab": tab, "shown": len(page), "found": page.paginator.count})
    context = {"tabs": presenters.tabs(user), "tab": tab, "page_obj": page, "kinds": KINDS.items()}
    return render(request, "authoring/list.html", context | {"collections": collections_for(user)})


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.AUTHOR)
def new(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    refuse_in(Mode.EDUCATION)
    form = NewCaseForm(request.POST or None, collections=collections_for(user).exclude(name=COLLECTION))
    if request.method != "POST" or not form.is_valid():
        return render(request, "authoring/new.html", {"form": form})
    data = form.cleaned_data
    collection = data["collection"] or collection_ensure(name=COLLECTION, description="Cases written on this site.")
    try:
        made = services.case_new(by=user, title=data["title"], collection=collection, visibility=data["visibility"])
    except (services.AuthoringError, RowError) as error:
        form.add_error("title", str(error))
        return render(request, "authoring/new.html", {"form": form})
    return redirect(made)


@require_POST
@require(Action.AUTHOR)
def open_case(request: HttpRequest, pk: int) -> HttpResponse:
    case = get_object_or_404(cases_editable_by(user_of(request)), pk=pk)
    return redirect(services.manuscript_open(case=case, by=user_of(request)))


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.AUTHOR)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method == "POST":
        return _saved(request, editable(request, pk))
    manuscript = readable(request, pk)
    user = user_of(request)
    if not Manuscript.objects.editable_by(user).filter(pk=pk).exists() or manuscript.stage in (
        State.REVIEW,
        State.RETIRED,
    ):
        return redirect("authoring:review", pk)
    if not (is_locked(Mode.READ_ONLY) or is_locked(Mode.TEXT_ONLY)) and pictures_adopt(manuscript=manuscript):
        # Key images that were made of its series meanwhile.
        manuscript.refresh_from_db()
    record(action="case.viewed", by=user, obj=manuscript, details={"version": manuscript.version})
    base = presenters.digests(manuscript.content)
    context = frame(manuscript, user) | {
        "sections": presenters.controls(manuscript),
        "pictures": presenters.pictures(manuscript),
        "sent": sent_to(manuscript, user),
        "conflicts": presenters.conflicts(manuscript),
        "base": json.dumps(base, sort_keys=True),
        "reference_problems": reference_problems(manuscript.content["references"]),
    }
    return render(request, "authoring/edit.html", context)


def frame(manuscript: Manuscript, user: User) -> dict[str, Any]:
    """What every page of one case shows around what it is about."""
    case = manuscript.case
    settings_form = SettingsForm(
        initial={"collection": case.collection_id, "visibility": case.visibility},
        collections=(collections_for(user) | type(case.collection).objects.filter(pk=case.collection_id)).distinct(),
    )
    return {
        "manuscript": manuscript,
        "case": case,
        "authors": manuscript.authors(),
        "reviewers": list(manuscript.reviewers.all()),
        "actions": open_actions(manuscript, user),
        "is_author": Manuscript.objects.editable_by(user).filter(pk=manuscript.pk).exists(),
        "in_library": open_to(user).filter(pk=case.pk).exists(),
        "is_owner": case.owner_id in (user.pk, None) or may(user, Action.MANAGE_USERS),
        "completeness": completeness_of(manuscript.content),
        "checklist": checklist_of(manuscript),
        "settings_form": settings_form,
        "submit_form": SubmitForm(),
    }


def _saved(request: HttpRequest, manuscript: Manuscript) -> HttpResponse:
    base, fields = _posted(request)
    wants_json = request.headers.get("Accept", "").startswith("application/json")
    try:
        saved = services.manuscript_save(manuscript=manuscript, by=user_of(request), fields=fields, base=base)
    except services.AuthoringError as error:
        if wants_json:
            return JsonResponse({"refused": str(error)}, status=409)
        messages.error(request, str(error))
        return redirect("authoring:review", manuscript.pk)
    if wants_json:
        return JsonResponse(_answer(saved, base))
    for said in saved.problems.values():
        messages.error(request, said)
    if saved.conflicts:
        messages.warning(request, "Somebody else changed the same field. Both texts are kept: choose below.")
    messages.success(request, "Saved.")
    return redirect(manuscript)


def _posted(request: HttpRequest) -> tuple[dict[str, str], dict[str, str]]:
    try:
        base = json.loads(request.POST.get("base") or "{}")
    except ValueError:
        base = {}
    kept = {key: value for key, value in base.items() if isinstance(value, str)} if isinstance(base, dict) else {}
    fields = {
        name: value for name, value in request.POST.items() if name not in ("base", "csrfmiddlewaretoken", "ticks")
    }
    for name in request.POST.getlist("ticks"):
        fields.setdefault(name, "")
    return kept, {name: str(value) for name, value in fields.items()}


def _answer(saved: services.Saved, base: dict[str, str]) -> dict[str, Any]:
    content = saved.manuscript.content
    completeness = completeness_of(content)
    return {
        "version": saved.manuscript.version,
        "base": presenters.digests(content),
        # Refused fields keep what their author typed: it is settled in the block of conflicts.
        "values": presenters.changed_since(content, base),
        "taken": list(saved.taken),
        "conflicts": [conflict.field for conflict in saved.conflicts],
        "gone": list(saved.gone),
        "removed": dict(saved.removed),
        "problems": dict(saved.problems),
        "references": reference_problems(content["references"]),
        "percent": completeness.percent,
        "missing": [[part.name, part.why, part.field] for part in completeness.missing],
    }


@require_safe
@require(Action.AUTHOR)
def history(request: HttpRequest, pk: int) -> HttpResponse:
    manuscript = readable(request, pk)
    revisions = list(manuscript.revisions.select_related("by").defer("content"))
    record(action="case.history_viewed", by=user_of(request), obj=manuscript)
    context = frame(manuscript, user_of(request)) | {"revisions": revisions}
    return render(request, "authoring/history.html", context)


@require_safe
@require(Action.AUTHOR)
def difference(request: HttpRequest, pk: int) -> HttpResponse:
    manuscript = readable(request, pk)
    numbers = [whole_number(request.GET.get(name, "")) for name in ("a", "b")]
    before, after = (get_object_or_404(manuscript.revisions.select_related("by"), number=each) for each in numbers)
    record(
        action="case.history_viewed", by=user_of(request), obj=manuscript, details={"a": numbers[0], "b": numbers[1]}
    )
    context = frame(manuscript, user_of(request)) | {
        "before": before, "after": after, "rows": differences(before.content, after.content)}  # fmt: skip
    return render(request, "authoring/difference.html", context)


@require_POST
@require(Action.AUTHOR)
def restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    manuscript = editable(request, pk)
    revision = get_object_or_404(manuscript.revisions, number=number)
    try:
        services.revision_restore(revision=revision, by=user_of(request))
        messages.success(request, f"Revision {number} is the newest text again. What stood there is in the history.")
    except services.AuthoringError as error:
        messages.error(request, str(error))
    return redirect("authoring:history", pk)


@require_POST
@require(Action.AUTHOR)
def settle(request: HttpRequest, pk: int, conflict: int) -> HttpResponse:
    manuscript = editable(request, pk)
    row = get_object_or_404(manuscript.conflicts, pk=conflict)
    choice = request.POST.get("choice")
    try:
        view = next(each for each in presenters.conflicts(manuscript) if each.conflict.pk == row.pk)
        value = {"mine": view.mine, "theirs": view.theirs}.get(str(choice), request.POST.get("text", ""))
        services.conflict_settle(conflict=row, by=user_of(request), value=value)
        messages.success(request, f"{view.label}: settled.")
    except StopIteration:
        row.delete()
        messages.success(request, "The image is not in the case any more.")
    except (services.AuthoringError, ValueError) as error:
        messages.error(request, str(error))
    return redirect("authoring:edit", pk)


@require_safe
@require(Action.AUTHOR)
def suggest(request: HttpRequest) -> HttpResponse:
    system = request.GET.get("system", "")
    try:
        found = suggestions(request.GET.get("q", ""), system=system)
    except VocabularyError as error:
        return JsonResponse({"terms": [], "problem": str(error)})
    rows = [{"system": each.system, "code": each.code, "display": each.display, "by": each.found_by} for each in found]
    return JsonResponse({"terms": rows})
