"""What every answer tells the browser, and what the settings of a production site hold."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from tests.cdss.test_access import TABLE, World, media, world

__all__ = ["media", "world"]


def test_every_page_has_the_policy(world: World) -> None:
    for row in TABLE:
        if row.method != "GET":
            continue
        response = world.client("owner").get(world.url(row.name, row.args), row.data)
        policy = response["Content-Security-Policy"]
        for directive in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'",
                          "script-src 'self'", "style-src 'self'", "form-action 'self'"):  # fmt: skip
            assert directive in policy, row
        assert "unsafe" not in policy
        assert response["X-Content-Type-Options"] == "nosniff", row
        assert response["Referrer-Policy"] == "same-origin", row
        assert response["X-Frame-Options"] == "DENY", row
        assert "Access-Control-Allow-Origin" not in response, row
        # By nobody between reader and site; a refusal by nobody at all.
        kept = response["Cache-Control"]
        assert "private" in kept or "no-store" in kept, (row, kept)
        assert "public" not in kept, (row, kept)
        assert response.status_code < 400 or "no-store" in kept, (row, kept)
        if response.streaming:
            b"".join(response.streaming_content)


def test_what_was_not_allowed_is_recorded(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    assert client.get("/audit/").status_code == 403
    event = Event.objects.get()
    assert (event.action, event.actor, event.details) == (
        "access.refused", "clinician", {"route": "audit:list", "method": "GET"}
    )  # fmt: skip


def test_signing_out_clears_what_the_browser_kept(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    assert client.post("/accounts/sign-out/")["Clear-Site-Data"] == '"cache"'


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_no_other_method_is_answered(client: Client, clinician: User, method: str) -> None:
    client.force_login(clinician)
    assert client.generic(method, "/library/").status_code == 405


def test_a_production_site_is_strict(tmp_path: Any) -> None:
    code = (
        "import django; django.setup(); from django.conf import settings as s;"
        "print(s.DEBUG, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY,"
        " s.CSRF_COOKIE_HTTPONLY, s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SAMESITE,"
        " s.SECURE_SSL_REDIRECT,"
        " s.SECURE_HSTS_SECONDS >= 31536000, s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN,"
        " s.SESSION_COOKIE_AGE <= 900, s.SESSION_ENGINE, s.LOGGING['formatters']['line']['()'])"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CDSS_", "DJANGO", "DEBUG"))}
    environment = kept | {"DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == [
        "False", "True", "True", "True", "True", "__Host-sessionid", "__Host-csrftoken", "Lax", "True", "True", "True",
        "False", "True", "cdss.accounts.session_store", "cdss.logs.PlaceFormatter",
    ]  # fmt: skip
