"""Fifteen minutes without a request end a session; what a page asks for by itself is no request of a person."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cdss.accounts import idle
from cdss.accounts.models import Session, User
from cdss.library.models import State
from cdss.studies.models import StudyUpload
from tests.cdss.cast import answered_consultation, library_case


@pytest.fixture
def minutes_later(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def later(minutes: float) -> None:
        at = time.time() + 60 * minutes
        monkeypatch.setattr(idle.time, "time", lambda: at)

    return later


def ends(client: Client) -> float:
    """Minutes until the session at hand ends."""
    row = Session.objects.get(pk=client.session.session_key)
    return (row.expire_date - timezone.now()).total_seconds() / 60


def age(client: Client, minutes: float) -> None:
    row = Session.objects.get(pk=client.session.session_key)
    row.expire_date = timezone.now() + timedelta(minutes=minutes)
    row.save()


def test_a_session_lasts_at_most_fifteen_minutes_without_a_request(client: Client, clinician: User) -> None:
    assert settings.SESSION_COOKIE_AGE <= 15 * 60
    client.force_login(clinician)
    assert client.get("/").status_code == 200
    age(client, -1)
    assert client.get("/").status_code == 302


def test_a_request_moves_the_end_on(client: Client, clinician: User, minutes_later) -> None:  # type: ignore[no-untyped-def]
    client.force_login(clinician)
    age(client, 5)
    minutes_later(2)
    client.get("/")
    assert ends(client) > 14


def test_the_session_is_written_at_most_once_a_minute(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    age(client, 5)
    client.get("/")
    assert ends(client) < 6


@pytest.mark.parametrize("name", sorted(idle.BY_THE_PAGE))
def test_progress_keeps_no_session_alive(  # type: ignore[no-untyped-def]
    client: Client, clinician: User, educator: User, minutes_later, name: str
) -> None:
    of_a_study = name.startswith("studies:")
    user = educator if of_a_study else clinician
    watched = (
        StudyUpload.objects.create(case=library_case(user, state=State.DRAFT), owner=user, place="study-none")
        if of_a_study
        else answered_consultation(user)
    )
    client.force_login(user)
    age(client, 5)
    minutes_later(2)
    assert client.get(reverse(name, args=[watched.pk])).status_code == 200
    assert ends(client) < 6


@pytest.mark.django_db
def test_nobody_signed_in_gets_no_session(client: Client) -> None:
    client.get(reverse("accounts:sign_in"))
    assert not Session.objects.exists()


def test_a_session_ends_after_a_shift_however_busy(client: Client, clinician: User, minutes_later) -> None:  # type: ignore[no-untyped-def]
    client.post("/accounts/sign-in/", {"username": "clinician", "password": "correct horse battery"})
    minutes_later(settings.SESSION_MAX_SECONDS / 60 - 1)
    assert client.get("/").status_code == 200
    minutes_later(2)
    assert client.get("/").status_code == 302
