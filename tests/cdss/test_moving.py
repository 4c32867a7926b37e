"""A site moves from SQLite to PostgreSQL: nothing lost, nothing changed, and a move that was killed is ended."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections

from cdss.accounts.models import User
from cdss.audit.models import ChainHead, Event
from cdss.audit.services import record
from cdss.indexing.models import PassageEmbedding
from cdss.library.models import Case, Collection, Document, Passage
from cdss.moving import NOTES, Moved, MoveError, database_move, second_connection

pytestmark = [
    pytest.mark.pg,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="moves from SQLite"),
]
Target = Callable[[], str]
_numbers = count(1)


def admin(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as opened:
        opened.execute(statement.encode())


@contextmanager
def beside(url: str) -> Iterator[str]:
    """A database beside the test's own, which the tests would not let it open."""

    def ensure_connection() -> None:
        if opened.connection is None:
            with opened.wrap_database_errors:
                opened.connect()

    with second_connection("beside", dict(dj_database_url.parse(url))) as alias:
        opened = connections[alias]
        opened.ensure_connection = ensure_connection  # type: ignore[method-assign]
        yield alias


@pytest.fixture(scope="module")
def migrated(postgres_url: str, django_db_setup: None, django_db_blocker: Any) -> str:
    """A migrated PostgreSQL without rows, to be copied."""
    admin(postgres_url, "CREATE DATABASE migrated")
    url = postgres_url.replace("/postgres?", "/migrated?")
    with django_db_blocker.unblock(), beside(url) as alias:
        call_command("migrate", database=alias, verbosity=0, interactive=False)
    return url


@pytest.fixture
def new_url(postgres_url: str, migrated: str) -> Target:
    def make() -> str:
        name = f"target_{next(_numbers)}"
        admin(postgres_url, f"CREATE DATABASE {name} TEMPLATE migrated")
        return postgres_url.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture
def target(new_url: Target, transactional_db: None) -> Iterator[str]:
    with beside(new_url()) as alias:
        yield alias


@pytest.fixture
def site(transactional_db: None) -> Case:
    """Rows of every sort of column."""
    owner = User.objects.create_user("owner", password="correct horse battery", role="educator")
    collection = Collection.objects.create(name="Möwe", owner=owner, synthetic=True)
    common = {"collection": collection, "source_name": "tests", "content_hash": "0" * 64}
    case = Case.objects.create(
        kind="case", title="Ein Fall – ‘quoted’ \\ and \t tab", text="line\nline\\N\n", source_id="1", age_years=0.1,
        differential=["a", {"b": [1.0, -0.0, 1e-7, None, True], "ä": "\\"}], **common,
    )  # fmt: skip
    Document.objects.create(kind="literature", title="Paper", text="Text.", source_id="2", pages=[[0, 4, 1]], **common)
    for place in range(25):
        passage = Passage.objects.create(item_id=case.pk, position=place, text=f"p{place}", start=0, end=2)
        PassageEmbedding.objects.create(passage=passage, encoder="e", vector=bytes(range(place, 256)))
        record(action="tests.act", by=owner, obj=case, details={"place": place, "share": place / 7})
    return case


def move(target: str, **options: Any) -> Moved:
    return database_move(source="default", target=target, **options)


@pytest.mark.usefixtures("site")
def test_every_row_arrives_as_it_was(target: str) -> None:
    moved = move(target, batch=7)
    assert moved.differing == []
    assert moved.rows > 50
    here, there = Case.objects.get(), Case.objects.using(target).get()
    names = [field.attname for field in Case._meta.concrete_fields]
    assert [getattr(there, name) for name in names] == [getattr(here, name) for name in names]
    assert list(PassageEmbedding.objects.using(target).order_by("pk").values_list("vector", flat=True)) == list(
        PassageEmbedding.objects.order_by("pk").values_list("vector", flat=True)
    )
    assert list(Event.objects.using(target).values()) == list(Event.objects.values())
    assert list(ChainHead.objects.using(target).values()) == list(ChainHead.objects.values())
    assert User.objects.using(target).get().check_password("correct horse battery")
    assert NOTES not in connections[target].introspection.table_names()


@pytest.mark.usefixtures("site")
def test_what_was_moved_is_a_site_that_goes_on(target: str) -> None:
    move(target)
    newest = Passage.objects.using(target).order_by("pk").last()
    assert newest is not None
    added = Passage.objects.using(target).create(item_id=newest.item_id, position=99, text="new", start=0, end=1)
    assert added.pk > newest.pk
    for statement in ("UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"):
        with pytest.raises(DatabaseError, match="append-only"), connections[target].cursor() as cursor:
            cursor.execute(statement)
    with connections[target].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'")
        assert cursor.fetchone() == (0,)


@pytest.mark.usefixtures("site")
def test_a_move_that_broke_off_is_ended_by_the_next(target: str) -> None:
    def cut(step: str, done: int, total: int) -> None:
        if step == "audit_event" and done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(target, batch=5, report=cut)
    assert 0 < Event.objects.using(target).count() < Event.objects.count()
    moved = move(target, batch=5)
    assert moved.resumed
    assert list(Event.objects.using(target).values()) == list(Event.objects.values())


@pytest.mark.usefixtures("site")
def test_a_site_in_use_is_noticed_and_moved_anew(target: str) -> None:
    def use(step: str, done: int, total: int) -> None:
        if step == "library_passage" and done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(target, batch=5, report=use)
    Collection.objects.update(description="changed between two parts of the move")
    with pytest.raises(MoveError, match=r"library_collection.*--restart"):
        move(target)
    assert move(target, restart=True).differing == []
    assert Collection.objects.using(target).get().description
    with pytest.raises(DatabaseError, match="append-only"), connections[target].cursor() as cursor:
        cursor.execute("DELETE FROM audit_event")


def test_what_postgresql_cannot_hold_is_named_without_being_shown(target: str, site: Case) -> None:
    Collection.objects.update(description="secret\0text")
    with pytest.raises(MoveError, match=r"library_collection, row \d+ ") as told:
        move(target)
    assert "secret" not in str(told.value)
    Collection.objects.update(description="corrected")
    assert move(target).differing == []


def test_too_long_a_text_is_named_by_its_row_and_column(target: str, site: Case) -> None:
    Case.objects.update(sex="much too long for what this column holds")
    with pytest.raises(MoveError, match=rf"library_case, row {site.pk}, column sex") as told:
        move(target)
    assert "much too" not in str(told.value)


@pytest.mark.usefixtures("site")
def test_a_target_with_rows_of_its_own_is_refused(target: str) -> None:
    Collection.objects.using(target).create(name="theirs")
    with pytest.raises(MoveError, match="not empty: library_collection"):
        move(target)
    with pytest.raises(MoveError, match="not empty"):
        move(target, restart=True)
    assert Collection.objects.using(target).get().name == "theirs"


@pytest.mark.usefixtures("site")
def test_a_part_of_another_site_is_refused(target: str) -> None:
    def cut(*step: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(target, report=cut)
    with connections[target].cursor() as cursor:
        cursor.execute(f"UPDATE {NOTES} SET source = 'another'")  # noqa: S608
    for restart in (False, True):
        with pytest.raises(MoveError, match="another site"):
            move(target, restart=restart)


def test_a_target_that_cannot_be_moved_to_is_told(postgres_url: str, migrated: str, transactional_db: None) -> None:
    with beside(migrated) as alias, pytest.raises(MoveError, match="site itself"):
        database_move(source=alias, target=alias)
    with pytest.raises(MoveError, match="postgresql://"):
        move("default")
    admin(postgres_url, "CREATE DATABASE unmigrated")
    for url, said in (("/unmigrated?", "not migrated"), ("/not_there?", "cannot be reached")):
        with beside(postgres_url.replace("/postgres?", url)) as alias, pytest.raises(MoveError, match=said):
            move(alias)
    for address in ("nonsense", "mysql://host/name"):
        with pytest.raises(CommandError, match="--to"):
            call_command("move_database", to=address)
    with pytest.raises(CommandError, match="--batch 0"):
        call_command("move_database", to=postgres_url, batch=0)


@pytest.mark.usefixtures("site")
def test_a_move_that_was_killed_is_ended_and_the_trail_holds(new_url: Target, tmp_path: Path) -> None:
    file, url = tmp_path / "cdss.sqlite3", new_url()
    for place in range(400):
        Collection.objects.create(name=f"c{place}")
    connection.ensure_connection()
    with sqlite3.connect(file) as copy:
        connection.connection.backup(copy)
    environment = os.environ | {"CDSS_HOME": str(tmp_path), "DATABASE_URL": f"sqlite:///{file}"}
    command = [sys.executable, "manage.py", "move_database", "--to", url, "--batch", "1", "--json"]
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert rows_of(url, "library_collection", killed) < 400
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    moved = json.loads(done.stdout)
    assert moved["resumed"]
    assert moved["differing"] == []
    verified = subprocess.run(
        [sys.executable, "manage.py", "verify_audit", "--json"],
        env=environment | {"DATABASE_URL": url}, capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert json.loads(verified.stdout)["events"] == Event.objects.count()


def rows_of(url: str, table: str, process: "subprocess.Popen[bytes]") -> int:
    """How many there are as soon as there are some."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as opened:
        while process.poll() is None:
            row = opened.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
            if row and row[0]:
                return int(row[0])
            time.sleep(0.005)
    pytest.fail((process.stderr.read() if process.stderr else b"").decode())
