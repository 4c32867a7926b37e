"""Pixels and nothing else: what a stored picture says beside them stays here."""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack

from django.http import Http404, HttpRequest, HttpResponse

from cdss.library.image_files import frame_paths, image_bytes
from cdss.library.models import CaseImage
from cdss.library.pictured import is_small
from cdss.library.thumbnails import thumbnail
from retrieval.errors import UnreadableError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def picture(request: HttpRequest, image: CaseImage | None, frame: int = 0) -> HttpResponse:
    if image is None:
        raise Http404
    try:
        if is_small(request):
            return HttpResponse(thumbnail(image), content_type="image/jpeg", headers=HEADERS)
        paths = frame_paths(name=str(image.file), frames=image.frames)
        content = pixels_alone(image_bytes(paths[abs(int(request.GET.get("frame", frame)))]))
    except (OSError, ValueError, IndexError, UnreadableError) as error:
        raise Http404 from error
    return HttpResponse(content, content_type="image/png", headers=HEADERS)


def pixels_alone(png: bytes) -> bytes:
    """The chunks a picture is drawn from. Raises ValueError for what is no PNG."""
    return SIGNATURE + b"".join(piece for name, piece in _chunks(png) if name in KEPT)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not png.startswith(SIGNATURE):
        raise ValueError("this is no PNG")
    at = len(SIGNATURE)
    while at + 12 <= len(png):
        (length,) = unpack(">I", png[at : at + 4])
        end = at + 12 + length
        if end > len(png):
            raise ValueError("this PNG is cut short")
        yield png[at + 4 : at + 8], png[at:end]
        at = end
