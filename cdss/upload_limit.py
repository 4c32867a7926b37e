"""A request that is too large is refused before it fills the disk: by its header, or when it has grown too large."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

# What ASGI hands over: a scope, and events either way.
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class UploadLimit:
    """An ASGI application around another, which never sees more than the limit."""

    def __init__(self, application: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        most = settings.UPLOAD_MAX_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if _declared(scope) > most:
            await _refuse(send)
            return
        received, too_large, answered = 0, False, False

        async def counted() -> Any:
            nonlocal received, too_large
            event = await receive()
            if event["type"] == "http.request":
                received += len(event.get("body", b""))
            if received <= most:
                return event
            too_large = True
            return {"type": "http.disconnect"}

        async def noted(event: Any) -> None:
            nonlocal answered
            answered = True
            await send(event)

        await self.application(scope, counted, noted)
        if too_large and not answered:
            await _refuse(send)


def _declared(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


async def _refuse(send: Send) -> None:
    text = (
        f"This upload is larger than {settings.UPLOAD_MAX_BYTES // 1024**2} MB, and nothing of it was kept. "
        "Go back and send fewer or smaller files.\n"
    ).encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(text)),
        (b"connection", b"close"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text})
