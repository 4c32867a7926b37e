"""A page for when stored data cannot be decrypted: what happened and what helps, and nothing of the data."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from cdss.encryption import EncryptionError

logger = logging.getLogger(__name__)


class EncryptionErrorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, EncryptionError):
            return None
        logger.error("data could not be decrypted: %s", error)
        return TemplateResponse(request, "unreadable.html", status=503).render()
