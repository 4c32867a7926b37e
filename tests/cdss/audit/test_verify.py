import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from cdss.audit.chain import Fields, fields_hash
from cdss.audit.models import ChainHead, Event
from cdss.audit.services import record
from cdss.audit.verify import NOT_THE_NOTED, verify

LENGTH = 12


@pytest.fixture
def trail(unlocked_trail: None) -> list[Event]:
    return [record(action="written", details={"number": number}) for number in range(LENGTH)]


def rehash(sequence: int) -> None:
    row = Event.objects.values_list(*Fields._fields).get(sequence=sequence)
    Event.objects.filter(sequence=sequence).update(hash=fields_hash(Fields(*row)))


def swap(first: int, second: int) -> None:
    for start, end in ((first, 1000), (second, first), (1000, second)):
        Event.objects.filter(sequence=start).update(sequence=end)


def forged(sequence: int, previous: str) -> Event:
    event = Event(sequence=sequence, at=Event.objects.first().at, action="forged", previous_hash=previous)
    event.hash = fields_hash(Fields(*(getattr(event, name) for name in Fields._fields)))
    event.save()
    return event


def insert_and_renumber(sequence: int) -> None:
    for number in range(LENGTH, sequence - 1, -1):
        Event.objects.filter(sequence=number).update(sequence=number + 1)
    forged(sequence, Event.objects.get(sequence=sequence - 1).hash)


def edit(sequence: int, **fields: object) -> Callable[[], None]:
    return lambda: Event.objects.filter(sequence=sequence).update(**fields)


def edit_and_rehash(sequence: int) -> None:
    Event.objects.filter(sequence=sequence).update(actor="other")
    rehash(sequence)


def delete(*sequences: int) -> None:
    Event.objects.filter(sequence__in=sequences).delete()


def delete_and_renumber(sequence: int) -> None:
    delete(sequence)
    for number in range(sequence + 1, LENGTH + 1):
        Event.objects.filter(sequence=number).update(sequence=number - 1)


TAMPERING: list[tuple[str, Callable[[], None], int]] = [
    ("edited actor", edit(5, actor="other"), 5),
    ("edited role", edit(5, role="auditor"), 5),
    ("edited location", edit(5, location="elsewhere"), 5),
    ("edited action", edit(5, action="other"), 5),
    ("edited object type", edit(5, object_type="library.case"), 5),
    ("edited object id", edit(5, object_id="7"), 5),
    ("edited details", edit(5, details={"number": 5}), 5),
    ("edited time", lambda: Event.objects.filter(sequence=5).update(at=F("at") - timedelta(days=1)), 5),
    ("edited hash", edit(5, hash="f" * 64), 5),
    ("edited previous hash", edit(5, previous_hash="f" * 64), 5),
    ("edited the first", edit(1, action="other"), 1),
    ("edited the last", edit(LENGTH, action="other"), LENGTH),
    ("edited and hashed again", lambda: edit_and_rehash(5), 6),
    ("edited the last and hashed again", lambda: edit_and_rehash(LENGTH), LENGTH),
    ("deleted the first", lambda: delete(1), 1),
    ("deleted one", lambda: delete(5), 5),
    ("deleted several", lambda: delete(5, 6, 7), 5),
    ("deleted and renumbered", lambda: delete_and_renumber(5), 5),
    ("cut off the last", lambda: delete(LENGTH), LENGTH),
    ("cut off the last three", lambda: delete(LENGTH - 2, LENGTH - 1, LENGTH), LENGTH - 2),
    ("deleted all", lambda: delete(*range(1, LENGTH + 1)), 1),
    ("swapped two", lambda: swap(4, 9), 4),
    ("swapped neighbours", lambda: swap(4, 5), 4),
    ("inserted and renumbered", lambda: insert_and_renumber(5), 6),
    ("added past the head", lambda: forged(LENGTH + 1, Event.objects.last().hash), LENGTH + 1),
    ("inserted before the first", lambda: forged(0, "0" * 64), 1),
    ("head deleted", lambda: ChainHead.objects.all().delete(), 1),
    ("head moved back", lambda: ChainHead.objects.update(sequence=F("sequence") - 2), LENGTH - 2),
    ("head moved on", lambda: ChainHead.objects.update(sequence=F("sequence") + 2), LENGTH + 1),
    ("head with another hash", lambda: ChainHead.objects.update(hash="f" * 64), LENGTH),
]


@pytest.mark.parametrize(("tamper", "sequence"), [pytest.param(act, at, id=name) for name, act, at in TAMPERING])
def test_tampering_is_located(trail: list[Event], tamper: Callable[[], None], sequence: int) -> None:
    assert verify().holds
    tamper()
    report = verify()
    assert not report.holds
    assert report.sequence == sequence
    assert report.problem


def test_a_trail_made_anew_does_not_lead_to_a_noted_event(trail: list[Event]) -> None:
    noted = (trail[5].sequence, trail[5].hash)
    assert verify(noted).holds
    Event.objects.all().delete()
    ChainHead.objects.all().delete()
    for number in range(4):
        record(action="written", details={"number": number})
    assert verify().holds
    assert verify(noted).sequence == 5
    for number in range(4, LENGTH):
        record(action="written", details={"number": number})
    assert verify().holds
    report = verify(noted)
    assert (report.sequence, report.problem) == (6, NOT_THE_NOTED)


@pytest.mark.parametrize("text", ["", "5", "5:abc", "x:" + "a" * 64, ":" + "a" * 64])
def test_a_noted_event_that_is_none_is_wrong_use(db: None, text: str) -> None:
    with pytest.raises(CommandError, match="NUMBER:HASH"):
        call_command("verify_audit", "--noted", text)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps the types of its columns")
@pytest.mark.parametrize("column", ["at", "details", "sequence"])
def test_a_row_that_cannot_be_read_is_located(trail: list[Event], column: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(f"UPDATE audit_event SET {column} = 'not this' WHERE sequence = 5")  # noqa: S608
        cursor.execute("PRAGMA ignore_check_constraints = OFF")
    assert verify().sequence == 5


def test_events_added_while_it_reads_are_no_break(trail: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    from cdss.audit import verify as module

    rows = module._rows

    def rows_and_a_writer() -> Iterator[object]:
        record(action="written meanwhile")
        yield from rows()

    monkeypatch.setattr(module, "_rows", rows_and_a_writer)
    report = verify()
    assert report.holds
    assert report.events == LENGTH + 1


def test_one_pass_whatever_the_length(trail: list[Event]) -> None:
    with CaptureQueriesContext(connection) as queries:
        verify()
    assert len(queries) == 4


def test_an_empty_trail_holds(db: None) -> None:
    assert verify().holds


def test_the_command_says_what_it_found(trail: list[Event], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")
    assert f"holds: {LENGTH} events" in capsys.readouterr().out
    Event.objects.filter(sequence=7).update(action="other")
    with pytest.raises(SystemExit) as stopped:
        call_command("verify_audit")
    assert stopped.value.code == 1
    assert "broken at event 7" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert (answer["holds"], answer["sequence"]) == (False, 7)
