from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cdss.accounts.forms import REFUSED
from cdss.accounts.models import FAILURES_ALLOWED, LOCKED_FOR, SignInFailure, User
from cdss.audit.models import Event

PASSWORD = "correct horse battery"
SIGN_IN = "/accounts/sign-in/"


def sign_in(client: Client, username: str, password: str = PASSWORD, **extra: str):
    return client.post(SIGN_IN, {"username": username, "password": password}, **extra)


def fail(client: Client, username: str, times: int = FAILURES_ALLOWED) -> None:
    for _ in range(times):
        sign_in(client, username, "wrong")


def actions() -> list[str]:
    return list(Event.objects.values_list("action", flat=True))


def test_each_role_starts_on_its_page(client: Client, clinician: User, auditor: User, administrator: User) -> None:
    for user, page in ((clinician, "/"), (auditor, reverse("audit:list")), (administrator, reverse("accounts:users"))):
        assert sign_in(Client(), user.username)["Location"] == page
    event = Event.objects.first()
    assert (event.action, event.actor, event.location) == ("account.signed_in", "clinician", "127.0.0.1")


def test_the_page_that_was_asked_for_comes_after(client: Client, clinician: User) -> None:
    asked = client.get("/accounts/me/")
    assert asked["Location"] == f"{SIGN_IN}?next=/accounts/me/"
    answer = client.post(asked["Location"], {"username": "clinician", "password": PASSWORD, "next": "/accounts/me/"})
    assert answer["Location"] == "/accounts/me/"
    elsewhere = {"username": "clinician", "password": PASSWORD, "next": "https://example.org/"}
    assert Client().post(SIGN_IN, elsewhere)["Location"] == "/"


@pytest.mark.parametrize("username", ["clinician", "nobody", "inactive"])
def test_every_refusal_says_the_same(client: Client, clinician: User, make_user, username: str) -> None:
    make_user("inactive", is_active=False)
    page = sign_in(client, username, PASSWORD if username == "inactive" else "wrong").content.decode()
    assert page.count(REFUSED) == 1
    fail(client, username)
    locked = sign_in(client, username).content.decode()
    assert locked.count(REFUSED) == 1
    event = Event.objects.filter(action="account.sign_in_failed").first()
    assert event.details == {"account_exists": username != "nobody"}
    assert "nobody" not in str(event.__dict__)


def test_five_failures_lock_a_name_from_an_address_for_a_while(client: Client, clinician: User) -> None:
    fail(client, "Clinician ")
    refused = sign_in(client, "clinician")
    assert refused.status_code == 200
    assert actions() == ["account.sign_in_failed"] * 5 + ["account.sign_in_refused"]
    assert sign_in(Client(REMOTE_ADDR="192.0.2.9"), "clinician").status_code == 302
    SignInFailure.objects.update(at=timezone.now() - LOCKED_FOR - timedelta(seconds=1))
    assert sign_in(client, "clinician").status_code == 302


def test_a_lock_is_not_prolonged_by_trying(client: Client, clinician: User) -> None:
    fail(client, "clinician", 8)
    assert SignInFailure.objects.count() == FAILURES_ALLOWED


def test_a_success_forgets_the_failures(client: Client, clinician: User) -> None:
    fail(client, "clinician", 4)
    sign_in(client, "clinician")
    fail(Client(), "clinician", 4)
    assert sign_in(Client(), "clinician").status_code == 302


def test_what_was_typed_is_kept_nowhere(client: Client, db: None) -> None:
    sign_in(client, "my-secret-password", "x")
    rows = [*Event.objects.values(), *SignInFailure.objects.values()]
    assert rows
    assert "my-secret" not in str(rows)


def test_the_session_gets_a_new_key_at_sign_in(client: Client, clinician: User) -> None:
    session = client.session
    session["before"] = "yes"
    session.save()
    client.cookies["sessionid"] = session.session_key
    sign_in(client, "clinician")
    assert client.session.session_key != session.session_key
    assert not Session.objects.filter(session_key=session.session_key).exists()


def test_sign_out_ends_the_session_and_is_recorded(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    key = client.session.session_key
    assert client.get("/accounts/sign-out/").status_code == 405
    client.post("/accounts/sign-out/")
    assert not Session.objects.filter(session_key=key).exists()
    assert actions() == ["account.signed_out"]
    assert client.get("/accounts/me/").status_code == 302


def test_a_new_password_ends_the_other_sessions(clinician: User) -> None:
    here, there = Client(), Client()
    here.force_login(clinician)
    there.force_login(clinician)
    new = "a longer sentence than before"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post("/accounts/me/password/", form)["Location"] == "/accounts/me/"
    assert here.get("/accounts/me/").status_code == 200
    assert there.get("/accounts/me/").status_code == 302
    assert actions() == ["account.password_changed"]


@pytest.mark.parametrize("new", ["short", "12345678901234567", "the-clinician"])
def test_a_weak_password_is_refused(client: Client, clinician: User, new: str) -> None:
    client.force_login(clinician)
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/accounts/me/password/", form).status_code == 200
    clinician.refresh_from_db()
    assert clinician.check_password(PASSWORD)


def test_an_account_that_is_switched_off_is_out_at_once(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    User.objects.filter(pk=clinician.pk).update(is_active=False)
    assert client.get("/accounts/me/").status_code == 302
