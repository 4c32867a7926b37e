import json

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.utils import timezone

from cdss.accounts.models import User
from cdss.consultations import live
from cdss.consultations.models import Consultation, Status, Step
from tests.cdss.consultations import page_rows as rows

NO_SCRIPT_REFRESH = '<noscript><meta http-equiv="refresh"'


@pytest.fixture
def signed_in(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


def read(client: Client, row: Consultation) -> str:
    return client.get(f"/consultations/{row.pk}/").content.decode()


def test_a_running_consultation_shows_its_steps_and_its_evidence(signed_in: Client, clinician: User) -> None:
    row = rows.consultation(clinician, Status.RUNNING)
    Step.objects.create(consultation=row, name="understand", started=timezone.now(), duration_ms=21.4)
    Step.objects.create(consultation=row, name="search", started=timezone.now())
    rows.evidence(row)
    html = read(signed_in, row)
    assert 'data-step="understand" data-state="done"' in html
    assert 'data-step="search" data-state="running"' in html
    assert 'data-step="write" data-state="waiting"' in html
    assert "21 ms" in html
    assert "Digest 1" in html
    assert f"/consultations/{row.pk}/cancel/" in html
    assert NO_SCRIPT_REFRESH in html


def test_a_finished_one_is_not_followed(signed_in: Client, clinician: User) -> None:
    html = read(signed_in, rows.whole(clinician, size=1))
    assert NO_SCRIPT_REFRESH not in html
    assert 'data-finished="1"' in html
    assert "/cancel/" not in html


def test_one_whose_model_still_writes_is_followed_and_can_be_stopped(signed_in: Client, clinician: User) -> None:
    row = rows.whole(clinician, size=1)
    rows.answer(row, "openai:gpt", state="waiting")
    html = read(signed_in, row)
    assert 'data-finished="0"' in html
    assert "Stop the model" in html
    assert signed_in.get(f"/consultations/{row.pk}/status/").json()["finished"] is False


def test_the_status_tells_what_the_page_needs(signed_in: Client, clinician: User) -> None:
    row = rows.whole(clinician, size=2)
    response = signed_in.get(f"/consultations/{row.pk}/status/")
    found = response.json()
    assert "no-store" in response["Cache-Control"]
    assert (found["status"], found["finished"], found["evidence"]) == ("done", True, 4)
    assert found["answers"] == [["composer", "complete", 4]]
    assert [(step["name"], step["state"]) for step in found["steps"]][:3] == [
        ("deidentify", "done"),
        ("understand", "done"),
        ("search", "done"),
    ]


@pytest.mark.django_db(transaction=True)
def test_the_stream_is_made_of_events(async_client: AsyncClient, clinician: User) -> None:
    row = rows.consultation(clinician, Status.RUNNING)
    async_client.force_login(clinician)
    response = async_to_sync(async_client.get)(f"/consultations/{row.pk}/progress/")
    assert response.is_async
    assert response["Content-Type"] == "text/event-stream"
    assert "no-store" in response["Cache-Control"]


def test_a_server_that_cannot_stream_gives_one_event_and_is_asked_again(signed_in: Client, clinician: User) -> None:
    row = rows.consultation(clinician, Status.RUNNING)
    response = signed_in.get(f"/consultations/{row.pk}/progress/")
    retry, data, *_ = response.content.decode().split("\n")
    assert response["Content-Type"] == "text/event-stream"
    assert int(retry.removeprefix("retry: ")) > 0
    assert json.loads(data.removeprefix("data: "))["status"] == "running"


@pytest.mark.django_db(transaction=True)
def test_the_stream_says_what_changed_and_ends_with_the_consultation(
    clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = rows.consultation(clinician, Status.RUNNING)
    turns = iter(
        [
            lambda: None,
            lambda: Step.objects.create(consultation=row, name="understand", started=timezone.now(), duration_ms=1.0),
            lambda: Consultation.objects.filter(pk=row.pk).update(status=Status.DONE),
        ]
    )

    async def next_turn(_: float) -> None:
        await live.sync_to_async(next(turns))()

    monkeypatch.setattr(live.asyncio, "sleep", next_turn)
    events = async_to_sync(collected)(row.pk)
    assert events[1].startswith(":")
    states = [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: ")]
    assert [state["status"] for state in states] == ["running", "running", "done"]
    assert [state["steps"][1]["state"] for state in states] == ["waiting", "done", "done"]
    assert states[-1]["finished"]


async def collected(pk: int) -> list[str]:
    return [event async for event in live.progress_events(pk)]


@pytest.mark.django_db(transaction=True)
def test_the_stream_of_a_deleted_consultation_ends(clinician: User) -> None:
    assert async_to_sync(collected)(12345) == []


def test_an_abstention_says_what_was_searched_what_was_missing_and_what_would_help(
    signed_in: Client, clinician: User
) -> None:
    searched = {"items_found": 14, "best_similarity": 0.142, "floor": 0.2, "images": 0, "index_version": "index-7"}
    stored = {"reason": "below_floor", "searched": searched, "missing": ["exam", "images"]}
    row = rows.consultation(clinician, Status.ABSTAINED, abstention=stored)
    text = rows.words(read(signed_in, row))
    for expected in ("No answer is given", "not close enough", "0.142", "0.2", "index-7", "Examination and laboratory"):
        assert expected in text
    assert "One to three images" in text
    assert "How it began" not in text
    assert "Search again" in text


def test_a_failure_says_why_and_offers_to_try_again(signed_in: Client, clinician: User) -> None:
    row = rows.consultation(clinician, Status.FAILED, error="The index cannot be read. Rebuild it.")
    Step.objects.create(consultation=row, name="search", started=timezone.now())
    html = read(signed_in, row)
    assert "The index cannot be read. Rebuild it." in html
    assert f"/consultations/{row.pk}/retry/" in html
    assert 'data-step="search" data-state="stopped"' in html


def test_a_cancelled_one_can_be_taken_up(signed_in: Client, clinician: User) -> None:
    row = rows.consultation(clinician, Status.CANCELLED)
    html = read(signed_in, row)
    assert "was cancelled" in html
    assert f"/consultations/{row.pk}/retry/" in html


def test_what_was_checked_before_a_stop_is_still_shown(signed_in: Client, clinician: User) -> None:
    text = rows.words(read(signed_in, rows.whole(clinician, size=1, status=Status.CANCELLED)))
    assert "Diagnosis 0" in text
    assert "Cancelled before it was whole" in text


def test_buttons_reach_their_services(signed_in: Client, clinician: User) -> None:
    row = rows.consultation(clinician, Status.QUEUED)
    signed_in.post(f"/consultations/{row.pk}/cancel/")
    row.refresh_from_db()
    assert row.status == Status.CANCELLED
    signed_in.post(f"/consultations/{row.pk}/retry/")
    row.refresh_from_db()
    assert row.status == Status.QUEUED


def test_an_edited_case_is_a_new_consultation(signed_in: Client, clinician: User) -> None:
    row = rows.whole(clinician, size=1)
    response = signed_in.post(f"/consultations/{row.pk}/again/", {"edited": "1", "findings": "A mass with fat."})
    new = Consultation.objects.latest("pk")
    assert response["Location"] == f"/consultations/{new.pk}/"
    assert (new.findings, new.history) == ("A mass with fat.", "")
    signed_in.post(f"/consultations/{row.pk}/again/")
    assert Consultation.objects.latest("pk").findings == row.findings


def test_an_edit_that_is_refused_is_explained_on_the_page(signed_in: Client, clinician: User) -> None:
    row = rows.whole(clinician, size=1)
    response = signed_in.post(f"/consultations/{row.pk}/again/", {"edited": "1"}, follow=True)
    assert "The case is empty" in response.content.decode()
    assert Consultation.objects.count() == 1
