from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.library.veils import open_to
from cdss.numbers import whole_number
from cdss.studies.models import MarkKind
from cdss.studies.permitting import may_author
from cdss.studies.presenters import comparable, identity_line, stacks_of_case
from cdss.studies.shown import Shown, described, shown_or_404

# A frame of a version never changes; a new version has another address.
FRAME_HEADERS = {
    "Cache-Control": f"private, max-age={7 * 24 * 3600}, immutable",
    "Vary": "Cookie",
    "X-Content-Type-Options": "nosniff",
}
MOST_FRAMES = 16
# What a session has opened: its frames belong to the page that was recorded.
OPENED, MOST_OPENED = "studies_opened", 200


@require_safe
@require(Action.BROWSE_LIBRARY)
def viewer(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    shown = shown_or_404(kind, pk, user_of(request))
    _opened(request, shown)
    context = {
        "shown": shown,
        "case": shown.case,
        "identity": identity_line(shown.case),
        "series": shown.row if shown.kind == "series" else None,
        "stacks": stacks_of_case(shown.case, user_of(request)),
        "others": comparable(shown, user_of(request)),
        "kinds": MarkKind.choices,
        "is_author": may_author(user_of(request), shown.case),
        "in_library": open_to(user_of(request)).filter(pk=shown.case.pk).exists(),
    }
    return render(request, "studies/viewer.html", context)


@require_safe
@require(Action.BROWSE_LIBRARY)
def data(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    shown = shown_or_404(kind, pk, user_of(request))
    _opened(request, shown)
    about = described(shown) | {"identity": identity_line(shown.case)}
    return JsonResponse(about, headers={"Cache-Control": "private, no-cache"})


@require_safe
@require(Action.BROWSE_LIBRARY)
def frame(request: HttpRequest, kind: str, pk: int, frame: int) -> HttpResponse:
    """Raw little-endian pixels, compressed; with `count`, of several frames, each after its length in four bytes."""
    shown = shown_or_404(kind, pk, user_of(request))
    wanted = request.GET.get("count", "")
    many = whole_number(wanted, least=1, most=MOST_FRAMES) if wanted else 1
    if frame >= shown.frames or many is None:
        raise Http404
    _opened(request, shown)
    headers = FRAME_HEADERS | {"ETag": f'"{shown.version}-{frame}-{many if wanted else 0}"'}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponseNotModified(headers=headers)
    try:
        frames = [shown.packed(each) for each in range(frame, min(frame + many, shown.frames))]
    except OSError as error:
        raise Http404 from error
    if wanted:
        content = b"".join(len(packed).to_bytes(4, "little") + packed for packed in frames)
    else:
        content, headers = frames[0], headers | {"Content-Encoding": "gzip"}
    return HttpResponse(content, content_type="application/octet-stream", headers=headers)


def _opened(request: HttpRequest, shown: Shown) -> None:
    """Recorded once for a session, whether the page was opened or a frame was asked for by itself."""
    name = f"{shown.kind}:{shown.row.pk}"
    seen = request.session.get(OPENED, [])
    if name in seen:
        return
    request.session[OPENED] = [*seen[1 - MOST_OPENED :], name]
    record(action="studies.viewed", by=user_of(request), obj=shown.case, details={shown.kind: shown.row.pk})
