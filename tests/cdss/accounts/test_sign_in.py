from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cdss.accounts.forms import REFUSED
from cdss.accounts.models import Role, Session, User
from cdss.accounts.services import user_update
from cdss.audit.models import Event

PASSWORD = "correct horse battery"
SIGN_IN = "/accounts/sign-in/"
FAILURES_ALLOWED = settings.AXES_FAILURE_LIMIT


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


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(clinician: User, page: str) -> None:
    for where, sent in ((f"{SIGN_IN}?next={page}", {}), (SIGN_IN, {"next": page})):
        answer = Client().post(where, {"username": "clinician", "password": PASSWORD} | sent)
        assert answer["Location"] == "/"


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
    refused = sign_in(client, username, PASSWORD if username == "inactive" else "wrong")
    assert refused.content.decode().count(REFUSED) == 1
    fail(client, username)
    locked = sign_in(client, username)
    assert locked.status_code == 429
    assert b"locked for a while" in locked.content
    assert username.encode() not in locked.content.replace(b"demo-clinician", b"")
    event = Event.objects.filter(action="account.sign_in_failed").first()
    assert event.details == {"account_exists": username != "nobody"}
    assert "nobody" not in str(event.__dict__)


def test_an_unknown_name_costs_as_much_work_as_a_known_one(
    client: Client, clinician: User, make_user, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash of the password is the work that a clock could tell."""
    make_user("inactive", is_active=False)
    provider = make_user("of.provider")
    provider.set_unusable_password()
    provider.save()
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *args: hashed.append("x") or encode(*args))
    work = []
    for name in ("clinician", "nobody", "inactive", "of.provider"):
        hashed.clear()
        sign_in(Client(), name, "wrong")
        work.append(len(hashed))
    assert work == [1, 1, 1, 1]


def test_five_failures_lock_a_name_from_an_address_for_a_while(client: Client, clinician: User) -> None:
    statuses = [sign_in(client, "Clinician ", "wrong").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]
    refused = sign_in(client, "clinician")
    assert refused.status_code == 429
    assert refused["Retry-After"] == "900"
    assert actions() == ["account.sign_in_failed"] * 4 + ["account.sign_in_refused"] * 2
    assert sign_in(Client(REMOTE_ADDR="192.0.2.9"), "clinician").status_code == 302
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))
    assert sign_in(client, "clinician").status_code == 302


def test_a_lock_is_not_prolonged_by_trying(client: Client, clinician: User) -> None:
    fail(client, "clinician")
    locked = AccessAttempt.objects.get()
    fail(client, "clinician", 3)
    after = AccessAttempt.objects.get()
    assert (after.failures_since_start, after.attempt_time) == (FAILURES_ALLOWED, locked.attempt_time)


def test_another_browser_does_not_get_round_the_lock(clinician: User) -> None:
    for number in range(FAILURES_ALLOWED):
        sign_in(Client(HTTP_USER_AGENT=f"browser {number}"), "clinician", "wrong")
    assert sign_in(Client(HTTP_USER_AGENT="another"), "clinician").status_code == 429


def test_a_success_forgets_the_failures(client: Client, clinician: User) -> None:
    fail(client, "clinician", 4)
    sign_in(client, "clinician")
    fail(Client(), "clinician", 4)
    assert sign_in(Client(), "clinician").status_code == 302


def test_wrong_old_passwords_lock_too(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    new = "a longer sentence than before"
    form = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    statuses = [client.post("/accounts/me/password/", form).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]


def test_what_was_typed_is_kept_nowhere(client: Client, db: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for _ in range(2):
        sign_in(client, "my-secret-password", "x-secret", HTTP_USER_AGENT="x" * 500)
    rows = [*Event.objects.values(), *AccessAttempt.objects.values()]
    assert len(rows) == 3
    assert "secret" not in str(rows)
    assert "secret" not in caplog.text


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


@pytest.mark.parametrize(
    "new",
    [
        "short",
        "12345678901234567",
        "the-clinician",
        "clinician2026!",
        "Password1234!",
        "aaaaaaaaaaaaaaa",
        "qwertyuiop12",
    ],
)
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


@pytest.mark.parametrize(
    "new",
    ["onlysmalllettersofnosense", "74920175836152", "correct horse battery staple", "öööé gar nicht zu raten"],
)
def test_no_kind_of_character_is_asked_for(client: Client, clinician: User, new: str) -> None:
    client.force_login(clinician)
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/accounts/me/password/", form).status_code == 302


def test_a_very_long_password_is_taken_whole(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    new = "many words that do not belong together " * 10
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/accounts/me/password/", form).status_code == 302
    clinician.refresh_from_db()
    assert clinician.check_password(new)
    assert not clinician.check_password(new[:-1])


def test_another_role_ends_the_sessions(clinician: User, administrator: User) -> None:
    theirs = Client()
    theirs.force_login(clinician)
    user_update(user=clinician, by=administrator, role=Role.AUDITOR)
    assert theirs.get("/accounts/me/").status_code == 302


def test_an_administrator_ends_the_sessions_of_an_account(client: Client, clinician: User, administrator: User) -> None:
    theirs = Client()
    theirs.force_login(clinician)
    client.force_login(administrator)
    client.post(f"/accounts/users/{clinician.pk}/sessions/end/")
    assert theirs.get("/accounts/me/").status_code == 302
    event = Event.objects.get()
    assert (event.action, event.actor, event.object_id) == (
        "account.sessions_ended",
        "administrator",
        str(clinician.pk),
    )
