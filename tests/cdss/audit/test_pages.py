import csv
import hashlib
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from cdss.accounts.models import User
from cdss.audit import triggers
from cdss.audit.benchmarking import export_peak, trail_fill
from cdss.audit.chain import Fields, fields_hash
from cdss.audit.export import COLUMNS
from cdss.audit.models import GENESIS, Event
from cdss.audit.services import record
from tests.cdss.cast import answered_consultation


@pytest.fixture
def desk(client: Client, auditor: User) -> Client:
    client.force_login(auditor)
    return client


@pytest.fixture
def events(clinician: User, educator: User) -> list[Event]:
    return [
        record(action="account.signed_in", by=clinician, obj=clinician),
        record(action="consultation.viewed", by=clinician, details={"ms": 1.5}),
        record(action="consultation.viewed", by=educator),
        record(action="library.imported", by=educator, details={"names": ["=1+1", "<script>"]}),
    ]


def shown(desk: Client, **filters: str) -> list[int]:
    return [event.sequence for event in desk.get("/audit/", filters).context["page_obj"]]


def test_the_newest_event_comes_first(desk: Client, events: list[Event]) -> None:
    assert shown(desk) == [4, 3, 2, 1]
    event = Event.objects.last()
    assert (event.action, event.actor, event.details) == ("audit.viewed", "auditor", {"found": 4, "shown": 4})


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"actor": "Clinician"}, [2, 1]),
        ({"role": "educator"}, [4, 3]),
        ({"action": "consultation."}, [3, 2]),
        ({"action": "consultation.viewed", "actor": "educator"}, [3]),
        ({"obj": "accounts.user"}, [1]),
        ({"obj": "accounts.user:0"}, []),
        ({"until": "2020-01-01"}, []),
        ({"since": "2020-01-01"}, [4, 3, 2, 1]),
    ],
)
def test_filters_stand_in_the_address(
    desk: Client, events: list[Event], filters: dict[str, str], found: list[int]
) -> None:
    assert shown(desk, **filters) == found
    data = b"".join(desk.get("/audit/export/", filters | {"format": "jsonl"}).streaming_content)
    lines = [json.loads(line) for line in data.splitlines()]
    exported = [line["sequence"] for line in lines if "action" in line]
    # Looking at the trail is in the trail.
    assert [number for number in exported if number <= len(events)] == sorted(found)


def test_days_are_whole_days(db: None) -> None:
    triggers.remove(connection)
    record(action="late")
    Event.objects.update(at=datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC))
    day = date(2026, 3, 1)
    assert Event.objects.matching(since=day, until=day).count() == 1
    assert not Event.objects.matching(since=date(2026, 3, 2)).exists()
    assert not Event.objects.matching(until=date(2026, 2, 28)).exists()


def test_an_event_leads_to_what_was_seen(desk: Client, clinician: User) -> None:
    consultation = answered_consultation(clinician)
    record(action="consultation.viewed", by=clinician, obj=consultation)
    page = desk.get("/audit/").content.decode()
    assert f'href="/consultations/{consultation.pk}/"' in page
    assert desk.get(f"/consultations/{consultation.pk}/").status_code == 200


def test_what_the_trail_holds_is_text_on_the_page(desk: Client, events: list[Event]) -> None:
    assert b'<script>"' not in desk.get("/audit/").content


def test_verification_is_shown_and_recorded(desk: Client, events: list[Event]) -> None:
    page = desk.post("/audit/verify/", follow=True).content.decode()
    assert "The audit trail holds: 4 events" in page
    assert Event.objects.filter(action="audit.verified").last().details["holds"] is True
    triggers.remove(connection)
    Event.objects.filter(sequence=2).update(actor="other")
    page = desk.post("/audit/verify/", follow=True).content.decode()
    assert "broken at event 2" in page
    assert Event.objects.filter(action="audit.verified").last().details["broken"] == 2


def test_the_list_takes_as_many_queries_for_many_as_for_few(desk: Client, clinician: User) -> None:
    counts = []
    for _ in range(2):
        for _ in range(30):
            record(action="consultation.viewed", by=clinician, obj=clinician)
        with CaptureQueriesContext(connection) as queries:
            desk.get("/audit/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_json_lines_are_enough_to_check_the_chain(desk: Client, events: list[Event]) -> None:
    answer = desk.get("/audit/export/", {"format": "jsonl"})
    data = b"".join(answer.streaming_content)
    previous = GENESIS
    *rows, ending = map(json.loads, data.splitlines())
    for row in rows:
        digest = row.pop("hash")
        assert row["previous_hash"] == previous
        previous = fields_hash(Fields(**row | {"at": datetime.fromisoformat(row["at"])}))
        assert previous == digest
    assert ending["manifest"]["head"] == {"sequence": 4, "hash": previous}
    event = Event.objects.last()
    assert (event.action, event.actor, event.details["rows"]) == ("audit.exported", "auditor", 4)
    assert event.details["sha256"] == hashlib.sha256(data).hexdigest()


def test_csv_is_harmless_and_whole(desk: Client, events: list[Event]) -> None:
    text = b"".join(desk.get("/audit/export/").streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert json.loads(rows[3]["details"]) == events[3].details


def test_an_unknown_format_is_a_400(desk: Client) -> None:
    assert desk.get("/audit/export/", {"format": "xml"}).status_code == 400
    assert desk.get("/audit/export/", {"since": "yesterday"}).status_code == 400


def test_an_async_server_streams_the_same(auditor: User, events: list[Event]) -> None:
    async def ask() -> tuple[bool, bytes]:
        client = AsyncClient()
        await client.aforce_login(auditor)
        answer = await client.get("/audit/export/", {"format": "jsonl"})
        return answer.is_async, b"".join([block async for block in answer.streaming_content])

    is_async, data = async_to_sync(ask)()
    assert is_async
    assert [json.loads(line)["sequence"] for line in data.splitlines()[:-1]] == [1, 2, 3, 4]


def test_an_export_is_counted_before_it_is_made(desk: Client, events: list[Event]) -> None:
    page = desk.get("/audit/export/prepare/", {"actor": "clinician"}).content.decode()
    assert "Export 2 of" in page
    assert "User name" in page
    assert 'name="actor" value="clinician"' in page
    assert desk.get("/audit/export/prepare/", {"since": "yesterday"}).status_code == 400


def test_filters_by_model_and_outcome(desk: Client, clinician: User) -> None:
    record(action="consultation.finished", details={"status": "done", "writer": "composer"})
    record(action="consultation.finished", details={"status": "abstained"})
    record(action="consultation.model_failed", details={"writer": "ollama:some"})
    assert shown(desk, model="composer") == [1]
    assert shown(desk, outcome="abstained") == [2]
    assert shown(desk, outcome="failed") == [3]


def test_memory_does_not_grow_with_the_rows(db: None, tmp_path: Path) -> None:
    trail_fill(9000)
    export_peak(1000, tmp_path)
    assert export_peak(9000, tmp_path) < 1.2 * export_peak(1000, tmp_path)


@pytest.mark.parametrize("page", ["/audit/", "/feedback/", "/oversight/"])
@pytest.mark.parametrize("bad", [{"since": "yesterday"}, {"role": "king"}, {"until": "2026-13-45"}])
def test_a_filter_that_cannot_be_read_shows_and_exports_nothing(desk: Client, page: str, bad: dict[str, str]) -> None:
    shown = desk.get(page, bad).content.decode()
    assert "A filter cannot be read" in shown
    assert "errorlist" in shown
    assert "/export/" not in shown
    assert "<tbody>" not in shown
