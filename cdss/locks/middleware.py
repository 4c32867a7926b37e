"""A page for what a locked mode refuses; the services and the database refuse it as well."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.locks.forms_closed import is_page, without_forms
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError, locked_modes

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Pixels in or out.
IMAGE_ROUTES = frozenset(
    {"consultations:image", "library:image", "library:frame", "library:doubt_crop", "authoring:doubt_crop"}
    | {"authoring:picture"}
    | {"studies:viewer", "studies:data", "studies:frame", "studies:key_image", "studies:series_dicom"}
    | {"studies:upload", "studies:upload_files", "studies:upload_start"}
    # A mark is measured in the pixels.
    | {"studies:marks", "studies:mark", "studies:marks_import"}
)
# Where a case is typed or uploaded.
CASE_ROUTES = frozenset(
    {"consultations:new", "consultations:split", "consultations:preview", "consultations:review", "library:import"}
    | {"authoring:new", "authoring:picture_add", "authoring:pictures_again", "authoring:import", "authoring:planned"}
    | {"studies:upload", "studies:upload_files", "studies:upload_start"}
)
LOCKED = 423


class LockMiddleware(MiddlewareMixin):
    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        modes = locked_modes()
        request.locked_modes = modes  # type: ignore[attr-defined]
        for mode in sorted(modes):
            if _refuses(mode, request, view):
                return refusal(request, mode)
        return None

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if Mode.READ_ONLY in getattr(request, "locked_modes", ()) and is_page(response):
            return without_forms(request, response)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return refusal(request, error.mode) if isinstance(error, LockedError) else None


def _refuses(mode: Mode, request: HttpRequest, view: Any) -> bool:
    name = request.resolver_match.view_name if request.resolver_match else ""
    writes = request.method not in SAFE
    if mode == Mode.READ_ONLY:
        return writes and not getattr(view, "works_when_read_only", False)
    if mode == Mode.TEXT_ONLY:
        # The search by region and masks are about nothing but images.
        return name in IMAGE_ROUTES or name.startswith("regions:")
    # The empty form too: nobody types a case that is then refused.
    return name in CASE_ROUTES


def refusal(request: HttpRequest, mode: Mode) -> HttpResponse:
    user = request.user if isinstance(request.user, User) else None
    route = request.resolver_match.view_name if request.resolver_match else ""
    record(action="lock.refused", by=user, details={"mode": mode.value, "route": route, "method": request.method})
    return render(request, "locks/refused.html", {"mode": mode, "why": LockedError(mode)}, status=LOCKED)
