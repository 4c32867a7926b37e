from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.learning.forms import PromoteForm, RollbackForm
from cdss.learning.presenters import change_rows, run_counts, serving_view, version_rows, version_view
from cdss.learning.services import PromotionError, weights_promote, weights_rollback
from cdss.ranking.models import RankingWeights

PAGE_SIZE = 25


@require_GET
@require(Action.VIEW_EVALUATION)
def listing(request: HttpRequest) -> HttpResponse:
    rows = RankingWeights.objects.select_related("promoted_by", "created_by").defer("weights")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page_obj": page, "rows": version_rows(page.object_list), **serving_view()}
    return render(request, "learning/list.html", context)


@require_GET
@require(Action.VIEW_EVALUATION)
def detail(request: HttpRequest, version: int) -> HttpResponse:
    return _detail(request, version, PromoteForm())


@require_POST
@require(Action.PROMOTE_RANKING)
def promote(request: HttpRequest, version: int) -> HttpResponse:
    row, form = get_object_or_404(RankingWeights, version=version), PromoteForm(request.POST)
    if not form.is_valid():
        return _detail(request, version, form, status=422)
    try:
        weights_promote(version=row.version, by=user_of(request), reason=form.cleaned_data["reason"])
    except PromotionError as error:
        messages.error(request, str(error))
        return redirect("learning:version", version)
    messages.success(request, f"Version {version} answers from now on.")
    return redirect("learning:list")


@require_POST
@require(Action.PROMOTE_RANKING)
def rollback(request: HttpRequest) -> HttpResponse:
    form = RollbackForm(request.POST)
    expected = form.cleaned_data["serving"] if form.is_valid() else None
    try:
        gone, restored = weights_rollback(by=user_of(request), expected=expected)
    except PromotionError as error:
        messages.error(request, str(error))
    else:
        which = f"version {restored}" if restored else "the packaged weights"
        messages.success(request, f"Version {gone} is retired; {which} answer from now on.")
    return redirect("learning:list")


def _detail(request: HttpRequest, version: int, form: PromoteForm, status: int = 200) -> HttpResponse:
    user = user_of(request)
    row = get_object_or_404(RankingWeights.objects.select_related("promoted_by", "created_by"), version=version)
    context = version_view(row, user) | {"form": form}
    if run := context["run"]:
        page = Paginator(run.changes.all(), PAGE_SIZE).get_page(request.GET.get("page"))
        changes = change_rows(list(page), user)
        named = any(change.names for change in changes)
        context |= {"page_obj": page, "changes": changes, "named": named, "counts": run_counts(run)}
    record(action="ranking.viewed", by=user, obj=row, details={"version": row.version})
    return render(request, "learning/version.html", context, status=status)
