"""Where a language model may live: the host is allow-listed, its addresses are checked, redirects go nowhere."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from cdss import outbound
from cdss.outbound import PORTS, Address, AddressRefused, Origin, literal_address, normal_host
from cdss.reasoning.errors import HostRefused

_PLAIN_URL = re.compile(r"[A-Za-z0-9\-._~:/\[\]@%]+")
_REMEDY = "Check CDSS_LLM_BASE_URL and CDSS_LLM_ALLOWED_HOSTS."


def check_url(url: str, *, allowed: Sequence[str]) -> Origin:
    """The origin of `url` if its host is allowed. Looks nothing up and connects to nothing."""
    if not _PLAIN_URL.fullmatch(url):
        raise HostRefused(f"The address of the language model holds characters that do not belong there. {_REMEDY}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise HostRefused(f"The address of the language model cannot be read. {_REMEDY}") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise HostRefused(
            f"The address of the language model must start with http:// or https:// and a host. {_REMEDY}"
        )
    if "@" in parts.netloc or "%" in parts.netloc:
        raise HostRefused(f"The address of the language model must not hold a user name, '@' or '%'. {_REMEDY}")
    origin = Origin(parts.scheme, normal_host(parts.hostname), port or PORTS[parts.scheme])
    if not any(_matches(entry, origin) for entry in allowed):
        raise HostRefused(f"'{origin.host}' is not in CDSS_LLM_ALLOWED_HOSTS ({', '.join(allowed) or 'empty'}).")
    return origin


def _matches(entry: str, origin: Origin) -> bool:
    """An entry is HOST, HOST:PORT, an IPv4 or IPv6 address, or [IPv6]:PORT."""
    if literal_address(entry):
        return normal_host(entry) == origin.host
    try:
        parts = urlsplit(f"//{entry}")
        return normal_host(parts.hostname or "") == origin.host and parts.port in (None, origin.port)
    except ValueError:
        return False


def checked_addresses(origin: Origin) -> list[Address]:
    try:
        return outbound.checked_addresses(origin)
    except AddressRefused as error:
        raise HostRefused(str(error)) from error


def guarded_client(library: Any, origin: Origin, *, timeout: float, base_url: str = "") -> Any:
    """A client of `library` (httpx or httpx2) that can reach `origin` and nothing else."""
    return library.Client(
        transport=guarded_transport(library, origin), trust_env=False, follow_redirects=False, timeout=timeout,
        base_url=base_url,
    )  # fmt: skip


def guarded_transport(library: Any, origin: Origin, *, key: str = "") -> Any:
    """Connects to an address that was checked, so that a second look-up cannot lead elsewhere."""
    inner = library.HTTPTransport(trust_env=False, retries=0)

    class GuardedTransport(library.BaseTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            url = request.url
            asked = Origin(url.scheme, normal_host(url.host), url.port or PORTS.get(url.scheme, 0))
            if asked != origin:
                raise HostRefused(f"A request to '{asked.host}' was stopped: only '{origin.host}' is allowed.")
            if origin.scheme == "https":
                request.extensions = {**request.extensions, "sni_hostname": origin.host}
            if key:
                request.headers["authorization"] = f"Bearer {key}"
            failure: Exception | None = None
            for address in checked_addresses(origin):
                request.url = url.copy_with(host=str(address))
                try:
                    return inner.handle_request(request)
                except library.ConnectError as error:
                    failure = error
            raise failure or ConnectionError(f"'{origin.host}' has no address.")

        def close(self) -> None:
            inner.close()

    return GuardedTransport()
