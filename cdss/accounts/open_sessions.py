"""The sessions of one account that are open now."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from cdss.accounts.devices import UNKNOWN, device_of
from cdss.accounts.models import Session, User

SINCE, SEEN, DEVICE, ADDRESS = "since", "seen", "device", "address"


@dataclass(frozen=True, slots=True)
class OpenSession:
    handle: str
    device: str
    address: str
    since: datetime | None
    used: datetime | None
    is_this: bool


def note_use(request: HttpRequest) -> None:
    """Keeps with the session at hand when and from where it was used; the caller decides how often."""
    now, session = int(time.time()), request.session
    session.setdefault(SINCE, now)
    session[SEEN] = now
    session[DEVICE] = device_of(request.META.get("HTTP_USER_AGENT", ""))
    session[ADDRESS] = request.META.get("REMOTE_ADDR", "")


def open_sessions(*, user: User, key: str | None = None) -> list[OpenSession]:
    """The last used first; `key` is that of the session one is in."""
    found = [_shown(row, data, key) for row, data in _open(user)]
    return sorted(found, key=lambda each: (not each.is_this, -(each.used.timestamp() if each.used else 0)))


def session_of(*, user: User, handle: str) -> Session | None:
    """The open session of this person that a page named so."""
    return next((row for row, _ in _open(user) if constant_time_compare(row.handle, handle)), None)


def _open(user: User) -> Iterator[tuple[Session, dict[str, object]]]:
    """Not those that ended with another password, role or generation, nor those past a shift."""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    oldest = time.time() - settings.SESSION_MAX_SECONDS
    for row in Session.objects.of(user):
        data = row.get_decoded()
        if not any(constant_time_compare(data.get(HASH_SESSION_KEY, ""), each) for each in hashes):
            continue
        if data.get(SINCE, oldest) >= oldest:
            yield row, data


def _shown(row: Session, data: dict[str, object], key: str | None) -> OpenSession:
    return OpenSession(
        row.handle,
        str(data.get(DEVICE) or UNKNOWN),
        str(data.get(ADDRESS) or ""),
        _moment(data.get(SINCE)),
        _moment(data.get(SEEN, data.get(SINCE))),
        row.session_key == key,
    )


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None
