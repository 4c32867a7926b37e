import os
import socket
from typing import Any

import pytest

from cdss.reasoning import hosts, models
from cdss.reasoning.errors import TROUBLES, HostRefused, WriterError
from cdss.reasoning.hosts import check_url, checked_addresses
from cdss.reasoning.models import shown_name

ALLOWED = ["localhost", "127.0.0.1", "llm.example.org", "10.1.2.3:8000", "fd12::7", "[fd12::8]:443"]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434",
        "http://LOCALHOST/v1",
        "http://127.0.0.1:8080/v1",
        "https://llm.example.org/v1",
        "http://10.1.2.3:8000",
        "https://[fd12::7]:9000/v1",
        "https://[fd12:0:0::7]/v1",
        "https://[fd12::8]/v1",
    ],
)
def test_allowed_hosts_pass(url: str) -> None:
    assert check_url(url, allowed=ALLOWED).scheme in url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:11434",
        "ftp://localhost/",
        "file:///etc/passwd",
        "http://",
        "http:///v1",
        "https://evil.example.com/v1",
        "https://llm.example.org.evil.com/v1",
        "https://evil-llm.example.org/v1",
        "https://sub.llm.example.org/v1",
        "https://llm.example.org./v1",
        "https://localhost@evil.com/v1",
        "https://llm.example.org:pass@evil.com/",
        "https://evil.com@llm.example.org/",
        "https://evil.com%2f@llm.example.org/",
        "https://evil.com\\@llm.example.org/",
        "https://evil.com#@llm.example.org/",
        "https://evil.com?llm.example.org",
        "https://llm.example.org /v1",
        "https://llm.example.org\t/v1",
        "https://llm.example.org\r\nHost: evil.com/",
        "https://llm.example.org%00.evil.com/",
        "https://llm。example。org/v1",
        "https://ｌlm.example.org/v1",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.2/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.1.2.3:8001",
        "http://10.1.2.3",
        "https://[fd12::8]:444/",
        "https://[fd12::9]/",
        "http://localhost:99999/",
        "http://[::1/",
    ],
)
def test_other_hosts_are_refused_before_any_look_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: pytest.fail("a name was looked up"))
    with pytest.raises(HostRefused):
        check_url(url, allowed=ALLOWED)


def test_an_empty_list_allows_nothing() -> None:
    with pytest.raises(HostRefused, match="CDSS_LLM_ALLOWED_HOSTS"):
        check_url("http://localhost", allowed=[])


def resolving_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://llm.example.org", ["127.0.0.1"]),
        ("https://llm.example.org", ["::1"]),
        ("https://llm.example.org", ["::ffff:127.0.0.1"]),
        ("https://llm.example.org", ["169.254.169.254"]),
        ("https://llm.example.org", ["::ffff:169.254.169.254"]),
        ("https://llm.example.org", ["fd00:ec2::254"]),
        ("https://llm.example.org", ["fe80::1%eth0"]),
        ("https://llm.example.org", ["0.0.0.0"]),  # noqa: S104
        ("https://llm.example.org", ["::"]),
        ("https://llm.example.org", ["224.0.0.1"]),
        ("https://llm.example.org", ["255.255.255.255"]),
        ("https://llm.example.org", ["64:ff9b::7f00:1"]),
        ("https://llm.example.org", ["10.0.0.5", "127.0.0.1"]),
        ("http://llm.example.org", ["93.184.215.14"]),
    ],
)
def test_bad_addresses_of_an_allowed_host_are_refused(
    url: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving_to(monkeypatch, *addresses)
    with pytest.raises(HostRefused, match="resolves to"):
        checked_addresses(check_url(url, allowed=ALLOWED))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:11434", "127.0.0.1"),
        ("http://localhost:11434", "::1"),
        ("http://llm.example.org", "10.0.0.5"),
        ("http://llm.example.org", "fd12::7"),
        ("https://llm.example.org", "93.184.215.14"),
    ],
)
def test_good_addresses_pass(url: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, address)
    assert [str(found) for found in checked_addresses(check_url(url, allowed=ALLOWED))] == [address]


def test_the_transport_connects_to_the_checked_address_under_the_old_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    resolving_to(monkeypatch, "10.0.0.5")
    sent: list[Any] = []
    monkeypatch.setattr(
        httpx.HTTPTransport, "handle_request", lambda self, request: sent.append(request) or httpx.Response(200)
    )
    origin = check_url("https://llm.example.org/v1", allowed=ALLOWED)
    client = hosts.guarded_client(httpx, origin, timeout=1)
    assert client.get("https://llm.example.org/v1/x").status_code == 200
    assert sent[0].url.host == "10.0.0.5"
    assert sent[0].headers["host"] == "llm.example.org"
    assert sent[0].extensions["sni_hostname"] == "llm.example.org"
    for elsewhere in ("https://evil.com/", "http://llm.example.org/", "https://llm.example.org:444/"):
        with pytest.raises(HostRefused):
            client.get(elsewhere)
    assert len(sent) == 1


def test_redirects_and_proxies_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    resolving_to(monkeypatch, "10.0.0.5")
    monkeypatch.setenv("HTTPS_PROXY", "http://evil.com:3128")
    monkeypatch.setenv("ALL_PROXY", "http://evil.com:3128")
    moved = httpx.Response(307, headers={"location": "https://llm.example.org/elsewhere"})
    sent: list[Any] = []
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda self, request: sent.append(request) or moved)
    client = hosts.guarded_client(httpx, check_url("https://llm.example.org", allowed=ALLOWED), timeout=1)
    assert client.get("https://llm.example.org/").status_code == 307
    assert len(sent) == 1
    assert not client._mounts


@pytest.mark.parametrize("spec", ["", "openai", "openai:", "fake:x", "Openai:gpt", "gpt-4", "os:system", "llamacpp: "])
def test_a_spec_that_names_no_model_is_refused(spec: str) -> None:
    with pytest.raises(WriterError, match="CDSS_LLM") as caught:
        models.chat_model(spec, timeout=5)
    assert caught.value.kind == "configuration"


@pytest.mark.parametrize("spec", ["openai:m", "ollama:m", "anthropic:m"])
def test_every_server_goes_through_the_allow_list(spec: str, settings: Any) -> None:
    settings.LLM_BASE_URL = "https://elsewhere.example.org"
    with pytest.raises(HostRefused):
        models.chat_model(spec, timeout=5)


@pytest.mark.parametrize("spec", ["openai:m", "anthropic:m"])
def test_a_publishers_own_host_must_be_allowed_too(spec: str, settings: Any) -> None:
    settings.LLM_BASE_URL = ""
    with pytest.raises(HostRefused):
        models.chat_model(spec, timeout=5)


@pytest.mark.parametrize("spec", ["openai:m", "ollama:m", "anthropic:m"])
def test_models_are_made_without_a_connection_and_without_tracing(
    spec: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
    monkeypatch.setenv("OPENAI_PROXY", "http://evil.com:3128")
    settings.LLM_BASE_URL = "http://localhost:1"
    settings.LLM_API_KEY = "secret-key"
    model = models.chat_model(spec, timeout=5)
    assert "secret-key" not in repr(model)
    assert os.environ["LANGCHAIN_TRACING_V2"] == "false"


def test_a_missing_model_file_is_a_clear_error() -> None:
    with pytest.raises(WriterError, match="does not exist"):
        models.chat_model("llamacpp:/nowhere/model.gguf", timeout=5)


def test_the_context_is_a_setting(settings: Any) -> None:
    assert models.context_tokens("llamacpp:x") == 4096
    settings.LLM_CONTEXT_TOKENS = 12_000
    assert models.context_tokens("llamacpp:x") == 12_000


def test_every_trouble_says_something_to_the_reader() -> None:
    assert all(trouble.message.endswith(".") for trouble in TROUBLES.values())
    assert not TROUBLES["refused"].again
    assert TROUBLES["timeout"].again


def test_a_reader_is_not_told_where_a_local_model_lies() -> None:
    assert shown_name("llamacpp:/srv/site/models/small.gguf") == "llamacpp:small.gguf"
    assert shown_name("openai:org/model") == "openai:org/model"
    assert shown_name("") == ""
