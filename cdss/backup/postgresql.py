"""The database of a site on PostgreSQL: the rows of every table, read in one transaction that sees one moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, transaction

from cdss.backup.errors import BackupError
from cdss.backup.sqlite import refuse_other_rows
from cdss.indexing.versions import triggers

FOLDER = "database"
# What migrating an empty database leaves in it.
BY_MIGRATING = ("django_migrations", "django_content_type", "auth_permission")
CHUNK = 1 << 20


class Snapshot:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: dict[str, dict[str, Any]] = {}

    def files(self) -> list[tuple[str, Path]]:
        return [(f"{FOLDER}/{path.name}", path) for path in sorted(self.folder.glob("*.copy"))]

    def tables(self) -> dict[str, dict[str, Any]]:
        return self._tables

    def write(self) -> None:
        for table in _tables():
            with (self.folder / f"{table}.copy").open("wb") as file:
                self._tables[table] = _copied(table, file.write)

    def values(self, table: str, column: str) -> Iterator[str]:
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT "{column}" FROM "{table}" WHERE "{column}" <> \'\'')  # noqa: S608
            for (value,) in cursor:
                yield str(value)


@contextmanager
def snapshot(folder: Path) -> Iterator[Snapshot]:
    folder = folder / "rows"
    folder.mkdir(exist_ok=True, mode=0o700)
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = Snapshot(folder)
        found.write()
        yield found


def refuse_unless_empty() -> None:
    """A place that was only migrated, as by a restore that failed, is empty too."""
    for table in _tables():
        if table not in BY_MIGRATING and _count(table):
            raise BackupError(
                f"The database has rows already ({table}): nothing is restored over a site. Name an empty one in "
                "DATABASE_URL."
            )


def put_in_place(unpacked: Path, tables: dict[str, dict[str, Any]]) -> None:
    """Fills the empty database in one transaction; it commits when every row is the one that was saved."""
    call_command("migrate", verbosity=0, interactive=False)
    if unknown := sorted(set(tables) - set(_tables())):
        raise BackupError(f"This version of the program has no table {unknown[0]}. Nothing was restored.")
    with transaction.atomic():
        triggers.remove(connection)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            for table in sorted(BY_MIGRATING, reverse=True):
                cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608
            for table in sorted(tables):
                _fill(cursor, table, unpacked / FOLDER / f"{table}.copy")
            for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models(include_auto_created=True)):
                cursor.execute(statement)
        triggers.install(connection)
        refuse_other_rows({table: _copied(table) for table in tables}, tables)


def _fill(cursor: Any, table: str, path: Path) -> None:
    with path.open("rb") as file, cursor.copy(f'COPY "{table}" FROM STDIN') as copy:
        while chunk := file.read(CHUNK):
            copy.write(chunk)


def _copied(table: str, write: Any = len) -> dict[str, Any]:
    """Rows in the order of their key, as text: the same rows are the same bytes."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        key = connection.introspection.get_primary_key_columns(cursor, table) or []
        order = f" ORDER BY {', '.join(f'{chr(34)}{name}{chr(34)}' for name in key)}" if key else ""
        with cursor.copy(f'COPY (SELECT * FROM "{table}"{order}) TO STDOUT') as copy:  # noqa: S608
            for chunk in copy:
                digest.update(chunk)
                write(chunk)
        rows = cursor.rowcount
    return {"rows": rows, "sha256": digest.hexdigest()}


def _tables() -> list[str]:
    found = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted({*found, "django_migrations"} & set(connection.introspection.table_names()))


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM (SELECT 1 FROM "{table}" LIMIT 1) AS some')  # noqa: S608
        return int(cursor.fetchone()[0])
