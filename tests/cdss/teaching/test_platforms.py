"""Launches from a learning platform and scores back to it, against a small platform of our own."""

import base64
import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from django.test import Client
from django.utils import timezone

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.teaching.lti import web
from cdss.teaching.lti.errors import PlatformError
from cdss.teaching.lti.launching import AGS_CLAIM, CLAIM, GOOD_FOR, SCORE_SCOPE
from cdss.teaching.lti.platforms import grades_send_again, platform_add
from cdss.teaching.models import GradeReturn, Launch, Placement, Platform, Quiz
from cdss.teaching.quizzing import quiz_retire
from tests.cdss.teaching.tiny_platform import OTHER_KEY, TinyPlatform


@pytest.fixture
def lms(monkeypatch: pytest.MonkeyPatch, client: Client, db: None) -> TinyPlatform:
    """No socket is opened: what is asked is answered here."""
    platform = TinyPlatform()

    def respond(request: httpx.Request) -> httpx.Response:
        status, text = platform.answer(
            request.method, str(request.url), request.content.decode(), dict(request.headers)
        )
        return httpx.Response(status, text=text)

    monkeypatch.setattr(
        web, "guarded_client", lambda library, origin, timeout: httpx.Client(transport=httpx.MockTransport(respond))
    )
    platform.tool_keys = client.get("/teaching/lti/keys/").json()
    return platform


@pytest.fixture
def entered(lms: TinyPlatform) -> Platform:
    return enter(lms)


def enter(lms: TinyPlatform) -> Platform:
    return platform_add(
        by=None, name="Campus", issuer=lms.issuer, client_id=lms.client, deployments=["deploy-1"],
        login_url=f"{lms.base}/auth", token_url=f"{lms.base}/token", keys_url=f"{lms.base}/keys",
    )  # fmt: skip


def begin(client: Client, lms: TinyPlatform, **changed: str) -> dict[str, str]:
    sent = {"iss": lms.issuer, "client_id": lms.client, "login_hint": "7", "lti_message_hint": "m",
            "target_link_uri": "http://testserver/teaching/"} | changed  # fmt: skip
    answer = client.post("/teaching/lti/login/", sent)
    assert answer.status_code == 302, answer.content
    assert answer["Location"].startswith(f"{lms.base}/auth?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


def launch(client: Client, lms: TinyPlatform, target: str = "/teaching/", token: str = "", **changed: Any) -> Any:
    asked = begin(client, lms)
    nonce = changed.pop("nonce", asked["nonce"])
    made = token or lms.id_token(nonce, f"http://testserver{target}", **changed)
    return client.post("/teaching/lti/launch/", {"state": asked["state"], "id_token": made})


def test_a_learner_is_sent_to_a_quiz_and_the_score_goes_back(
    client: Client, lms: TinyPlatform, entered: Platform, quiz: Quiz, run_queue: Any
) -> None:
    answer = launch(client, lms, f"/teaching/quizzes/{quiz.pk}/")
    assert answer["Location"] == f"/teaching/quizzes/{quiz.pk}/"
    user = User.objects.get(role=Role.LEARNER)
    assert not user.has_usable_password()
    assert "ada" not in f"{user.username}{user.first_name}{user.last_name}{user.email}".lower()
    page = client.get(answer["Location"])
    assert page.status_code == 200
    run = client.post(answer["Location"])["Location"]
    names = re.findall(r'name="(q\d+)"', client.get(run).content.decode())
    with run_queue():
        client.post(run, {names[0]: "a", names[-1]: "Granuloma"})
    (score,) = lms.scores
    assert (score["userId"], score["scoreGiven"], score["scoreMaximum"]) == ("student-7", 1, 2)
    assert (score["activityProgress"], score["gradingProgress"]) == ("Completed", "FullyGraded")
    assert timezone.datetime.fromisoformat(score["timestamp"])
    assert GradeReturn.objects.get().state == "sent"
    assert Event.objects.filter(action="teaching.grade_sent").exists()


def test_the_same_learner_comes_back_to_the_same_account(client: Client, lms: TinyPlatform, entered: Platform) -> None:
    launch(client, lms)
    launch(Client(), lms)
    assert User.objects.filter(role=Role.LEARNER).count() == 1
    launch(Client(), lms, sub="another")
    assert User.objects.filter(role=Role.LEARNER).count() == 2


def test_what_the_login_asks(client: Client, lms: TinyPlatform, entered: Platform) -> None:
    asked = begin(client, lms)
    assert asked["redirect_uri"] == "http://testserver/teaching/lti/launch/"
    wanted = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
    assert wanted.items() <= asked.items()
    assert (asked["client_id"], asked["login_hint"], asked["lti_message_hint"]) == (lms.client, "7", "m")
    kept = Launch.objects.get()
    assert asked["state"] not in str(vars(kept))
    assert asked["nonce"] not in str(vars(kept))


def unsigned(claims: dict[str, Any]) -> str:
    def part(data: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'kid': 'platform-1'})}.{part(claims)}."


BAD: list[tuple[str, dict[str, Any]]] = [
    ("audience", {"aud": "another"}),
    ("audience of several without azp", {"aud": ["cdss", "another"]}),
    ("another azp", {"aud": "cdss", "azp": "another"}),
    ("issuer", {"iss": "https://evil.example.org"}),
    ("expired", {"exp": 1_000_000_000}),
    ("from the future", {"iat": 4_000_000_000, "exp": 4_000_000_300}),
    ("long ago", {"iat": 1_000_000_000}),
    ("another nonce", {"nonce": "guessed"}),
    ("no nonce", {"nonce": None}),
    ("no subject", {"sub": None}),
    ("an empty subject", {"sub": ""}),
    ("a subject that is a number", {"sub": 7}),
    ("a huge subject", {"sub": "x" * 300}),
    ("another key", {"key": OTHER_KEY}),
    ("hmac", {"key": "x" * 64, "algorithm": "HS256"}),
    ("another deployment", {f"{CLAIM}deployment_id": "deploy-2"}),
    ("no deployment", {f"{CLAIM}deployment_id": None}),
    ("another message", {f"{CLAIM}message_type": "LtiDeepLinkingRequest"}),
    ("another version", {f"{CLAIM}version": "1.1"}),
    ("another site", {f"{CLAIM}target_link_uri": "https://evil.example.org/teaching/"}),
    ("another page", {f"{CLAIM}target_link_uri": "http://testserver/accounts/users/"}),
    ("no page", {f"{CLAIM}target_link_uri": "http://testserver/nowhere/"}),
]


@pytest.mark.parametrize(("what", "changed"), BAD, ids=[what for what, _ in BAD])
def test_what_is_refused(client: Client, lms: TinyPlatform, entered: Platform, what: str, changed: dict) -> None:
    answer = launch(client, lms, **changed)
    assert answer.status_code == 403, what
    assert not User.objects.exists()
    assert "_auth_user_id" not in client.session
    assert Event.objects.filter(action="teaching.launch_refused").count() == 1


def test_an_unsigned_token(client: Client, lms: TinyPlatform, entered: Platform) -> None:
    asked = begin(client, lms)
    good = lms.id_token(asked["nonce"], "http://testserver/teaching/")
    claims = jwt.decode(good, options={"verify_signature": False})
    for token in (unsigned(claims), f"{good.rpartition('.')[0]}.", good[:-4] + "AAAA", "", "a.b.c", "x" * 40_000):
        answer = client.post("/teaching/lti/launch/", {"state": begin(client, lms)["state"], "id_token": token})
        assert answer.status_code == 403
    assert not User.objects.exists()


def test_a_launch_is_good_once(client: Client, lms: TinyPlatform, entered: Platform) -> None:
    asked = begin(client, lms)
    sent = {"state": asked["state"], "id_token": lms.id_token(asked["nonce"], "http://testserver/teaching/")}
    cookie = client.cookies["lti-state"].value
    assert client.post("/teaching/lti/launch/", sent).status_code == 302
    client.cookies["lti-state"] = cookie
    assert client.post("/teaching/lti/launch/", sent).status_code == 403
    # The token under a state that was begun since: its nonce is not that one's.
    fresh = begin(client, lms)
    again = {"state": fresh["state"], "id_token": sent["id_token"]}
    assert client.post("/teaching/lti/launch/", again).status_code == 403


def test_a_launch_belongs_to_the_browser_that_began_it(client: Client, lms: TinyPlatform, entered: Platform) -> None:
    asked = begin(client, lms)
    sent = {"state": asked["state"], "id_token": lms.id_token(asked["nonce"], "http://testserver/teaching/")}
    assert Client().post("/teaching/lti/launch/", sent).status_code == 403
    victim = Client()
    begin(victim, lms)
    assert victim.post("/teaching/lti/launch/", sent).status_code == 403
    assert client.post("/teaching/lti/launch/", {"state": "", "id_token": ""}).status_code == 403


def test_a_launch_that_took_too_long(client: Client, lms: TinyPlatform, entered: Platform) -> None:
    asked = begin(client, lms)
    Launch.objects.update(created=timezone.now() - GOOD_FOR * 1.1)
    sent = {"state": asked["state"], "id_token": lms.id_token(asked["nonce"], "http://testserver/teaching/")}
    assert client.post("/teaching/lti/launch/", sent).status_code == 403


@pytest.mark.parametrize(
    "changed", [{"iss": "https://evil.example.org"}, {"client_id": "another"}, {"login_hint": ""}, {"iss": ""}]
)
def test_whom_no_login_is_begun_for(client: Client, lms: TinyPlatform, entered: Platform, changed: dict) -> None:
    sent = {"iss": lms.issuer, "client_id": lms.client, "login_hint": "7"} | changed
    assert client.get("/teaching/lti/login/", sent).status_code == 403
    assert not Launch.objects.exists()


def test_a_platform_that_was_shut_out(client: Client, lms: TinyPlatform, entered: Platform) -> None:
    asked = begin(client, lms)
    Platform.objects.update(active=False)
    sent = {"state": asked["state"], "id_token": lms.id_token(asked["nonce"], "http://testserver/teaching/")}
    assert client.post("/teaching/lti/launch/", sent).status_code == 403
    assert client.get("/teaching/lti/login/", {"iss": lms.issuer, "login_hint": "7"}).status_code == 403


def test_an_account_that_became_more_is_not_opened_from_outside(
    client: Client, lms: TinyPlatform, entered: Platform
) -> None:
    launch(client, lms)
    for changed in ({"role": Role.EDUCATOR}, {"role": Role.LEARNER, "is_active": False}):
        User.objects.update(**changed)
        assert launch(Client(), lms).status_code == 403


def test_a_quiz_that_is_not_published_is_not_led_to(
    client: Client, lms: TinyPlatform, entered: Platform, quiz: Quiz, educator: User
) -> None:
    quiz_retire(quiz=quiz, by=educator)
    assert launch(client, lms, f"/teaching/quizzes/{quiz.pk}/").status_code == 403


@pytest.mark.parametrize(
    "endpoint",
    [
        {"scope": [SCORE_SCOPE], "lineitem": "https://evil.example.org/items/3"},
        {"scope": [SCORE_SCOPE], "lineitem": "http://169.254.169.254/latest"},
        {"scope": [], "lineitem": "https://lms.example.org/items/3"},
        {"scope": [SCORE_SCOPE]},
        "nonsense",
    ],
)
def test_a_column_of_grades_elsewhere_is_not_kept(
    client: Client, lms: TinyPlatform, entered: Platform, quiz: Quiz, endpoint: Any
) -> None:
    assert launch(client, lms, f"/teaching/quizzes/{quiz.pk}/", **{AGS_CLAIM: endpoint}).status_code == 302
    assert Placement.objects.get().lineitem == ""


def test_only_the_platforms_own_addresses_are_asked(lms: TinyPlatform, entered: Platform) -> None:
    for url in ("https://evil.example.org/keys", "http://lms.example.org/keys", "https://lms.example.org:8443/keys"):
        with pytest.raises(PlatformError):
            web.ask(entered, "GET", url)
    assert lms.asked == []


@pytest.mark.parametrize(
    "url", ["http://lms.example.org/k", "ftp://lms.example.org/k", "https://user@lms.example.org/k", "https://[x/k", ""]
)
def test_an_address_no_platform_may_have(db: None, url: str) -> None:
    with pytest.raises(PlatformError):
        platform_add(by=None, name="x", issuer="i", client_id="c", deployments=["1"],
                     login_url="https://a.example.org", token_url="https://a.example.org", keys_url=url)  # fmt: skip


def test_a_score_that_could_not_be_sent_is_sent_again(
    client: Client, lms: TinyPlatform, entered: Platform, quiz: Quiz, administrator: User, run_queue: Any
) -> None:
    address = launch(client, lms, f"/teaching/quizzes/{quiz.pk}/")["Location"]
    run = client.post(address)["Location"]
    lms.broken = True
    with run_queue():
        client.post(run, {})
    failed = GradeReturn.objects.get()
    assert (failed.state, failed.problem, lms.scores) == ("failed", "status_500", [])
    lms.broken = False
    with run_queue():
        assert grades_send_again(platform=entered, by=administrator) == 1
    assert GradeReturn.objects.get().state == "sent"
    assert lms.scores[0]["scoreGiven"] == 0


def test_a_learner_from_a_platform_sees_nothing_else(client: Client, lms: TinyPlatform, entered: Platform) -> None:
    launch(client, lms)
    assert client.get("/")["Location"] == "/teaching/"
    for path in ("/library/", "/library/sources/", "/consultations/", "/consultations/new/", "/audit/"):
        assert client.get(path).status_code == 403, path


def test_keys_are_public_and_hold_no_secret(client: Client, db: None) -> None:
    (key,) = client.get("/teaching/lti/keys/").json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "alg", "use"}
    assert client.get("/teaching/lti/keys/").json()["keys"] == [key]


@pytest.mark.e2e
@pytest.mark.django_db(transaction=True)
def test_over_the_wire_on_loopback(client: Client, quiz: Quiz) -> None:
    """The same, with real connections through the guard of outgoing ones."""
    lms = TinyPlatform(tool_keys=client.get("/teaching/lti/keys/").json())
    server = lms.serve()
    try:
        enter(lms)
        address = launch(client, lms, f"/teaching/quizzes/{quiz.pk}/")["Location"]
        client.post(client.post(address)["Location"], {})
        assert len(lms.scores) == 1
        assert lms.asked == ["GET /keys", "POST /token", "POST /items/3/scores"]
    finally:
        server.shutdown()
        server.server_close()


def test_inside_a_frame_a_window_is_offered_and_nothing_else_is_framed(
    client: Client, lms: TinyPlatform, entered: Platform
) -> None:
    sent = {"iss": lms.issuer, "client_id": lms.client, "login_hint": "7&x=\"><script>",
            "target_link_uri": "http://testserver/teaching/", "state": "mine"}  # fmt: skip
    for answer in (
        client.post("/teaching/lti/login/", sent, headers={"sec-fetch-dest": "iframe"}),
        client.get("/teaching/lti/login/", sent, headers={"sec-fetch-dest": "iframe"}),
    ):
        assert answer.status_code == 200
        assert "X-Frame-Options" not in answer
        assert f"frame-ancestors {lms.base};" in f"{answer['Content-Security-Policy']};"
        page = answer.content.decode()
        assert "<script" not in page
        assert "Set-Cookie" not in answer
    assert not Launch.objects.exists()
    (address,) = re.findall(r'href="(/teaching/lti/login/[^"]+)"', page)
    begun = client.get(html.unescape(address), headers={"sec-fetch-dest": "document"})
    asked = parse_qs(urlsplit(begun["Location"]).query)
    assert asked["login_hint"] == [sent["login_hint"]]
    assert asked["state"] != ["mine"]
    # A site nobody entered frames nothing.
    refused = client.get("/teaching/lti/login/", sent | {"iss": "https://x"}, headers={"sec-fetch-dest": "iframe"})
    assert (refused.status_code, refused["X-Frame-Options"]) == (403, "DENY")
    assert client.get("/sign-in/", headers={"sec-fetch-dest": "iframe"})["X-Frame-Options"] == "DENY"


def test_choosing_content_from_the_platform_is_refused_with_what_to_do(
    client: Client, lms: TinyPlatform, entered: Platform
) -> None:
    answer = launch(client, lms, **{f"{CLAIM}message_type": "LtiDeepLinkingRequest"})
    assert answer.status_code == 403
    assert "Copy the address of a quiz or a course" in answer.content.decode()
    assert Event.objects.filter(action="teaching.launch_refused").latest("pk").details["reason"] == "deep_linking"


def test_what_was_mistyped_of_a_platform_is_set_right(
    client: Client, administrator: User, lms: TinyPlatform, entered: Platform
) -> None:
    begin(client, lms)
    client.force_login(administrator)
    address = f"/teaching/platforms/{entered.pk}/edit/"
    assert lms.issuer in client.get(address).content.decode()
    sent = {"name": "Campus", "issuer": lms.issuer, "client_id": "other", "deployments": "deploy-1\ndeploy-2",
            "login_url": f"{lms.base}/auth", "token_url": f"{lms.base}/token", "keys_url": f"{lms.base}/k"}  # fmt: skip
    for wrong, said in (
        ({"keys_url": "http://elsewhere.example.org/"}, "must start with https"),
        ({"issuer": ""}, "required"),
        ({"client_id": "taken"}, "entered already"),
    ):
        platform_add(by=None, **(sent | {"client_id": "taken", "deployments": ["1"]})) if "client_id" in wrong else None
        answer = client.post(address, sent | wrong)
        assert answer.status_code == 422
        assert said in answer.content.decode()
    assert client.post(address, sent).status_code == 302
    entered.refresh_from_db()
    assert (entered.client_id, entered.deployments) == ("other", ["deploy-1", "deploy-2"])
    assert not Launch.objects.exists()
    assert Event.objects.filter(action="teaching.platform_changed").count() == 1
