from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.indexing.encoding.patches import patches_state
from cdss.numbers import whole_number
from cdss.regions.places import Place, place_of, place_on, searchable_image, withheld
from cdss.regions.searching import BoxError, NoPatchesError, NotNowError, box_of, box_query, compared, similar_regions
from cdss.regions.tasks import patches_in_background

UNPROCESSABLE, NOT_NOW = 422, 503


@require_safe
@never_cache
@require(Action.BROWSE_LIBRARY)
def search(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    place = place_of(request.GET, user)
    if place is None:
        return render(request, "regions/search.html", _state())
    if kept := withheld(place, user):
        messages.info(request, "Similar cases are shown once your own differential is written.")
        return redirect(kept)
    context: dict[str, Any] = {"place": place, "typed": {side: request.GET.get(side, "") for side in "xywh"}}
    try:
        box = box_of(request.GET, width=place.row.width, height=place.row.height)
        if box is not None:
            context |= {"box": box, "typed": box_query(box)}
            context |= {"similar": similar_regions(place=place, box=box, by=user)}
    except BoxError as error:
        return render(request, "regions/search.html", context | {"problem": error}, status=UNPROCESSABLE)
    except NotNowError as error:
        return _not_now(request, context, error)
    except NoPatchesError as error:
        context |= {"unprepared": error}
    return render(request, "regions/search.html", context | (_state() if "box" in context else {}))


def _not_now(request: HttpRequest, context: dict[str, Any], error: NotNowError) -> HttpResponse:
    """The box stays as it is, and the address with it: asking again is one click."""
    answer = render(request, "regions/search.html", context | {"not_now": error}, status=NOT_NOW)
    answer["Retry-After"] = "5"
    return answer


def _state() -> dict[str, Any]:
    from retrieval.errors import EncoderBusyError, EncoderError, EncoderUnavailableError

    try:
        return {"state": patches_state()}
    except (EncoderBusyError, EncoderUnavailableError) as error:
        return {"not_now": error}
    except EncoderError as error:
        return {"unprepared": error}


@require_safe
@never_cache
@require(Action.BROWSE_LIBRARY)
def compare(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    place, other = place_of(request.GET, user), _other(request, user)
    if place is None or withheld(place, user):
        raise Http404
    theirs = {side: request.GET.get(f"o{side}", "") for side in "xywh"}
    try:
        box = box_of(request.GET, width=place.row.width, height=place.row.height)
        other_box = box_of(theirs, width=other.row.width, height=other.row.height)
        if box is None:
            raise Http404
        found = compared(place=place, box=box, other=other, by=user)
    except NotNowError as error:
        return _not_now(request, {"place": place, "box": box, "typed": box_query(box) if box else {}}, error)
    except (BoxError, NoPatchesError) as error:
        told: dict[str, Any] = {"place": place, "problem": error, "typed": {}}
        return render(request, "regions/search.html", told, status=UNPROCESSABLE)
    context = {"place": place, "other": other, "box": box, "other_box": other_box, "found": found}
    return render(request, "regions/compare.html", context | {"box_query": box_query(box)})


def _other(request: HttpRequest, user: User) -> Place:
    number, frame = (whole_number(request.GET.get(*each)) for each in (("other", ""), ("other_frame", "0")))
    row = None if number is None else searchable_image(number, user)
    if row is None or frame is None or frame >= row.frames:
        raise Http404
    return place_on(row, frame)


@require_POST
@require(Action.PUBLISH)
def prepare(request: HttpRequest) -> HttpResponse:
    patches_in_background.enqueue()
    record(action="regions.prepared", by=user_of(request))
    messages.success(request, "The library's images are being prepared for the search by region. This takes minutes.")
    return redirect("regions:search")
