"""OpenID Connect's third-party initiated login as LTI 1.3 has it, and the launch that ends it."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.db import transaction
from django.urls import Resolver404, resolve
from django.utils import timezone

from cdss.accounts.models import Role, User
from cdss.audit.services import record
from cdss.teaching.lti.errors import PlatformError
from cdss.teaching.lti.keys import ALGORITHM
from cdss.teaching.lti.web import ask, is_of
from cdss.teaching.models import Launch, Placement, Platform, PlatformAccount, Quiz, QuizState

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
AGS_CLAIM = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
SCORE_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
GOOD_FOR = dt.timedelta(minutes=10)
LEEWAY_SECONDS = 60
MOST_SUBJECT = 255
MOST_TOKEN = 32 * 1024
LOGIN_FIELDS = ("iss", "client_id", "login_hint", "target_link_uri", "lti_message_hint", "lti_deployment_id")
NEEDED = ["iss", "aud", "exp", "iat", "sub", "nonce"]


@dataclass(frozen=True, slots=True)
class Begun:
    address: str
    state: str


@dataclass(frozen=True, slots=True)
class Launched:
    user: User
    path: str


def window_address(*, sent: Mapping[str, str]) -> tuple[str, str]:
    """Where the same sign-in is begun in a window of its own, and the origin of the platform that frames it."""
    platform = _platform(sent.get("iss", ""), sent.get("client_id", ""))
    parts = urlsplit(platform.login_url)
    asked = {name: sent[name] for name in LOGIN_FIELDS if sent.get(name)}
    return urlencode(asked), f"{parts.scheme}://{parts.netloc}"


def login_begin(*, sent: Mapping[str, str], launch_url: str) -> Begun:
    """Where the browser is sent to sign in. Only a platform an administrator has entered is followed."""
    platform = _platform(sent.get("iss", ""), sent.get("client_id", ""))
    hint = sent.get("login_hint", "")
    if not hint:
        raise PlatformError("no_login_hint")
    state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    Launch.objects.filter(created__lt=timezone.now() - 2 * GOOD_FOR).delete()
    Launch.objects.create(
        platform=platform,
        state_sha256=digest(state),
        nonce_sha256=digest(nonce),
        target=sent.get("target_link_uri", "")[:500],
    )
    asked = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": launch_url,
        "login_hint": hint,
        "state": state,
        "nonce": nonce,
    }
    if message_hint := sent.get("lti_message_hint"):
        asked["lti_message_hint"] = message_hint
    joint = "&" if urlsplit(platform.login_url).query else "?"
    return Begun(f"{platform.login_url}{joint}{urlencode(asked)}", state)


def launch_finish(*, state: str, cookie: str, id_token: str, host: str) -> Launched:
    """Who was sent, and to which page. Each begun sign-in is good once, whatever comes of it."""
    launch = _used(state, cookie)
    claims = _verified(launch.platform, id_token)
    if not hmac.compare_digest(digest(str(claims["nonce"])), launch.nonce_sha256):
        raise PlatformError("nonce")
    _check_message(launch.platform, claims)
    path, quiz = _target(str(claims.get(f"{CLAIM}target_link_uri") or launch.target), host)
    with transaction.atomic():
        user = _account(launch.platform, str(claims["sub"]))
        if quiz is not None:
            kept = {"platform": launch.platform, "lineitem": _lineitem(launch, claims)}
            Placement.objects.update_or_create(user=user, quiz=quiz, defaults=kept)
        details = {"platform": launch.platform.pk, "quiz": quiz.pk if quiz else 0}
        record(action="teaching.launched", by=user, obj=user, details=details)
    return Launched(user, path)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _platform(issuer: str, client_id: str) -> Platform:
    rows = Platform.objects.filter(issuer=issuer, active=True)
    found = list(rows.filter(client_id=client_id) if client_id else rows)
    if len(found) != 1:
        raise PlatformError("unknown_platform", "This site knows no such learning platform. Tell its administrator.")
    return found[0]


def _used(state: str, cookie: str) -> Launch:
    if not state or not hmac.compare_digest(state.encode(), cookie.encode()):
        raise PlatformError(
            "state",
            "This sign-in was not begun in this browser. Let it keep cookies, or open the link in a new window.",
        )
    since = timezone.now() - GOOD_FOR
    rows = Launch.objects.filter(state_sha256=digest(state), platform__active=True)
    launch = rows.select_related("platform").first()
    if launch is None or not rows.filter(used__isnull=True, created__gt=since).update(used=timezone.now()):
        raise PlatformError("state_used")
    return launch


def _verified(platform: Platform, id_token: str) -> dict[str, Any]:
    """The claims, once signature, algorithm, issuer, audience and times hold."""
    import jwt

    if len(id_token) > MOST_TOKEN:
        raise PlatformError("too_long")
    try:
        header = jwt.get_unverified_header(id_token)
        if header.get("alg") != ALGORITHM:
            raise PlatformError("algorithm")
        keys = jwt.PyJWKSet.from_dict(ask(platform, "GET", platform.keys_url) or {})
        key = next((key for key in keys.keys if key.key_id == header.get("kid")), None)
        if key is None or key.key_type != "RSA":
            raise PlatformError("key")
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key.key,
            algorithms=[ALGORITHM],
            audience=platform.client_id,
            issuer=platform.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": NEEDED},
        )
    except (jwt.PyJWTError, TypeError, AttributeError, KeyError) as error:
        raise PlatformError(_reason(error)) from error
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if (several or "azp" in claims) and claims.get("azp") != platform.client_id:
        raise PlatformError("authorised_party")
    if claims["iat"] < timezone.now().timestamp() - GOOD_FOR.total_seconds():
        raise PlatformError("too_old")
    return claims


def _reason(error: Exception) -> str:
    return f"token_{type(error).__name__}"[:60]


def _check_message(platform: Platform, claims: Mapping[str, Any]) -> None:
    if claims.get(f"{CLAIM}message_type") == "LtiDeepLinkingRequest":
        raise PlatformError(
            "deep_linking",
            "Quizzes and courses are not chosen from inside the platform. Copy the address of a quiz or a course here, "
            "and enter it there as the target of a link.",
        )
    if claims.get(f"{CLAIM}version") != "1.3.0" or claims.get(f"{CLAIM}message_type") != "LtiResourceLinkRequest":
        raise PlatformError("message_type", "This site takes links to its quizzes and courses alone.")
    if claims.get(f"{CLAIM}deployment_id") not in platform.deployments:
        raise PlatformError("deployment", "This deployment is not let in. Tell this site's administrator its id.")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MOST_SUBJECT:
        raise PlatformError("subject")


def _target(url: str, host: str) -> tuple[str, Quiz | None]:
    """A page of teaching on this site; nothing else is led to."""
    parts = urlsplit(url)
    if parts.netloc and parts.netloc != host:
        raise PlatformError("target")
    try:
        found = resolve(parts.path or "/")
    except Resolver404 as error:
        raise PlatformError("target") from error
    if found.view_name not in ("teaching:home", "teaching:quiz", "teaching:course"):
        raise PlatformError("target")
    if found.view_name != "teaching:quiz":
        return parts.path, None
    quiz = Quiz.objects.filter(pk=found.kwargs["pk"], state=QuizState.PUBLISHED).first()
    if quiz is None:
        raise PlatformError("target", "This quiz is not published. Tell who linked it.")
    return parts.path, quiz


def _lineitem(launch: Launch, claims: Mapping[str, Any]) -> str:
    """The column of grades, where the platform gives one on an address of its own and lets scores be written."""
    endpoint = claims.get(AGS_CLAIM)
    if not isinstance(endpoint, dict) or SCORE_SCOPE not in (endpoint.get("scope") or []):
        return ""
    url = str(endpoint.get("lineitem") or "")
    return url if len(url) <= 500 and is_of(launch.platform, url) else ""


def _account(platform: Platform, subject: str) -> User:
    """A learner without a password. An account that became more than that is not opened from outside."""
    known = PlatformAccount.objects.select_related("user").filter(issuer=platform.issuer, subject=subject).first()
    if known is not None:
        if not known.user.is_active or known.user.role != Role.LEARNER:
            raise PlatformError("account", "This account does not open from a learning platform. Sign in here.")
        return known.user
    user = User(username=f"lti-{digest(f'{platform.issuer}|{subject}')[:24]}", role=Role.LEARNER)
    user.set_unusable_password()
    user.save()
    PlatformAccount.objects.create(issuer=platform.issuer, subject=subject, user=user)
    record(action="account.created", by=None, obj=user, details={"platform": platform.pk, "role": user.role})
    return user
