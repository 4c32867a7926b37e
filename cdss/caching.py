"""What may be kept of an answer that says nothing of it itself: nothing by a cache between reader and site."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# A browser asks again before it shows a page it has.
PAGE = "private, no-cache"
# A refusal may hold no longer than the reason for it: a picture is given back when its quarantine is lifted.
REFUSAL = "no-store"


class PrivateAnswersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", REFUSAL if response.status_code >= 400 else PAGE)
        return response
