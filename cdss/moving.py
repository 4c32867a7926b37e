"""A whole site from one database into an empty one of PostgreSQL: in pieces that are each kept, compared at the end.

Rows go as they are stored, so that what is encrypted stays as it is. A note in the target says how far each table is;
it is committed with the rows it speaks of, so that a move that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from django.apps import apps
from django.core.management.color import no_style
from django.db import DatabaseError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from cdss.audit import triggers
from cdss.audit.models import ChainHead, Event

NOTES = "cdss_move"
BATCH = 1000
# What a migrated database has of its own; the rows of the source take their place.
MADE_BY_MIGRATION = {"django_content_type", "auth_permission"}
Report = Callable[[str, int, int], None]
Row = tuple[Any, ...]


class MoveError(RuntimeError):
    """A move that cannot begin or go on. The text says what to do."""


@dataclass(slots=True)
class Moved:
    tables: int = 0
    rows: int = 0
    # Tables whose rows were there already, of a move that was interrupted.
    resumed: int = 0
    differing: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"tables": self.tables, "rows": self.rows, "resumed": self.resumed, "differing": self.differing}


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    key: str
    columns: tuple[str, ...]
    fields: tuple[models.Field[Any, Any], ...]
    # The database itself keeps these from being changed; they are only added to.
    is_append_only: bool

    @classmethod
    def of(cls, model: type[models.Model]) -> Table:
        fields = tuple(model._meta.local_concrete_fields)
        return cls(
            model._meta.db_table,
            str(model._meta.pk.column),
            tuple(str(each.column) for each in fields),
            fields,
            model._meta.app_label == "audit",
        )


def database_move(
    *, source: str, target: str, batch: int = BATCH, restart: bool = False, report: Report | None = None
) -> Moved:
    """Copies every table, sets the sequences, and compares counts and hashes. Raises MoveError.

    Args:
        source: alias of the database of the site, which nobody should be using.
        target: alias of a migrated PostgreSQL without rows, or of one that an earlier move began to fill.
        batch: rows of one transaction.
        restart: empties a target that an earlier move began to fill.
    """
    report = report or (lambda step, done, total: None)
    origin, into = connections[source], connections[target]
    _require_databases(origin, into)
    with transaction.atomic(using=source):
        # One view of the source from the first row to the last.
        marks, head = _mark(origin), _head(source)
        _require_ours(into, marks)
        if restart:
            _empty(into)
        _begin(into, marks)
        moved = Moved()
        for table in _tables():
            _copy(origin, into, table, batch, moved, report)
        _set_sequences(into)
        for place, table in enumerate(tables := _tables(), 1):
            if _fingerprint(origin, table) != _fingerprint(into, table):
                moved.differing.append(table.name)
            report("comparing", place, len(tables))
    _require_same(source, head, moved)
    with into.cursor() as cursor:
        cursor.execute(f"DROP TABLE {NOTES}")
    return moved


def _tables() -> list[Table]:
    """Each after those its rows point to."""
    left = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed and not m._meta.proxy]
    needs = {
        model: {each.remote_field.model._meta.concrete_model for each in model._meta.local_fields if each.remote_field}
        - {model}
        for model in left
    }
    ordered: list[type[models.Model]] = []
    while left:
        ready = [model for model in left if needs[model] <= set(ordered)]
        if not ready:
            raise MoveError(f"The tables of {left[0]._meta.label} and others point to each other in a circle.")
        ordered += ready
        left = [model for model in left if model not in ready]
    return [Table.of(model) for model in ordered]


def _require_databases(origin: BaseDatabaseWrapper, into: BaseDatabaseWrapper) -> None:
    if into.vendor != "postgresql":
        raise MoveError("--to: write postgresql://USER:PASSWORD@HOST/NAME.")
    try:
        into.ensure_connection()
    except DatabaseError as error:
        raise MoveError(
            "The database of --to cannot be reached. Look at its address and whether it runs; "
            f"it says: {str(error).strip().splitlines()[0][:200]}"
        ) from error
    if origin.vendor == "postgresql" and _place(origin) == _place(into):
        raise MoveError("--to is the database of this site itself. Give the address of another one.")
    for connection, name in ((origin, "The database of this site"), (into, "The database of --to")):
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise MoveError(
                f"{name} is not migrated to this version. Run manage.py migrate with its address in DATABASE_URL."
            )


def _place(connection: BaseDatabaseWrapper) -> Row:
    with connection.cursor() as cursor:
        # Two addresses may lead to one server; when it started tells servers apart.
        cursor.execute("SELECT pg_postmaster_start_time(), current_database()")
        return tuple(cursor.fetchone())


def _mark(origin: BaseDatabaseWrapper) -> str:
    """Tells this site's database from any other: by its first migrations and the first events of its trail."""
    with origin.cursor() as cursor:
        cursor.execute("SELECT name, applied FROM django_migrations ORDER BY id LIMIT 3")
        rows = [[name, str(applied)] for name, applied in cursor.fetchall()]
        cursor.execute("SELECT hash FROM audit_event ORDER BY sequence LIMIT 1")
        rows.append([row[0] for row in cursor.fetchall()])
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _require_ours(into: BaseDatabaseWrapper, mark: str) -> None:
    if NOTES in into.introspection.table_names():
        with into.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT source FROM {NOTES}")  # noqa: S608
            if [row[0] for row in cursor.fetchall()] not in ([], [mark]):
                raise MoveError("The database of --to holds a part of another site. Give an empty one.")
        return
    with into.cursor() as cursor:
        for table in _tables():
            cursor.execute(f"SELECT EXISTS (SELECT FROM {_quoted(table.name)})")  # noqa: S608
            if cursor.fetchone()[0] and table.name not in MADE_BY_MIGRATION:
                raise MoveError(
                    f"The database of --to is not empty: {table.name} has rows that no move put there. "
                    "Give a new one that holds nothing but its migrations."
                )


def _begin(into: BaseDatabaseWrapper, mark: str) -> None:
    if NOTES in into.introspection.table_names():
        return
    with transaction.atomic(using=into.alias), into.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {NOTES} (source text, name text PRIMARY KEY, last text, rows bigint NOT NULL DEFAULT 0,"
            " done boolean NOT NULL DEFAULT false)"
        )
        for name in ("auth_permission", "django_content_type"):
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608
        for table in _tables():
            cursor.execute(f"INSERT INTO {NOTES} (source, name) VALUES (%s, %s)", [mark, table.name])  # noqa: S608


def _empty(into: BaseDatabaseWrapper) -> None:
    """Only of a target whose note says that a move put there what it holds."""
    if NOTES not in into.introspection.table_names():
        return
    with transaction.atomic(using=into.alias):
        triggers.remove(into)
        with into.cursor() as cursor:
            names = ", ".join(_quoted(table.name) for table in _tables())
            cursor.execute(f"TRUNCATE {names}")
            cursor.execute(f"DROP TABLE {NOTES}")
        triggers.install(into)


def _copy(
    origin: BaseDatabaseWrapper, into: BaseDatabaseWrapper, table: Table, batch: int, moved: Moved, report: Report
) -> None:
    with into.cursor() as cursor:
        cursor.execute(f"SELECT last, rows, done FROM {NOTES} WHERE name = %s", [table.name])  # noqa: S608
        last, rows, done = cursor.fetchone() or (None, 0, False)
    total = _count(origin, table)
    moved.tables += 1
    moved.rows += rows
    moved.resumed += bool(rows)
    while not done:
        found = _after(origin, table, None if last is None else json.loads(last), batch)
        done = len(found) < batch
        if found:
            last = json.dumps(_plain(found[-1][table.columns.index(table.key)]))
        with transaction.atomic(using=into.alias), into.cursor() as cursor:
            _insert(cursor, table, found)
            cursor.execute(
                f"UPDATE {NOTES} SET last = %s, rows = rows + %s, done = %s WHERE name = %s",  # noqa: S608
                [last, len(found), done, table.name],
            )
        rows += len(found)
        moved.rows += len(found)
        report(table.name, rows, total)


def _count(connection: BaseDatabaseWrapper, table: Table) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {_quoted(table.name)}")  # noqa: S608
        return int(cursor.fetchone()[0])


def _after(connection: BaseDatabaseWrapper, table: Table, last: Any, batch: int) -> list[Row]:
    columns, key = ", ".join(map(_quoted, table.columns)), _quoted(table.key)
    condition, values = ("", []) if last is None else (f"WHERE {key} > %s", [last])
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM {_quoted(table.name)} {condition} ORDER BY {key} LIMIT %s",  # noqa: S608
            [*values, batch],
        )
        return list(cursor.fetchall())


def _insert(cursor: Any, table: Table, rows: Sequence[Row]) -> None:
    if not rows:
        return
    name = _quoted(table.name)
    if not table.is_append_only:
        # What the database writes by itself when a row comes in is among the rows that are moved.
        cursor.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
    sent: list[Row] = []
    try:
        with cursor.copy(f"COPY {name} ({', '.join(map(_quoted, table.columns))}) FROM STDIN") as copy:
            for row in rows:
                sent.append(row)
                copy.write_row([_sent(value, each) for value, each in zip(row, table.fields, strict=True)])
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise MoveError(_refused(error, table, sent)) from None
    if not table.is_append_only:
        # A table with checks still to be made cannot be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")


def _refused(error: psycopg.Error, table: Table, rows: Sequence[Row]) -> str:
    """Where it is and why, without what stands there."""
    found = re.search(r"line (\d+)(?:, column (\w+))?", error.diag.context or "")
    row = rows[int(found[1]) - 1 if found else -1][table.columns.index(table.key)]
    column = f", column {found[2]}" if found and found[2] else ""
    return (
        f"PostgreSQL does not take {table.name}, row {row}{column} ({type(error).__name__}): too long a text, or a "
        "character it cannot hold. Correct it on the site and run this again; what is moved stays."
    )


def _sent(value: Any, field: models.Field[Any, Any]) -> Any:
    """What SQLite keeps as a number or a text, as PostgreSQL reads it."""
    if value is None:
        return None
    if isinstance(field, models.BooleanField):
        return bool(value)
    if isinstance(field, models.UUIDField):
        return str(UUID(str(value)))
    if isinstance(field, models.DateTimeField) and not isinstance(value, datetime):
        return f"{value}+00:00"
    return bytes(value) if isinstance(value, memoryview) else value


def _set_sequences(into: BaseDatabaseWrapper) -> None:
    every = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed and not m._meta.proxy]
    with transaction.atomic(using=into.alias), into.cursor() as cursor:
        for statement in into.ops.sequence_reset_sql(no_style(), every):
            cursor.execute(statement)


def _fingerprint(connection: BaseDatabaseWrapper, table: Table) -> tuple[int, int]:
    """How many rows, and the sum of their hashes: the two databases order texts differently."""
    total = count = 0
    for rows in _pieces(connection, table):
        for row in rows:
            plain = [_canonical(value, each) for value, each in zip(row, table.fields, strict=True)]
            digest = hashlib.sha256(json.dumps(plain, ensure_ascii=True).encode()).digest()
            total, count = (total + int.from_bytes(digest)) % (1 << 256), count + 1
    return count, total


def _pieces(connection: BaseDatabaseWrapper, table: Table) -> Iterator[list[Row]]:
    place = table.columns.index(table.key)
    found = _after(connection, table, None, BATCH)
    while found:
        yield found
        found = _after(connection, table, found[-1][place], BATCH) if len(found) == BATCH else []


def _canonical(value: Any, field: models.Field[Any, Any]) -> Any:
    """The same for what is the same, whichever database it comes from."""
    if value is None:
        return None
    if isinstance(field, models.JSONField):
        return json.dumps(_numbers(json.loads(value) if isinstance(value, str | bytes) else value), sort_keys=True)
    if isinstance(field, models.DateTimeField):
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return found.replace(tzinfo=None).isoformat()
    if isinstance(field, models.GenericIPAddressField):
        return str(value).removesuffix("/32").removesuffix("/128")
    return _plain(_sent(value, field))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime | date | UUID | Decimal):
        return str(value)
    return float(value) + 0.0 if isinstance(value, float) else value


def _numbers(value: Any) -> Any:
    """JSON of PostgreSQL knows no negative zero."""
    if isinstance(value, dict):
        return {key: _numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    return value + 0.0 if isinstance(value, float) else value


def _head(source: str) -> Row:
    head = ChainHead.objects.using(source).values_list("sequence", "hash").first()
    return head or (Event.objects.using(source).count(), "")


def _require_same(source: str, head: Row, moved: Moved) -> None:
    if moved.differing:
        raise MoveError(
            f"{len(moved.differing)} tables differ from their source: {', '.join(moved.differing[:5])}. "
            "The site was in use between two parts of the move. Stop it and run this again with --restart."
        )
    if _head(source) != head:
        raise MoveError(
            "The site was used while it was moved, and what happened since is not there. "
            "Stop it and run this again with --restart."
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def second_connection(alias: str, settings: dict[str, Any]) -> Iterator[str]:
    """A database beside the site's own for as long as this lasts."""
    connections.databases[alias] = connections.configure_settings({"default": {}, alias: settings})[alias]
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.databases[alias]
