from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from cdss.accounts.permissions import Action, require, user_of
from cdss.consultations.models import Consultation
from cdss.consultations.own import MOST, OwnDifferentialError, differential_afterwards, differential_commit
from cdss.consultations.presenters import Page
from cdss.consultations.rating import RatingError, rater_invite
from cdss.consultations.reads import own_consultation_for

FIELDS = 5


def withheld_page(
    request: HttpRequest, consultation: Consultation, *, refused: str = "", names: list[str] | None = None
) -> HttpResponse:
    """The case and a place for one's own differential: nothing of the answer is read for it."""
    written = (names or [])[:MOST]
    context = {
        "consultation": consultation,
        "page": Page(consultation, [], None, []),
        "refused": refused,
        "places": [*written, *[""] * (FIELDS - len(written))],
    }
    return render(request, "consultations/commit.html", context, status=422 if refused else 200)


@require_POST
@require(Action.CONSULT)
def commit(request: HttpRequest, pk: int) -> HttpResponse:
    consultation = own_consultation_for(request, pk)
    names = request.POST.getlist("name")
    try:
        differential_commit(consultation=consultation, by=user_of(request), names=names)
    except OwnDifferentialError as error:
        return withheld_page(request, consultation, refused=str(error), names=names)
    return redirect("consultations:detail", pk)


@require_POST
@require(Action.CONSULT)
def afterwards(request: HttpRequest, pk: int) -> HttpResponse:
    consultation, names = own_consultation_for(request, pk), request.POST.getlist("name")
    return _kept(
        request, pk, lambda: differential_afterwards(consultation=consultation, by=user_of(request), names=names)
    )


@require_POST
@require(Action.GIVE_FEEDBACK)
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    consultation, username = own_consultation_for(request, pk), request.POST.get("username", "")
    return _kept(request, pk, lambda: rater_invite(consultation=consultation, by=user_of(request), username=username))


def _kept(request: HttpRequest, pk: int, act: Callable[[], None]) -> HttpResponse:
    try:
        act()
    except (OwnDifferentialError, RatingError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Kept.")
    return redirect("consultations:detail", pk)
