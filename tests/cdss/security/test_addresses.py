"""Requests forged by an address: of 200 and more, none is connected to; what a name resolves to is checked then."""

import socket
from typing import Any

import httpx
import pytest
import requests

from cdss.accounts import provider_session as provider
from cdss.reasoning.errors import HostRefused
from cdss.reasoning.hosts import check_url, guarded_client
from tests.cdss.security.payloads import addresses

ALLOWED = ["allowed.example.org", "allowed.example.org:8443"]
INSIDE = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "169.254.169.254", "::",
         
          "224.0.0.1", "fe80::1", "fd00:ec2::254", "100.100.100.200", "64:ff9b::a9fe:a9fe", "240.0.0.1"]  # fmt: skip


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that a connection was tried to."""
    tried: list[Any] = []

    def refuse(address: Any, *args: object, **kwargs: object) -> Any:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    return tried


def resolves_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    asked: list[str] = []

    def found(host: str, port: int, *args: object, **kwargs: object) -> Any:
        asked.append(host)
        given = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in given]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return asked


def test_there_are_enough() -> None:
    assert len(addresses()) >= 200


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_model_host_outside_the_list_is_connected_to(
    scheme: str, connected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = resolves_to(monkeypatch, ["127.0.0.1"])
    for host in addresses():
        with pytest.raises((HostRefused, ConnectionError, httpx.HTTPError)):  # noqa: PT012
            origin = check_url(f"{scheme}://{host}/v1", allowed=ALLOWED)
            guarded_client(httpx, origin, timeout=1).get(f"{scheme}://{host}/v1")
    assert connected == []
    assert set(looked_up) <= {"allowed.example.org"}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_provider_address_outside_the_list_is_connected_to(
    scheme: str, connected: list[Any], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OIDC_ALLOWED_HOSTS = ALLOWED
    looked_up = resolves_to(monkeypatch, ["127.0.0.1"])
    for host in addresses():
        with pytest.raises((requests.RequestException, UnicodeError)):
            provider.provider_session().get(f"{scheme}://{host}/.well-known/openid-configuration")
    assert connected == []
    assert set(looked_up) <= {"allowed.example.org"}


@pytest.mark.parametrize("inside", INSIDE)
def test_an_allowed_name_that_leads_inside_is_not_followed(
    inside: str, connected: list[Any], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OIDC_ALLOWED_HOSTS = ALLOWED
    resolves_to(monkeypatch, ["93.184.216.34", inside])
    origin = check_url("https://allowed.example.org/v1", allowed=ALLOWED)
    with pytest.raises(HostRefused):
        guarded_client(httpx, origin, timeout=1).get("https://allowed.example.org/v1")
    with pytest.raises(requests.ConnectionError):
        provider.provider_session().get("https://allowed.example.org/keys")
    assert connected == []


def test_a_name_that_changes_its_address_leads_nowhere_new(
    connected: list[Any], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """The address that was checked is the one that is connected to: a second look-up is never made for it."""
    settings.OIDC_ALLOWED_HOSTS = ALLOWED
    origin = check_url("https://allowed.example.org/v1", allowed=ALLOWED)
    for ask in (
        lambda: guarded_client(httpx, origin, timeout=1).get("https://allowed.example.org/v1"),
        lambda: provider.provider_session().get("https://allowed.example.org/keys"),
    ):
        connected.clear()
        asked = resolves_to(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
        with pytest.raises((httpx.ConnectError, requests.ConnectionError)):
            ask()
        assert [address[0] for address in connected] == ["93.184.216.34"]
        assert asked == ["allowed.example.org"]


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/", "//127.0.0.1/", "/elsewhere", "https://evil.example.org/"]
)
def test_redirects_are_not_followed(target: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.OIDC_ALLOWED_HOSTS = ALLOWED
    sent: list[str] = []

    class Redirecting(requests.adapters.HTTPAdapter):
        def send(self, request: Any, **kwargs: Any) -> requests.Response:
            sent.append(request.url)
            response = requests.Response()
            response.status_code, response.url, response.request = 302, request.url, request
            response.headers["Location"] = target
            return response

    monkeypatch.setattr(provider, "_GuardedAdapter", lambda **_: Redirecting())
    assert provider.provider_session().get("https://allowed.example.org/keys").status_code == 302
    assert sent == ["https://allowed.example.org/keys"]


def test_a_proxy_of_the_environment_is_not_used(
    connected: list[Any], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OIDC_ALLOWED_HOSTS = ALLOWED
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://evil.example.org:3128")
    resolves_to(monkeypatch, ["93.184.216.34"])
    origin = check_url("https://allowed.example.org/v1", allowed=ALLOWED)
    with pytest.raises(httpx.ConnectError):
        guarded_client(httpx, origin, timeout=1).get("https://allowed.example.org/v1")
    with pytest.raises(requests.ConnectionError):
        provider.provider_session().get("https://allowed.example.org/keys")
    assert {address[0] for address in connected} == {"93.184.216.34"}
