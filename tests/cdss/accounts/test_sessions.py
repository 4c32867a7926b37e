"""A person sees where the account is signed in, and ends one session or all others; an administrator ends all."""

import re
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from cdss.accounts import idle, open_sessions
from cdss.accounts.models import Role, Session, User
from cdss.accounts.services import sessions_end, user_update
from cdss.audit.models import Event

PASSWORD = "correct horse battery"
ME = "/accounts/me/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile Safari/604.1"


def signed_in(username: str = "clinician", agent: str = FIREFOX, address: str = "192.0.2.7") -> Client:
    client = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
    answer = client.post("/accounts/sign-in/", {"username": username, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def confirmed(client: Client, path: str) -> int:
    """The act asks for the password first, and goes on by itself after it."""
    asked = client.post(path)
    assert asked["Location"].startswith("/accounts/confirm/")
    return client.post(asked["Location"], {"password": PASSWORD, "next": path}).status_code


def handle_of(client: Client) -> str:
    return Session.objects.get(pk=client.session.session_key).handle


def is_in(client: Client) -> bool:
    return client.get(ME).status_code == 200


def test_one_sees_where_one_is_signed_in(clinician: User, educator: User) -> None:
    here, there = signed_in(), signed_in(agent=PHONE, address="198.51.100.4")
    signed_in("educator", address="203.0.113.9")
    page = here.get(ME).content.decode()
    rows = re.findall(r"<tr>\s*<td>(.*?)</tr>", page, re.DOTALL)
    assert len(rows) == 2
    assert "Firefox on Windows" in rows[0]
    assert "this session" in rows[0]
    assert "192.0.2.7" in rows[0]
    assert "Safari on iPhone" in rows[1]
    assert "198.51.100.4" in rows[1]
    assert timezone.now().strftime("%Y-") in rows[1]
    assert handle_of(there) in rows[1]
    assert "/end/" not in rows[0]
    assert "203.0.113.9" not in page
    for client in (here, there):
        assert client.session.session_key not in page


def test_one_session_is_ended_and_the_others_go_on(clinician: User) -> None:
    here, there, third = signed_in(), signed_in(), signed_in()
    handle = handle_of(there)
    assert confirmed(here, f"{ME}sessions/{handle}/end/") == 302
    assert [is_in(client) for client in (here, there, third)] == [True, False, True]
    event = Event.objects.get(action="account.session_ended")
    assert (event.actor, event.object_id, event.details) == ("clinician", str(clinician.pk), {"session": handle})


def test_all_others_end_together(clinician: User) -> None:
    here, there, third = signed_in(), signed_in(), signed_in()
    assert confirmed(here, f"{ME}sessions/end/") == 302
    assert [is_in(client) for client in (here, there, third)] == [True, False, False]
    assert "<h2" in here.get(ME).content.decode()
    assert len(open_sessions.open_sessions(user=clinician)) == 0
    clinician.refresh_from_db()
    assert len(open_sessions.open_sessions(user=clinician)) == 1


def test_ending_asks_for_the_password(clinician: User) -> None:
    here, there = signed_in(), signed_in()
    path = f"{ME}sessions/{handle_of(there)}/end/"
    asked = here.post(path)["Location"]
    assert here.post(asked, {"password": "wrong", "next": path}).status_code == 200
    assert is_in(there)


@pytest.mark.parametrize("handle", ["nothing", "0" * 32, "a" * 500, "..%2f..", "<b>x</b>"])
def test_what_names_no_session_of_ones_own_ends_nothing(clinician: User, educator: User, handle: str) -> None:
    here = signed_in()
    answer = here.post(f"{ME}sessions/{handle}/end/")
    assert answer.status_code == 404
    assert Session.objects.filter(user=clinician).count() == 1


def test_the_session_of_another_person_is_out_of_reach(clinician: User, educator: User) -> None:
    here, theirs = signed_in(), signed_in("educator")
    assert here.post(f"{ME}sessions/{handle_of(theirs)}/end/").status_code == 404
    assert is_in(theirs)
    assert not Event.objects.filter(action="account.session_ended").exists()


def test_the_session_one_is_in_ends_by_signing_out(clinician: User) -> None:
    here = signed_in()
    here.post(f"{ME}sessions/{handle_of(here)}/end/")
    assert "sign out to end it" in here.get(ME).content.decode()


def test_what_has_ended_is_not_shown(clinician: User, administrator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown() -> int:
        clinician.refresh_from_db()
        return len(open_sessions.open_sessions(user=clinician))

    first, second = signed_in(), signed_in()
    assert shown() == 2
    Session.objects.filter(pk=first.session.session_key).update(expire_date=timezone.now() - timedelta(minutes=1))
    assert shown() == 1
    sessions_end(user=clinician, by=administrator)
    assert shown() == 0
    assert not is_in(second)
    signed_in()
    user_update(user=clinician, by=administrator, role=Role.EDUCATOR)
    assert shown() == 0
    signed_in()
    assert shown() == 1
    later = time.time() + settings.SESSION_MAX_SECONDS + 1
    monkeypatch.setattr(open_sessions.time, "time", lambda: later)
    assert shown() == 0


def test_the_list_follows_where_a_session_is_used(clinician: User, monkeypatch: pytest.MonkeyPatch) -> None:
    here = signed_in()
    (before,) = open_sessions.open_sessions(user=User.objects.get(pk=clinician.pk))
    later = int(time.time()) + 600
    monkeypatch.setattr(idle.time, "time", lambda: later)
    here.get("/", REMOTE_ADDR="198.51.100.99")
    (after,) = open_sessions.open_sessions(user=User.objects.get(pk=clinician.pk))
    assert (before.address, after.address) == ("192.0.2.7", "198.51.100.99")
    assert after.since == before.since
    assert after.used is not None
    assert after.used.timestamp() == later


def test_an_administrator_sees_the_sessions_of_an_account_and_ends_all(clinician: User, administrator: User) -> None:
    theirs, office = signed_in(agent=PHONE), signed_in("administrator")
    page = f"/accounts/users/{clinician.pk}/"
    assert "Safari on iPhone" in office.get(page).content.decode()
    assert office.post(f"{page}sessions/end/").status_code == 302
    assert not is_in(theirs)
    assert is_in(office)
    assert "No session is open" in office.get(page).content.decode()


def test_what_has_run_out_is_cleared_away_at_the_next_sign_in(clinician: User, educator: User) -> None:
    old = signed_in("educator").session.session_key
    Session.objects.filter(pk=old).update(expire_date=timezone.now() - timedelta(minutes=1))
    signed_in()
    assert not Session.objects.filter(pk=old).exists()


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (FIREFOX, "Firefox on Windows"),
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.9.1", "curl"),
        ("<script>alert(1)</script>", "Unknown device"),
        ("", "Unknown device"),
        ("A" * 5000, "A" * 31),
    ],
)
def test_devices_in_words(agent: str, device: str) -> None:
    assert open_sessions.device_of(agent) == device
