"""Second factors in a real browser: an app, a passkey of a virtual key, a provider of our own on this machine."""

import os
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from playwright.sync_api import Page, expect

from cdss.accounts.models import Role, User
from cdss.locks.models import Mode, SiteLock
from tests.cdss.accounts.test_identity_provider import configured
from tests.cdss.accounts.tiny_provider import TinyProvider
from tests.cdss.consultations.test_pages_e2e import AXE, CHROMIUM, RULES, browser

__all__ = ["browser"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _nothing_remembered(transactional_db: None) -> None:
    cache.clear()


@pytest.fixture
def opened(browser: Any, live_server: Any, settings: Any) -> Iterator[Any]:
    # A passkey belongs to a name, and an address is none.
    settings.ALLOWED_HOSTS, settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = ["localhost"], True
    base = live_server.url.replace("127.0.0.1", "localhost")
    contexts = []

    def made(width: int = 1440, theme: str = "light", axe: bool = False) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, base_url=base, bypass_csp=axe)
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
        return page

    yield made
    for context in contexts:
        context.close()


def password(page: Page, username: str, word: str = PASSWORD) -> None:
    page.goto("/accounts/sign-in/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(word)
    page.get_by_role("button", name="Sign in").click()


def confirmed(page: Page, path: str) -> None:
    page.goto(path)
    if "/confirm/" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()


def code_now(secret: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def with_app(page: Page) -> str:
    confirmed(page, "/accounts/me/factors/app/")
    page.get_by_text("It cannot be scanned").click()
    secret = page.locator("code.key").inner_text()
    page.get_by_label("Authenticator code").fill(code_now(secret, -1))
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    return secret


def test_an_app_from_set_up_to_sign_in(opened: Any, clinician: User) -> None:
    page = opened()
    password(page, "clinician")
    secret = with_app(page)
    assert page.locator(".recovery li").count() == 10
    other = opened()
    password(other, "clinician")
    other.get_by_label("Code").fill(code_now(secret))
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("link", name="CDSS")).to_be_visible()
    assert "/accounts/" not in other.url
    assert page.complaints == other.complaints == []


def virtual_key(page: Page) -> Any:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def test_a_passkey_from_set_up_to_sign_in_without_a_password(opened: Any, clinician: User) -> None:
    page = opened()
    virtual_key(page)
    password(page, "clinician")
    confirmed(page, "/accounts/me/factors/passkeys/new/")
    page.get_by_label("Name").fill("Reading room")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert Authenticator.objects.get(type="webauthn").wrap().name == "Reading room"
    page.context.clear_cookies()
    page.goto("/accounts/sign-in/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    assert "/sign-in/" not in page.url
    # And as a second step after the password.
    page.context.clear_cookies()
    password(page, "clinician")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    assert page.complaints == []


def test_without_a_key_a_passkey_says_so(opened: Any, clinician: User) -> None:
    page = opened()
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    page.goto("/accounts/sign-in/")
    page.evaluate(
        "() => { navigator.credentials.get = () => Promise.reject(new DOMException('no', 'NotAllowedError')); }"
    )
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("Nothing was confirmed")).to_be_visible()


@pytest.fixture
def provider() -> Iterator[TinyProvider]:
    """On loopback, with its own sockets."""
    made = TinyProvider()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, headers, text = made.answer(
                self.command, made.issuer + self.path, self.rfile.read(length).decode(), self.headers
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = _answer

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.issuer = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()


def test_a_provider_on_this_machine(opened: Any, provider: TinyProvider, settings: Any, db: None) -> None:
    configured(settings, provider)
    settings.OIDC_NAME = "St Elsewhere"
    policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {**policy, "form-action": ["'self'", provider.issuer]}}
    provider.claims = {"sub": "1", "preferred_username": "ada", "roles": ["doctors"]}
    page = opened()
    page.goto("/accounts/sign-in/")
    page.get_by_role("button", name="Continue with St Elsewhere").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    assert User.objects.get().role == Role.CLINICIAN
    provider.claims["roles"] = []
    page.context.clear_cookies()
    page.goto("/accounts/sign-in/")
    page.get_by_role("button", name="Continue with St Elsewhere").click()
    expect(page.get_by_text("gives no role here")).to_be_visible()
    assert page.complaints == []


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    opened: Any, clinician: User, administrator: User, width: int, theme: str, tmp_path: Path
) -> None:
    page = opened(width, theme, axe=True)
    shots = Path(os.environ.get("CDSS_TEST_SHOTS") or tmp_path)

    def looked_at(name: str) -> None:
        page.evaluate(AXE.read_text())
        found = page.evaluate("rules => axe.run({runOnly: rules})", RULES)
        assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found["violations"]] == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        page.screenshot(path=shots / f"{name}-{width}-{theme}.png", full_page=True)

    page.goto("/accounts/sign-in/")
    looked_at("sign-in")
    password(page, "clinician")
    page.goto("/accounts/me/factors/app/")
    looked_at("confirm")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    looked_at("totp")
    secret = with_app(page)
    looked_at("recovery-codes")
    page.goto("/accounts/me/factors/passkeys/new/")
    looked_at("passkey")
    page.goto("/accounts/me/factors/")
    looked_at("factors")
    page.goto("/accounts/me/")
    looked_at("account")
    for mode in Mode:
        SiteLock.objects.create(mode=mode, by=administrator)
    page.goto("/")
    looked_at("banners")
    page.get_by_label("Account and appearance").click()
    page.get_by_role("button", name="Sign out").click()
    SiteLock.objects.all().delete()
    password(page, "clinician")
    looked_at("second-step")
    assert re.fullmatch(r"[A-Z2-7]{32}", secret)
    for _ in range(5):
        password(page, "nobody", "wrong")
    looked_at("locked")
    password(page, "administrator")
    for path, name in (("/modes/", "modes"), ("/library/quarantine/", "quarantine")):
        page.goto(path)
        looked_at(name)
