"""Where the request at hand comes from, so that services need not pass it along."""

from contextvars import ContextVar

from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

client_address: ContextVar[str] = ContextVar("client_address", default="")


class ClientAddressMiddleware(MiddlewareMixin):
    """The server (uvicorn) has already replaced a trusted proxy's address by the client's."""

    def process_request(self, request: HttpRequest) -> None:
        client_address.set(request.META.get("REMOTE_ADDR") or "")
