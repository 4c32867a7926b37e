"""Five failures lock an account name from an address for a while; what was typed is kept nowhere."""

import hashlib
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from cdss.accounts.models import User


def hashed_username(request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """A hash: what is typed here by mistake is often a password."""
    name = str((credentials or {}).get("username") or "").strip().casefold()
    return hashlib.sha256(f"{settings.SECRET_KEY}\n{name}".encode("utf-8", "replace")).hexdigest()


def address_of(request: HttpRequest) -> str | None:
    return request.META.get("REMOTE_ADDR") or None


class LockoutBackend(AxesStandaloneBackend):
    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:  # type: ignore[override]
        # Without a request there is no address to lock: the command line.
        if request is not None:
            super().authenticate(request, **credentials)


class LockoutHandler(AxesDatabaseHandler):
    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        """Without the fields that were sent, which the table would keep."""
        if request is None:
            return
        sent = request.GET, request.POST
        request.GET = request.POST = QueryDict()  # type: ignore[assignment]
        try:
            super().user_login_failed(sender, credentials, request, **kwargs)
        finally:
            request.GET, request.POST = sent  # type: ignore[assignment]


def count_failure(*, request: HttpRequest, user: User) -> None:
    """A wrong code or old password counts like a wrong password at sign-in."""
    user_login_failed.send(sender=__name__, credentials={"username": user.get_username()}, request=request)


def is_locked(request: HttpRequest, user: User) -> bool:
    """Marks the request when it is: its answer is then the page of the lock, whatever the view returns."""
    credentials = {"username": user.get_username()}
    if AxesProxyHandler.is_allowed(request, credentials):
        return False
    request.axes_locked_out = True  # type: ignore[attr-defined]
    return True


def locked_page(request: HttpRequest, response: HttpResponse | None, credentials: object = None) -> HttpResponse:
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    context = {"minutes": minutes, "failures": settings.AXES_FAILURE_LIMIT}
    page = render(request, "accounts/locked.html", context, status=429)
    page["Retry-After"], page["Cache-Control"] = str(60 * minutes), "no-store"
    return page
