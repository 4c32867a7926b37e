"""What every row of a stored picture has, and how a page is given it: in full, or small and kept by the browser."""

from __future__ import annotations

from typing import Protocol

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from cdss.library.image_files import frame_paths, image_bytes

# A picture in full is asked for again after an hour, so that the trail says who looked when.
FULL = "private, max-age=3600"
# The address of a small one holds what it was made of.
SMALL = "private, max-age=31536000, immutable"


class StoredPicture(Protocol):
    frames: int

    @property
    def file(self) -> object: ...
    @property
    def sha256(self) -> str: ...
    def get_absolute_url(self) -> str: ...


class Pictured:
    """Of models of pictures."""

    @property
    def small_url(self: StoredPicture) -> str:
        return f"{self.get_absolute_url()}?size=thumb&v={version_of(self)}"


def version_of(image: StoredPicture) -> str:
    """Of the picture as it was taken in, and of its file, which is another one when a mask was taken off."""
    try:
        stamp = frame_paths(name=str(image.file), frames=image.frames)[0].stat().st_mtime_ns
    except OSError:
        stamp = 0
    return f"{image.sha256[:12]}-{stamp:x}"


def is_small(request: HttpRequest) -> bool:
    return request.GET.get("size") == "thumb"


def picture_response(request: HttpRequest, image: StoredPicture, frame: int = 0) -> HttpResponseBase:
    """The picture in the size that is asked for, or 304 for who has it. Who may have it is the view's matter.

    Raises OSError, ValueError, IndexError, EncryptionError and UnreadableError.
    """
    from cdss.library.thumbnails import thumbnail

    version, small = version_of(image), is_small(request)
    number = int(request.GET.get("frame", frame))
    if number < 0:
        raise ValueError(f"frame {number} of {image.frames}")
    path = frame_paths(name=str(image.file), frames=image.frames)[number]
    path.stat()
    response = HttpResponse(content_type="image/jpeg" if small else "image/png")
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = SMALL if small and request.GET.get("v") == version else FULL
    response["ETag"] = f'"{version}-{"small" if small else number}"'
    answer = get_conditional_response(request, etag=response["ETag"], response=response)
    if answer is response:
        response.content = thumbnail(image) if small else image_bytes(path)
    return answer or response
