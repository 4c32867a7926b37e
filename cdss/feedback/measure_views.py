"""What feedback shows of the people who give it: agreement, and what an answer does to their own."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.feedback.agreement.raters import agreements, ratings_of_all
from cdss.feedback.first_answers import first_answers, switches_by_group


@require_GET
@require(Action.EXPORT_FEEDBACK)
def agreement(request: HttpRequest) -> HttpResponse:
    ratings = ratings_of_all()
    record(action="feedback.agreement_viewed", by=user_of(request), details={"things": len(ratings)})
    return render(request, "feedback/agreement.html", {"agreements": agreements(ratings), "things": len(ratings)})


@require_GET
@require(Action.EXPORT_FEEDBACK)
def own_first(request: HttpRequest) -> HttpResponse:
    rows = first_answers()
    record(action="feedback.own_first_viewed", by=user_of(request), details={"consultations": len(rows)})
    return render(request, "feedback/own_first.html", {"groups": switches_by_group(rows), "count": len(rows)})
