from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from cdss.accounts.permissions import Action, require
from cdss.evaluation.models import EvaluationRun
from cdss.evaluation.presenters import history_rows, latest_of_each, run_view, suite_titles

PAGE_SIZE = 25


@require_GET
@require(Action.VIEW_EVALUATION)
def listing(request: HttpRequest) -> HttpResponse:
    suite = request.GET.get("suite", "")
    runs = EvaluationRun.objects.select_related("by").defer("tables", "configuration", "notes")
    page = Paginator(runs.filter(suite=suite) if suite else runs, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "latest": [] if suite else latest_of_each(),
        "page_obj": page,
        "rows": history_rows(page.object_list),
        "suite": suite,
        "suites": suite_titles(),
    }
    return render(request, "evaluation/list.html", context)


@require_GET
@require(Action.VIEW_EVALUATION)
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(EvaluationRun.objects.select_related("by"), pk=pk)
    return render(request, "evaluation/run.html", {"view": run_view(run)})
