"""Sign-in at an identity provider: its groups give the role, and nothing else lets anybody in."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.conf import settings as site
from django.test import Client

from cdss import env
from cdss.accounts import provider_session
from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from tests.cdss.accounts.tiny_provider import ProviderAdapter, TinyProvider

START, ANSWER = "/accounts/sign-in/provider/", "/accounts/sign-in/provider/answer/"


def configured(settings: Any, provider: TinyProvider) -> None:
    app = {
        "provider_id": "oidc", "name": "the hospital", "client_id": provider.client, "secret": "s",
        "settings": {"server_url": provider.issuer, "oauth_pkce_enabled": True},
    }  # fmt: skip
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}
    settings.OIDC_ISSUER = provider.issuer
    settings.OIDC_ALLOWED_HOSTS = [provider.issuer.partition("//")[2]]
    settings.OIDC_ROLES = {"doctors": "clinician", "teachers": "educator", "auditors": "auditor", "it": "administrator"}


@pytest.fixture
def provider(settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> TinyProvider:
    made = TinyProvider()
    configured(settings, made)
    monkeypatch.setattr(provider_session, "_GuardedAdapter", lambda **kwargs: ProviderAdapter(made))
    return made


def sign_in(client: Client, provider: TinyProvider, **claims: object) -> Any:
    provider.claims = {"sub": "p-1", "preferred_username": "ada", "email": "ada@example.org", **claims}
    started = client.post(START)
    if not started["Location"].startswith(provider.issuer):
        return started
    _, headers, _ = provider.answer("GET", started["Location"])
    return client.get(headers["Location"].replace("http://testserver", ""))


def is_in(client: Client) -> bool:
    return client.get("/accounts/me/").status_code == 200


def test_a_group_gives_the_role_and_an_account_is_made(client: Client, provider: TinyProvider) -> None:
    assert sign_in(client, provider, roles=["staff", "auditors"])["Location"] == "/audit/"
    user = User.objects.get()
    assert (user.username, user.role, user.has_usable_password()) == ("ada", Role.AUDITOR, False)
    assert is_in(client)
    assert sorted(Event.objects.values_list("action", flat=True)) == ["account.created", "account.signed_in"]
    signed_in = Event.objects.get(action="account.signed_in")
    assert (signed_in.actor, signed_in.details) == ("ada", {"methods": ["socialaccount"]})
    # Of what the provider tells, nothing more is kept.
    assert SocialAccount.objects.get().extra_data == {}
    assert not SocialToken.objects.exists()


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({}, "no_role"),
        ({"roles": []}, "no_role"),
        ({"roles": ["superhumans"]}, "no_role"),
        ({"roles": "administrator"}, "no_role"),
        ({"roles": {"it": True}}, "no_role"),
        ({"roles": [["it"], 7, None]}, "no_role"),
        ({"roles": ["doctors", "auditors"]}, "several_roles"),
    ],
)
def test_who_has_no_role_comes_not_in(
    client: Client, provider: TinyProvider, claims: dict[str, object], reason: str
) -> None:
    assert sign_in(client, provider, **claims)["Location"] == "/accounts/sign-in/"
    assert not is_in(client)
    assert not User.objects.exists()
    [event] = Event.objects.all()
    assert (event.action, event.details["reason"]) == ("account.sign_in_refused", reason)
    assert b"role" in client.get("/accounts/sign-in/").content


def test_another_group_changes_the_role_and_is_recorded(client: Client, provider: TinyProvider) -> None:
    sign_in(client, provider, roles=["doctors"])
    sign_in(Client(), provider, roles=["teachers"])
    assert User.objects.get().role == Role.EDUCATOR
    event = Event.objects.get(action="account.changed")
    assert event.details["role_before"] == "clinician"
    assert event.details["role"] == "educator"
    assert not is_in(client)


def test_who_has_lost_the_role_is_out_everywhere(client: Client, provider: TinyProvider) -> None:
    sign_in(client, provider, roles=["doctors"])
    sign_in(Client(), provider, roles=[])
    assert not is_in(client)
    assert User.objects.get().role == Role.CLINICIAN


@pytest.mark.parametrize("claim", [{"preferred_username": "clinician"}, {"email": "clinician@example.org"}])
def test_an_account_of_the_same_name_or_mail_is_not_taken_over(
    client: Client, provider: TinyProvider, make_user: Any, claim: dict[str, str]
) -> None:
    local = make_user("clinician", Role.ADMINISTRATOR, email="clinician@example.org")
    sign_in(client, provider, **{"roles": ["doctors"], **claim})
    assert is_in(client)
    assert client.get("/accounts/me/").wsgi_request.user.pk != local.pk
    local.refresh_from_db()
    assert local.role == Role.ADMINISTRATOR


@pytest.mark.parametrize(
    "fault", ["audience", "issuer", "expired", "unsigned", "shared key", "key", "inside", "redirect"]
)
def test_what_a_false_provider_says_is_not_believed(client: Client, provider: TinyProvider, fault: str) -> None:
    provider.fault = fault
    assert sign_in(client, provider, roles=["it"])["Location"] == "/accounts/sign-in/"
    assert not is_in(client)
    assert not User.objects.exists()
    assert not [url for url in provider.asked if "169.254" in url]


def test_an_answer_nobody_asked_for_is_refused(client: Client, provider: TinyProvider) -> None:
    for query in ("", "?code=x", "?code=x&state=y", "?error=access_denied&state=y", "?state=%00&code=%00"):
        assert client.get(f"{ANSWER}{query}")["Location"] == "/accounts/sign-in/"
    assert not is_in(client)


def test_an_answer_is_of_use_once(client: Client, provider: TinyProvider) -> None:
    provider.claims = {"sub": "p-1", "preferred_username": "ada", "roles": ["doctors"]}
    started = client.post(START)
    _, headers, _ = provider.answer("GET", started["Location"])
    back = headers["Location"].replace("http://testserver", "")
    thief = Client()
    assert thief.get(back)["Location"] == "/accounts/sign-in/"
    assert client.get(back)["Location"] == "/"
    again = Client()
    assert again.get(back)["Location"] == "/accounts/sign-in/"
    assert not is_in(thief)
    assert not is_in(again)


def test_a_second_factor_at_the_provider_is_enough(client: Client, provider: TinyProvider, settings: Any) -> None:
    settings.MFA_ROLES = ["clinician"]
    sign_in(client, provider, roles=["doctors"])
    assert client.get("/")["Location"] == "/accounts/me/factors/"
    with_factor = Client()
    sign_in(with_factor, provider, roles=["doctors"], amr=["pwd", "mfa"])
    assert with_factor.get("/").status_code == 200


def test_a_claim_may_lie_inside_others(client: Client, provider: TinyProvider, settings: Any) -> None:
    settings.OIDC_ROLE_CLAIM = "realm_access.roles"
    sign_in(client, provider, realm_access={"roles": ["teachers"]})
    assert User.objects.get().role == Role.EDUCATOR


def test_without_a_provider_there_is_no_such_page(client: Client, db: None) -> None:
    assert site.SOCIALACCOUNT_PROVIDERS == {}
    assert client.post(START).status_code == 404
    assert client.get(ANSWER).status_code == 404
    assert b"sign-in/provider" not in client.get("/accounts/sign-in/").content


def test_the_roles_are_read_strictly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "cn=doctors,clinician=clinician , staff = auditor")
    with pytest.raises(env.ImproperlyConfigured, match="cn=doctors"):
        env.pairs("X", ["clinician", "auditor"])
    monkeypatch.setenv("X", "cn=doctors=clinician, staff = auditor")
    assert env.pairs("X", ["clinician", "auditor"]) == {"cn=doctors": "clinician", "staff": "auditor"}
    monkeypatch.setenv("X", "clinician,root")
    with pytest.raises(env.ImproperlyConfigured, match="root"):
        env.subset("X", "", ["clinician"])
