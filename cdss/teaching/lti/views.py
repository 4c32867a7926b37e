from django.conf import settings
from django.contrib.auth import login as sign_in
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cdss.audit.services import record
from cdss.read_only import works_when_read_only
from cdss.teaching.lti.errors import PlatformError
from cdss.teaching.lti.keys import public_keys
from cdss.teaching.lti.launching import GOOD_FOR, launch_finish, login_begin, window_address

COOKIE = "lti-state"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@require_GET
@works_when_read_only
def keys(request: HttpRequest) -> HttpResponse:
    return JsonResponse(public_keys())


@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
@works_when_read_only
def login(request: HttpRequest) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    if request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame"):
        return _own_window(request, sent.dict())
    try:
        begun = login_begin(sent=sent.dict(), launch_url=request.build_absolute_uri(reverse("teaching:lti_launch")))
    except PlatformError as error:
        return _refused(request, error)
    answer = redirect(begun.address)
    # The platform posts back across sites: a browser sends a cookie along that says so, and on https alone.
    answer.set_cookie(
        COOKIE,
        begun.state,
        max_age=int(GOOD_FOR.total_seconds()),
        path=reverse("teaching:lti_launch"),
        secure=settings.HTTPS,
        httponly=True,
        samesite="None" if settings.HTTPS else "Lax",
    )
    return answer


@csrf_exempt
@login_not_required
@never_cache
@require_POST
@works_when_read_only
def launch(request: HttpRequest) -> HttpResponse:
    try:
        if request.POST.get("error"):
            raise PlatformError("platform_error")
        launched = launch_finish(
            state=request.POST.get("state", "")[:200],
            cookie=request.COOKIES.get(COOKIE, ""),
            id_token=request.POST.get("id_token", ""),
            host=request.get_host(),
        )
    except PlatformError as error:
        return _refused(request, error)
    sign_in(request, launched.user, backend=BACKEND)
    answer = redirect(launched.path)
    answer.delete_cookie(COOKIE, path=reverse("teaching:lti_launch"))
    return answer


def _own_window(request: HttpRequest, sent: dict[str, str]) -> HttpResponse:
    """A frame of another site is given no cookies: a button opens a window, and nothing else of this site is framed."""
    try:
        query, framed_by = window_address(sent=sent)
    except PlatformError as error:
        return _refused(request, error)
    answer = render(request, "teaching/launch_window.html", {"query": query})
    answer.xframe_options_exempt = True  # type: ignore[attr-defined]
    answer._csp_replace = {"frame-ancestors": [framed_by]}  # type: ignore[attr-defined]
    return answer


def _refused(request: HttpRequest, error: PlatformError) -> HttpResponse:
    record(action="teaching.launch_refused", details={"reason": error.reason})
    return render(request, "teaching/launch_refused.html", {"why": str(error)}, status=403)
