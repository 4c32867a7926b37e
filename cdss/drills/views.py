from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.consultations.reads import own_consultation_for
from cdss.drills.forms import DrillForm
from cdss.drills.models import Drill, DrillRun
from cdss.drills.planting import answer_of, plants
from cdss.drills.presenters import detection, detections_by_change, page_of_run
from cdss.drills.services import DrillError, drill_start, drill_submit, refuse_unfit
from cdss.numbers import whole_number

PAGE_SIZE = 30
HANDED_IN = Q(runs__submitted__isnull=False)


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """A learner's own drills; for educators and auditors, how theirs went."""
    user = user_of(request)
    drills = Drill.objects.for_user(user).select_related("educator", "consultation")
    counted = drills.order_by("-created", "-pk").annotate(
        people=Count("runs"), done=Count("runs", HANDED_IN), found=Count("runs", Q(runs__detected=True))
    )
    context = {
        "runs": DrillRun.objects.filter(learner=user).select_related("drill__educator")[:50],
        "page_obj": Paginator(counted, PAGE_SIZE).get_page(request.GET.get("page")),
        "detections": detections_by_change(user),
    }
    return render(request, "drills/list.html", context)


@require_http_methods(["GET", "POST"])
@require(Action.TEACH)
def new(request: HttpRequest, pk: int) -> HttpResponse:
    consultation, by = own_consultation_for(request, pk), user_of(request)
    try:
        refuse_unfit(consultation, by)
    except DrillError as error:
        messages.error(request, str(error))
        return redirect("consultations:detail", pk)
    form = DrillForm(request.POST or None, educator=by)
    if request.method == "POST" and form.is_valid():
        try:
            drill = drill_start(consultation=consultation, by=by, **form.chosen())
        except DrillError as error:
            form.add_error(None, str(error))
        else:
            return redirect("drills:drill", drill.pk)
    record(action="drill.prepared", by=by, obj=consultation)
    answer = answer_of(consultation.pk)
    context = {"consultation": consultation, "form": form, "plants": plants(answer) if answer else []}
    return render(request, "drills/new.html", context, status=422 if form.errors else 200)


@require_GET
@require(Action.READ_DRILLS)
def drill(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Drill.objects.for_user(request.user).select_related("educator", "consultation", "statement__diagnosis")
    found = get_object_or_404(rows, pk=pk)
    runs = list(found.runs.select_related("learner"))
    record(action="drill.report_viewed", by=user_of(request), obj=found)
    context = {"drill": found, "runs": runs, "detection": detection(str(found), runs)}
    return render(request, "drills/drill.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
def run(request: HttpRequest, pk: int) -> HttpResponse:
    rows = DrillRun.objects.for_user(request.user).select_related("drill__answer", "drill__educator", "learner")
    found = get_object_or_404(rows, pk=pk)
    if request.method == "POST":
        own = get_object_or_404(DrillRun, pk=pk, learner=user_of(request))
        marked = [number for each in request.POST.getlist("wrong") if (number := whole_number(each)) is not None]
        drill_submit(run=own, by=user_of(request), marked=marked)
        return redirect("drills:run", pk)
    record(action="drill.viewed", by=user_of(request), obj=found.drill)
    page = page_of_run(found)
    context = {"run": found, "drill": found.drill, "page": page, "consultation": page.consultation, "in_drill": True}
    return render(request, "drills/run.html", context)
