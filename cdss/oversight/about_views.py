from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cdss.accounts.permissions import Action, require
from cdss.oversight.cards import CARDS

TITLES = {"source-attributes": "Source attributes", "model-card": "Model card", "data-card": "Data card"}


@require_GET
@require(Action.BROWSE_LIBRARY)
def about(request: HttpRequest, name: str) -> HttpResponse:
    if name not in CARDS:
        raise Http404
    return render(request, "oversight/card.html", {"card": CARDS[name](), "name": name, "titles": TITLES.items()})


@require_GET
@require(Action.BROWSE_LIBRARY)
def about_json(request: HttpRequest, name: str) -> HttpResponse:
    if name not in CARDS:
        raise Http404
    return JsonResponse(CARDS[name]().as_json(), json_dumps_params={"ensure_ascii": False, "indent": 1})
