"""Authenticator app, recovery codes, passkeys: what signs in, what does not, what is recorded."""

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.db import connection
from django.test import Client

from cdss.accounts.models import User
from cdss.accounts.sealing import SealBrokenError, seal, unseal
from cdss.accounts.services import second_factors_reset
from cdss.audit.models import Event

PASSWORD = "correct horse battery"
SIGN_IN, CODE, FACTORS, APP = (
    "/accounts/sign-in/",
    "/accounts/sign-in/code/",
    "/accounts/me/factors/",
    "/accounts/me/factors/app/",
)
SECRET = re.compile(r'<code class="key">([A-Z2-7]+)</code>')


@pytest.fixture(autouse=True)
def _nothing_remembered(db: None) -> None:
    cache.clear()


def code_now(secret: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def password(client: Client, user: User) -> Any:
    return client.post(SIGN_IN, {"username": user.username, "password": PASSWORD})


def confirmed(client: Client) -> None:
    assert client.post("/accounts/confirm/", {"password": PASSWORD, "next": FACTORS})["Location"] == FACTORS


def set_up(user: User) -> tuple[str, list[str]]:
    """The secret of the app and the recovery codes, as its owner saw them."""
    client = Client()
    client.force_login(user)
    confirmed(client)
    secret = SECRET.search(client.get(APP).content.decode())[1]
    answer = client.post(APP, {"code": code_now(secret, -1)})
    assert answer["Location"] == "/accounts/me/factors/codes/"
    codes = re.findall(r"<li><code>(\w+)</code></li>", client.get(answer["Location"]).content.decode())
    user.refresh_from_db()
    return secret, codes


def is_in(client: Client) -> bool:
    return client.get("/accounts/me/").status_code == 200


def test_a_password_alone_does_not_sign_in_who_has_an_app(clinician: User) -> None:
    secret, _ = set_up(clinician)
    client = Client()
    assert password(client, clinician)["Location"] == CODE
    assert not is_in(client)
    assert b"Second step" in client.get(CODE).content
    assert client.post(CODE, {"code": code_now(secret)})["Location"] == "/"
    assert is_in(client)
    event = Event.objects.filter(action="account.signed_in").first()
    assert (event.actor, event.details) == ("clinician", {"methods": ["password", "mfa:totp"]})


def test_a_code_works_once(clinician: User) -> None:
    secret, _ = set_up(clinician)
    code = code_now(secret)
    for expected in (True, False):
        client = Client()
        password(client, clinician)
        client.post(CODE, {"code": code})
        assert is_in(client) is expected


def test_that_a_code_was_used_is_known_to_every_process(clinician: User) -> None:
    secret, _ = set_up(clinician)
    client = Client()
    password(client, clinician)
    client.post(CODE, {"code": code_now(secret)})
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM shared_cache")
        assert any("totp" in key for (key,) in cursor.fetchall())


def test_a_recovery_code_works_once(clinician: User) -> None:
    _, codes = set_up(clinician)
    assert len(codes) == 10
    for expected in (True, False):
        client = Client()
        password(client, clinician)
        client.post(CODE, {"code": codes[0]})
        assert is_in(client) is expected


def test_recovery_codes_are_shown_once_and_renewed(clinician: User) -> None:
    _, codes = set_up(clinician)
    client = Client()
    client.force_login(clinician)
    confirmed(client)
    page = client.get("/accounts/me/factors/codes/").content.decode()
    assert not any(code in page for code in codes)
    client.post("/accounts/me/factors/codes/new/")
    fresh = re.findall(r"<li><code>(\w+)</code></li>", client.get("/accounts/me/factors/codes/").content.decode())
    assert len(fresh) == 10
    assert not set(fresh) & set(codes)
    assert Event.objects.filter(action="account.second_factor_renewed").count() == 1


def test_wrong_codes_lock_the_account_from_that_address(clinician: User) -> None:
    secret, _ = set_up(clinician)
    client = Client()
    password(client, clinician)
    statuses = [client.post(CODE, {"code": "000000"}).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]
    assert client.post(CODE, {"code": code_now(secret)}).status_code == 429
    assert not is_in(client)
    assert password(Client(), clinician).status_code == 429
    assert Event.objects.filter(action="account.second_factor_failed").count() == 5


def test_a_right_password_does_not_forget_wrong_codes(clinician: User) -> None:
    set_up(clinician)
    client = Client()
    for _ in range(4):
        password(client, clinician)
        client.post(CODE, {"code": "000000"})
    password(client, clinician)
    assert client.post(CODE, {"code": "000000"}).status_code == 429


def test_the_second_step_needs_the_first(client: Client, clinician: User) -> None:
    set_up(clinician)
    for answer in (client.get(CODE), client.post(CODE, {"code": "1"})):
        assert answer["Location"] == SIGN_IN


def test_the_session_gets_a_new_key_at_the_second_step(clinician: User) -> None:
    secret, _ = set_up(clinician)
    client = Client()
    password(client, clinician)
    before = client.session.session_key
    client.post(CODE, {"code": code_now(secret)})
    assert client.session.session_key != before


@pytest.mark.parametrize("page", [APP, APP + "remove/", FACTORS + "codes/new/", FACTORS + "passkeys/new/"])
def test_every_change_asks_for_the_password_again(client: Client, clinician: User, page: str) -> None:
    set_up(clinician)
    Authenticator.objects.filter(type="totp").delete() if page == APP else None
    client.force_login(clinician)
    answers = [client.get(page), client.post(page, {"code": "1"})]
    assert {answer["Location"].partition("?")[0] for answer in answers} == {"/accounts/confirm/"}
    assert client.post("/accounts/confirm/", {"password": "wrong"}).status_code == 200
    assert client.get(page).status_code == 302


def test_wrong_passwords_at_confirming_lock_too(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    statuses = [client.post("/accounts/confirm/", {"password": "wrong"}).status_code for _ in range(6)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_a_new_factor_ends_the_other_sessions(clinician: User) -> None:
    there = Client()
    there.force_login(clinician)
    set_up(clinician)
    assert not is_in(there)
    assert list(Event.objects.values_list("action", flat=True)) == ["account.second_factor_added"]


def test_an_app_is_removed_with_its_codes(client: Client, clinician: User) -> None:
    set_up(clinician)
    client.force_login(clinician)
    confirmed(client)
    assert client.post(APP + "remove/")["Location"] == FACTORS
    assert is_in(client)
    assert not Authenticator.objects.exists()
    assert password(Client(), clinician)["Location"] == "/"


def test_a_wrong_code_sets_nothing_up(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    confirmed(client)
    client.get(APP)
    assert client.post(APP, {"code": "000000"}).status_code == 200
    assert not Authenticator.objects.exists()


def test_secrets_do_not_lie_in_the_database_in_clear(clinician: User, settings: Any) -> None:
    secret, codes = set_up(clinician)
    stored = str(list(Authenticator.objects.values())) + str(list(Event.objects.values()))
    assert not any(word in stored for word in (secret, *codes))
    sealed = seal("word")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-" * 10
    assert unseal(sealed) == "word"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(SealBrokenError, match="SECRET_KEY_FALLBACKS"):
        unseal(sealed)


def test_an_administrator_helps_who_lost_the_telephone(client: Client, clinician: User, administrator: User) -> None:
    set_up(clinician)
    theirs = Client()
    theirs.force_login(clinician)
    client.force_login(administrator)
    assert client.post(f"/accounts/users/{clinician.pk}/factors/reset/").status_code == 302
    assert not is_in(theirs)
    assert password(Client(), clinician)["Location"] == "/"
    event = Event.objects.filter(action="account.second_factors_reset").get()
    assert (event.actor, event.object_id, event.details) == ("administrator", str(clinician.pk), {"removed": 2})
    assert second_factors_reset(user=clinician, by=administrator) == 0


def test_a_role_that_needs_a_factor_does_nothing_without(client: Client, auditor: User, settings: Any) -> None:
    settings.MFA_ROLES = ["auditor", "administrator"]
    client.force_login(auditor)
    for page in ("/audit/", "/audit/export/", "/", "/library/", "/accounts/me/"):
        assert client.get(page)["Location"] == FACTORS, page
    assert client.post("/audit/verify/")["Location"] == FACTORS
    assert b"needs a second factor" in client.get(FACTORS).content
    set_up(auditor)
    client.force_login(auditor)
    assert client.get("/audit/").status_code == 200


def test_a_role_that_needs_none_is_left_alone(client: Client, clinician: User, settings: Any) -> None:
    settings.MFA_ROLES = ["auditor"]
    client.force_login(clinician)
    assert client.get("/").status_code == 200


def test_the_factor_of_another_cannot_be_removed(client: Client, clinician: User, auditor: User) -> None:
    key = Authenticator.objects.create(user=auditor, type="webauthn", data={"name": "x", "credential": {}})
    client.force_login(clinician)
    confirmed(client)
    for send in (client.get, client.post):
        assert send(f"{FACTORS}passkeys/{key.pk}/remove/").status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", "7", '{"id":"x","response":{"userHandle":"MQ"}}', "not json", "\x00"]
)
def test_a_passkey_that_is_none_signs_nobody_in(client: Client, clinician: User, credential: str) -> None:
    options = client.get(SIGN_IN + "passkey/", headers={"X-Requested-With": "XMLHttpRequest"}).json()
    assert options["request_options"]["publicKey"]["userVerification"] == "required"
    assert client.post(SIGN_IN + "passkey/", {"credential": credential})["Location"] == SIGN_IN
    assert not is_in(client)
    assert Event.objects.get().action == "account.sign_in_failed"


def test_a_passkey_challenge_is_made_for_one_time(client: Client, db: None) -> None:
    asked = [
        client.get(SIGN_IN + "passkey/", headers={"X-Requested-With": "XMLHttpRequest"}).json()["request_options"][
            "publicKey"
        ]["challenge"]
        for _ in range(3)
    ]
    assert len(set(asked)) == 3
