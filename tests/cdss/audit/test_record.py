import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import RequestFactory

from cdss.accounts.models import User
from cdss.audit.chain import DetailsError
from cdss.audit.location import ClientAddressMiddleware, client_address
from cdss.audit.models import GENESIS, ChainHead, Event
from cdss.audit.services import BrokenTrailError, record
from cdss.audit.verify import verify

WRITERS, EVENTS = 6, 20


def test_the_first_event_follows_the_genesis(clinician: User) -> None:
    first = record(action="account.signed_in", by=clinician, obj=clinician, details={"ms": 1.5})
    second = record(action="account.signed_out", by=clinician)
    assert (first.sequence, first.previous_hash) == (1, GENESIS)
    assert (second.sequence, second.previous_hash) == (2, first.hash)
    assert (first.actor, first.role, first.object_type, first.object_id) == (
        "clinician",
        "clinician",
        "accounts.user",
        str(clinician.pk),
    )
    assert verify().holds


def test_an_event_of_an_act_that_fails_is_not_kept(clinician: User) -> None:
    with transaction.atomic():
        record(action="account.changed", by=clinician)
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    assert record(action="account.changed", by=clinician).sequence == 1


@pytest.mark.django_db(transaction=True)
def test_an_act_whose_event_cannot_be_written_is_not_kept() -> None:
    @transaction.atomic
    def act() -> None:
        User.objects.create_user("nobody")
        record(action="account.created", details={"text": "x" * 201})

    with pytest.raises(DetailsError):
        act()
    assert not User.objects.filter(username="nobody").exists()


@pytest.mark.parametrize(
    "value",
    [
        "x" * 201,
        "two\nlines",
        "nul\0",
        "\ud800",
        float("nan"),
        float("inf"),
        1e16,
        b"bytes",
        object(),
        list(range(51)),
        [["nested"]],
        {"deep": {"deeper": 1}},
    ],
)
def test_details_that_could_hold_case_text_are_refused(db: None, value: object) -> None:
    with pytest.raises(DetailsError, match="detail"):
        record(action="consultation.viewed", details={"detail": value})
    assert not Event.objects.exists()


def test_what_the_database_gives_back_has_the_same_hash(db: None) -> None:
    details = {"a": -0.0, "b": 5.0, "c": 1e-7, "d": 10**25, "e": "µ“é", "f": [None, True, 0.1], "g": {"z": 1, "a": 2}}
    record(action="odd.values", details=details, location="Ward\n3")
    event = Event.objects.get()
    assert event.details == details
    assert event.location == "Ward3"
    assert verify().holds


def test_the_location_is_the_users_else_the_address(clinician: User) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7")
    ClientAddressMiddleware(lambda _: None).process_request(request)
    try:
        assert record(action="x", by=clinician).location == "192.0.2.7"
        clinician.location = "Ward 3"
        assert record(action="x", by=clinician).location == "Ward 3"
        assert record(action="x", by=clinician, location="kiosk").location == "kiosk"
    finally:
        client_address.set("")


def test_the_database_refuses_to_change_the_trail(db: None) -> None:
    record(action="first")
    record(action="second")
    attempts = [
        lambda: Event.objects.filter(sequence=1).update(action="other"),
        lambda: Event.objects.filter(sequence=1).delete(),
        lambda: ChainHead.objects.all().delete(),
        lambda: ChainHead.objects.update(sequence=1),
        lambda: ChainHead.objects.update(hash=GENESIS),
        lambda: ChainHead.objects.update(sequence=9),
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            attempt()
    assert list(Event.objects.values_list("action", flat=True)) == ["first", "second"]
    assert verify().holds


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_postgresql_refuses_to_truncate_the_trail(db: None) -> None:
    for table in ("audit_event", "audit_chainhead"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table}")


def test_a_trail_without_its_head_is_not_continued(db: None, unlocked_trail: None) -> None:
    record(action="first")
    ChainHead.objects.all().delete()
    with pytest.raises(BrokenTrailError, match="verify_audit"):
        record(action="second")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="threads share no SQLite database in memory")
@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_on_postgresql_make_one_chain() -> None:
    def write() -> None:
        try:
            for number in range(EVENTS):
                record(action="written", details={"number": number})
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = verify()
    assert report.holds
    assert report.events == WRITERS * EVENTS


CONCURRENT = f"""
import threading, django
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", "audit", verbosity=0)
from cdss.audit.services import record
from cdss.audit.verify import verify

def write():
    try:
        for number in range({EVENTS}):
            record(action="written", details={{"number": number}})
    finally:
        connection.close()

threads = [threading.Thread(target=write) for _ in range({WRITERS})]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
report = verify()
print(report.holds, report.events)
"""


def test_concurrent_writers_on_a_sqlite_file_make_one_chain(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", CONCURRENT], env=environment, capture_output=True, text=True, check=False
    )
    assert result.stdout.split() == ["True", str(WRITERS * EVENTS)], result.stderr
