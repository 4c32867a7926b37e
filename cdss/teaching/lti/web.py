"""What is asked of a platform: its own addresses alone, each checked when connected to; no redirect is followed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from cdss.outbound import PORTS, Origin, normal_host
from cdss.reasoning.errors import HostRefused
from cdss.reasoning.hosts import guarded_client
from cdss.teaching.lti.errors import PlatformError
from cdss.teaching.models import Platform

TIMEOUT = 10.0
MOST_BYTES = 512 * 1024


def origin_of(url: str) -> Origin:
    """Raises PlatformError for what is no plain address: https, or http on this machine itself."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise PlatformError("address", "This address cannot be read.") from error
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise PlatformError("address", "Write an address that starts with https:// and a host.")
    origin = Origin(parts.scheme, normal_host(parts.hostname), port or PORTS[parts.scheme])
    if origin.scheme == "http" and not origin.loopback_by_name:
        raise PlatformError("address", "An address of a platform must start with https://.")
    return origin


def origins_of(platform: Platform) -> set[Origin]:
    return {origin_of(url) for url in (platform.login_url, platform.token_url, platform.keys_url)}


def is_of(platform: Platform, url: str) -> bool:
    try:
        return origin_of(url) in origins_of(platform)
    except PlatformError:
        return False


def ask(platform: Platform, method: str, url: str, **sent: Any) -> Any:
    """The answer's JSON, or None where it has no body."""
    import httpx

    if not is_of(platform, url):
        raise PlatformError("foreign_address")
    try:
        with (
            guarded_client(httpx, origin_of(url), timeout=TIMEOUT) as client,
            client.stream(method, url, **sent) as answer,
        ):
            body = b""
            for block in answer.iter_bytes():
                body += block
                if len(body) > MOST_BYTES:
                    raise PlatformError("too_long")
    except (httpx.HTTPError, HostRefused, OSError) as error:
        raise PlatformError("unreachable", "The learning platform did not answer. Try again later.") from error
    if not 200 <= answer.status_code < 300:
        raise PlatformError(f"status_{answer.status_code}", "The learning platform refused what it was sent.")
    try:
        return httpx.Response(200, content=body).json() if body.strip() else None
    except ValueError as error:
        raise PlatformError("no_json") from error
