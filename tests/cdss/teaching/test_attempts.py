"""An unknown case from its start to the day it comes back."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdss.accounts.models import User
from cdss.library.models import Case, LibraryItem
from cdss.teaching.attempting import TeachingError, attempt_commit, attempt_reveal, attempt_start
from cdss.teaching.models import Attempt, Review
from cdss.teaching.presenting import page_of, unknown_title


def test_steps_come_in_order_each_with_its_time(hamartoma: Case, learner: User) -> None:
    attempt = attempt_start(case=hamartoma, by=learner)
    assert [part.heading for part in page_of(attempt).parts if part.is_seen] == ["History"]
    assert attempt_reveal(attempt=attempt, by=learner) == "findings"
    assert attempt_reveal(attempt=attempt, by=learner) is None
    assert [(s.step, s.at is not None) for s in attempt.steps.all()] == [("history", True), ("findings", True)]
    assert attempt_start(case=hamartoma, by=learner).pk == attempt.pk


def test_right_wrong_and_given_up(client: Client, hamartoma: Case, learner: User) -> None:
    client.force_login(learner)
    for sent, said in (
        ({"answer1": "hamartoma of the lung", "confidence": "70"}, "Right"),
        ({"answer1": "Carcinoid tumor", "answer2": "Hamartoma", "confidence": "70"}, "Right, as number 2"),
        ({"answer1": "Ureteric calculus", "confidence": "90"}, "Missed"),
        ({"give_up": "1"}, "Given up"),
    ):
        address = client.post(f"/teaching/cases/{hamartoma.pk}/")["Location"]
        assert client.post(f"{address}commit/", sent)["Location"] == address
        page = client.get(address).content.decode()
        assert said in page
        assert "Pulmonary hamartoma" in page
        # Feedback cites the case's own words.
        assert "“Popcorn calcification is characteristic of a hamartoma.”" in page
    row = Attempt.objects.order_by("pk")[1]
    assert (row.place, row.answers, row.confidence) == (2, ["Carcinoid tumor", "Hamartoma"], 70)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "one diagnosis"), ({"answer1": "Hamartoma"}, "how sure"),
        ({"answer1": "a, b", "confidence": "50"}, "one diagnosis"),
        ({"answer1": "Hamartoma", "confidence": "51"}, "valid choice"),
        ({"answer1": "x" * 4000, "confidence": "50"}, "at most 120"),
    ],
)  # fmt: skip
def test_answers_that_are_not_taken(client: Client, hamartoma: Case, learner: User, sent: dict, said: str) -> None:
    client.force_login(learner)
    address = client.post(f"/teaching/cases/{hamartoma.pk}/")["Location"]
    answer = client.post(f"{address}commit/", sent)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page
    # The next step can still be uncovered from this page: it is asked of the attempt, not of the answer.
    assert f'<form method="post" action="{address}">' in page
    assert Attempt.objects.get().committed is None


def test_a_commit_is_for_good(hamartoma: Case, learner: User, make_user: Any) -> None:
    attempt = attempt_start(case=hamartoma, by=learner)
    attempt_commit(attempt=attempt, by=learner, lines=[], confidence=None)
    with pytest.raises(TeachingError):
        attempt_commit(attempt=attempt, by=learner, lines=["Hamartoma"], confidence=90)
    with pytest.raises(TeachingError):
        attempt_reveal(attempt=attempt, by=learner)
    with pytest.raises(Attempt.DoesNotExist):
        attempt_commit(attempt=attempt, by=make_user("other"), lines=["Hamartoma"], confidence=90)


def test_an_attempt_ends_after_a_day(client: Client, hamartoma: Case, learner: User) -> None:
    client.force_login(learner)
    address = client.post(f"/teaching/cases/{hamartoma.pk}/")["Location"]
    Attempt.objects.update(created=timezone.now() - dt.timedelta(hours=25))
    assert client.get(address)["Location"] == f"/teaching/cases/{hamartoma.pk}/"
    client.post(f"{address}commit/", {"answer1": "Hamartoma", "confidence": "90"})
    assert Attempt.objects.get().committed is None


def test_a_missed_case_comes_back_until_it_is_known(client: Client, hamartoma: Case, learner: User) -> None:
    client.force_login(learner)

    def take(name: str, confidence: int) -> Review | None:
        attempt = attempt_start(case=hamartoma, by=learner)
        attempt_commit(attempt=attempt, by=learner, lines=[name], confidence=confidence)
        return Review.objects.filter(learner=learner).first()

    today = timezone.localdate()
    assert take("Hamartoma", 90) is None
    missed = take("Carcinoid tumor", 90)
    assert missed
    assert (missed.due, missed.lapses) == (today + dt.timedelta(days=1), 1)
    assert "Due again" not in client.get("/teaching/").content.decode()
    Review.objects.update(due=today)
    assert "Due again" in client.get("/teaching/").content.decode()
    assert [take("Hamartoma", 90).interval_days for _ in range(3)] == [1, 6, 17]  # type: ignore[union-attr]
    assert "Due again" not in client.get("/teaching/").content.decode()


def test_titles_that_tell_nothing(hamartoma: Case) -> None:
    neutral = f"Unknown case {hamartoma.pk}"
    assert unknown_title(hamartoma) == neutral
    for title, shown in (
        ("A coin on a chest film", "A coin on a chest film"), ("Hamartoma?", neutral), (hamartoma.title, neutral),
    ):  # fmt: skip
        hamartoma.alternative_title = title
        assert unknown_title(hamartoma) == shown


@pytest.mark.parametrize("change", [{"state": "draft"}, {"state": "retired"}, {"visibility": "private"},
                                    {"recalled": "retracted"}])  # fmt: skip
def test_a_case_that_is_withdrawn_is_not_asked(
    client: Client, hamartoma: Case, learner: User, change: dict[str, str]
) -> None:
    client.force_login(learner)
    address = client.post(f"/teaching/cases/{hamartoma.pk}/")["Location"]
    LibraryItem.objects.filter(pk=hamartoma.pk).update(**change)
    for path in (address, f"/teaching/cases/{hamartoma.pk}/", f"{address}images/1/"):
        assert client.get(path).status_code == 404
    assert client.post(f"{address}commit/", {"give_up": "1"}).status_code == 404


def test_images_wait_for_their_step(client: Client, demo_library: list[Case], learner: User) -> None:
    client.force_login(learner)
    case = demo_library[0]
    address = client.post(f"/teaching/cases/{case.pk}/")["Location"]
    image = f"{address}images/1/"
    assert client.get(image).status_code == 404
    for _ in range(2):
        client.post(address)
    got = client.get(image)
    assert got.status_code == 200
    assert got["Cache-Control"] == "no-store"
    assert "ETag" not in got
    assert "Last-Modified" not in got
    assert "Content-Disposition" not in got


def test_pages_ask_the_database_no_more_for_more_rows(
    client: Client, hamartoma: Case, calculus: Case, learner: User, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(learner)

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get("/teaching/").status_code == 200
        return len(queries)

    client.get("/teaching/")
    both = asked()
    LibraryItem.objects.filter(pk=calculus.pk).update(state="draft")
    assert asked() == both
