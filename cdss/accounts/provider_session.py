"""The connection to the identity provider: its hosts alone, addresses checked as they are connected to, no redirect."""

import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from cdss.outbound import PORTS, AddressRefused, Origin, checked_addresses, normal_host


def provider_session() -> requests.Session:
    session = _Session()
    session.trust_env = False
    for scheme in PORTS:
        session.mount(f"{scheme}://", _GuardedAdapter(max_retries=0))
    return session


def _check(url: str) -> None:
    parts = urlsplit(url)
    allowed = {entry.lower() for entry in settings.OIDC_ALLOWED_HOSTS}
    plain = parts.scheme in PORTS and parts.hostname and "@" not in parts.netloc and "\\" not in url
    if not plain or not {parts.netloc.lower(), normal_host(parts.hostname or "")} & allowed:
        raise requests.exceptions.InvalidURL("The identity provider names an address outside CDSS_OIDC_ALLOWED_HOSTS.")


class _Session(requests.Session):
    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        _check(str(url))
        return super().request(
            method,
            url,
            *args,
            **{"timeout": settings.SOCIALACCOUNT_REQUESTS_TIMEOUT, **kwargs, "allow_redirects": False},
        )


class _GuardedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def _connect(connection: HTTPConnection, scheme: str) -> socket.socket:
    """To an address that was checked, so that a second look-up cannot lead elsewhere."""
    origin = Origin(scheme, normal_host(connection.host), connection.port or PORTS[scheme])
    failure: Exception | None = None
    try:
        for address in checked_addresses(origin):
            try:
                return socket.create_connection((str(address), origin.port), connection.timeout)  # type: ignore[arg-type]
            except OSError as error:
                failure = error
    except (AddressRefused, ConnectionError) as error:
        failure = error
    raise NewConnectionError(connection, "The identity provider cannot be reached.") from failure


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, "http")


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, "https")


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
