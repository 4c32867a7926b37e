import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.anchors import anchor_add, anchor_due, anchor_lines
from cdss.audit.models import Anchor, ChainHead, Event
from cdss.audit.services import record
from cdss.audit.standalone.verify_export import read_anchors
from cdss.audit.verify import verify

DAY = date(2026, 3, 1)


@pytest.fixture
def anchored(unlocked_trail: None) -> list[Anchor]:
    """Three days of four events, each with its anchor."""
    made = []
    for day in range(3):
        for number in range(4):
            record(action="written", details={"number": number})
        made.append(anchor_add(day=DAY + timedelta(days=day)))
    return made


@pytest.fixture
def elsewhere(anchored: list[Anchor], tmp_path: Path) -> Path:
    file = tmp_path / "anchors.jsonl"
    file.write_text("".join(anchor_lines()))
    return file


def made_anew(without: int) -> None:
    """The same events again, one left out, every hash and the head to match."""
    rows = list(Event.objects.exclude(sequence=without).values("action", "details"))
    Event.objects.all().delete()
    ChainHead.objects.all().delete()
    for row in rows:
        record(**row)


def test_an_anchor_is_the_head_of_its_day(anchored: list[Anchor]) -> None:
    event = Event.objects.get(sequence=4)
    first = anchored[0]
    assert (first.date, first.sequence, first.hash, first.events) == (DAY, 4, event.hash, 4)
    noted = Event.objects.get(sequence=5)
    assert (noted.action, noted.details["hash"], noted.details["date"]) == ("audit.anchored", first.hash, "2026-03-01")
    report = verify()
    assert (report.holds, report.anchors) == (True, 3)


def test_a_day_has_one_anchor(anchored: list[Anchor]) -> None:
    record(action="written")
    assert anchor_add(day=DAY) is None
    assert Anchor.objects.count() == 3
    assert anchor_due() is not None
    assert anchor_due() is None


def test_an_empty_trail_has_nothing_to_anchor(db: None) -> None:
    assert anchor_add() is None
    assert not Event.objects.exists()


def test_the_database_refuses_to_change_anchors(db: None) -> None:
    record(action="written")
    anchor_add()
    for attempt in (lambda: Anchor.objects.update(sequence=2), lambda: Anchor.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            attempt()
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE audit_anchor")


def test_a_trail_made_anew_does_not_lead_to_its_anchors(anchored: list[Anchor], elsewhere: Path) -> None:
    made_anew(without=7)
    # Its own anchors tell it, and those kept elsewhere when its own were made anew too.
    report = verify()
    assert report.sequence == 4
    Anchor.objects.all().delete()
    Event.objects.filter(action="audit.anchored").update(action="other")
    report = verify(anchors=read_anchors(elsewhere))
    assert not report.holds
    assert "anchor" in report.problem or report.sequence == 5


def test_the_place_of_a_rewriting_lies_between_two_anchors(unlocked_trail: None, tmp_path: Path) -> None:
    for number in range(12):
        record(action="written", details={"number": number})
    lines = [
        {"date": f"2026-03-0{n}", "sequence": 4 * n, "hash": Event.objects.get(sequence=4 * n).hash} for n in (1, 2, 3)
    ]
    file = tmp_path / "anchors.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    kept = {event.sequence: event for event in Event.objects.all()}
    Event.objects.filter(sequence__gte=7).delete()
    ChainHead.objects.update(sequence=6, hash=kept[6].hash)
    record(action="written", details={"number": 99})
    for number in range(8, 13):
        record(action="written", details=kept[number].details)
    assert verify().holds
    report = verify(anchors=read_anchors(file))
    assert (report.sequence, report.anchors) == (8, 1)
    assert "one of the events 5 to 8 was rewritten" in report.problem


def test_a_cut_that_moves_the_head_back_is_told_by_an_anchor(anchored: list[Anchor], elsewhere: Path) -> None:
    Event.objects.filter(sequence__gt=10).delete()
    ChainHead.objects.update(sequence=10, hash=Event.objects.get(sequence=10).hash)
    Anchor.objects.filter(date=anchored[-1].date).delete()
    assert verify().holds
    report = verify(anchors=read_anchors(elsewhere))
    assert report.sequence == 11
    assert "cut off" in report.problem


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_changed_anchor_is_told_by_its_event(anchored: list[Anchor], change: str) -> None:
    rows = Anchor.objects.filter(date=anchored[1].date)
    if change == "update":
        rows.update(sequence=3, hash=Event.objects.get(sequence=3).hash)
    else:
        rows.delete()
    report = verify()
    assert report.sequence == anchored[1].sequence + 1
    assert "anchor of 2026-03-02" in report.problem


def test_the_command_writes_all_anchors(
    anchored: list[Anchor], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.jsonl"
    call_command("anchor_audit", "--output", str(file))
    assert [anchor.sequence for anchor in read_anchors(file)] == [4, 9, 14, 15]
    call_command("verify_audit", "--anchors", str(file))
    assert "8 anchors" in capsys.readouterr().out, "each stored one and each kept one agrees"
    call_command("anchor_audit")
    assert "Nothing to anchor" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["", "{}", "no", '{"date": "2026-03-01", "sequence": 0, "hash": "x"}', "[]", "\udcff"])
def test_a_file_that_holds_no_anchors_is_wrong_use(db: None, tmp_path: Path, line: str) -> None:
    file = tmp_path / "anchors.jsonl"
    file.write_bytes(f"{line}\n".encode("utf-8", "surrogateescape"))
    with pytest.raises(CommandError, match="not an anchor"):
        call_command("verify_audit", "--anchors", str(file))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_audit", "--anchors", str(tmp_path / "nowhere"))


def test_the_page_makes_lists_and_hands_out(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    record(action="written")
    assert "No anchor yet" in client.get("/audit/anchors/").content.decode()
    page = client.post("/audit/anchors/", follow=True).content.decode()
    anchor = Anchor.objects.get()
    assert anchor.hash in page
    data = client.get("/audit/anchors/export/").content
    assert json.loads(data)["hash"] == anchor.hash
    assert Event.objects.last().action == "audit.anchors_exported"
    assert client.get("/audit/verifier/").content.startswith(b"#!/usr/bin/env python3")
