"""Where a language model may live: the host is allow-listed, its addresses are checked, redirects go nowhere."""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from cdss.reasoning.errors import HostRefused

Address = IPv4Address | IPv6Address

_PLAIN_URL = re.compile(r"[A-Za-z0-9\-._~:/\[\]@%]+")
_PORTS = {"http": 80, "https": 443}
# Instance metadata services that are not link-local.
_METADATA = {ip_address("fd00:ec2::254"), ip_address("100.100.100.200")}
_REMEDY = "Check CDSS_LLM_BASE_URL and CDSS_LLM_ALLOWED_HOSTS."


@dataclass(frozen=True, slots=True)
class Origin:
    scheme: str
    host: str
    port: int

    @property
    def loopback_by_name(self) -> bool:
        literal = literal_address(self.host)
        return self.host == "localhost" or (literal is not None and unmapped(literal).is_loopback)


def literal_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def unmapped(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def check_url(url: str, *, allowed: Sequence[str]) -> Origin:
    """The origin of `url` if its host is allowed. Looks nothing up and connects to nothing."""
    if not _PLAIN_URL.fullmatch(url):
        raise HostRefused(f"The address of the language model holds characters that do not belong there. {_REMEDY}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise HostRefused(f"The address of the language model cannot be read. {_REMEDY}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise HostRefused(
            f"The address of the language model must start with http:// or https:// and a host. {_REMEDY}"
        )
    if "@" in parts.netloc or "%" in parts.netloc:
        raise HostRefused(f"The address of the language model must not hold a user name, '@' or '%'. {_REMEDY}")
    origin = Origin(parts.scheme, _normal(parts.hostname), port or _PORTS[parts.scheme])
    if not any(_matches(entry, origin) for entry in allowed):
        raise HostRefused(f"'{origin.host}' is not in CDSS_LLM_ALLOWED_HOSTS ({', '.join(allowed) or 'empty'}).")
    return origin


def _normal(host: str) -> str:
    literal = literal_address(host)
    return str(literal) if literal else host.lower()


def _matches(entry: str, origin: Origin) -> bool:
    """An entry is HOST, HOST:PORT, an IPv4 or IPv6 address, or [IPv6]:PORT."""
    if literal_address(entry):
        return _normal(entry) == origin.host
    try:
        parts = urlsplit(f"//{entry}")
        return _normal(parts.hostname or "") == origin.host and parts.port in (None, origin.port)
    except ValueError:
        return False


def address_fault(address: Address, origin: Origin) -> str:
    """Why this address of an allowed host must not be connected to, or nothing."""
    address = unmapped(address)
    if address.is_loopback:
        return "" if origin.loopback_by_name else "is this machine itself, which the name does not say"
    if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return "is link-local, multicast, unspecified or a metadata service"
    if address.is_reserved:
        return "is reserved"
    if origin.scheme == "http" and address.is_global:
        return "is a public address, which needs https"
    return ""


def checked_addresses(origin: Origin) -> list[Address]:
    """The addresses of the host, each of them checked: one bad address refuses them all."""
    try:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectionError(f"The name '{origin.host}' cannot be resolved.") from error
    addresses = list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
    for address in addresses:
        if fault := address_fault(address, origin):
            raise HostRefused(f"'{origin.host}' resolves to {address}, which {fault}.")
    return addresses


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
            asked = Origin(url.scheme, _normal(url.host), url.port or _PORTS.get(url.scheme, 0))
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
