"""The database itself notes each change of the library that the index has to follow.

A note is written in the transaction of the change, whoever makes it: a page, an import, a cascade, a line of SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

PUBLISHED = "published"


class Watched(NamedTuple):
    """What of a table is watched, which column names the item (none: all items), and which columns matter.

    Where the state is given, only what is or was published is noted.
    """

    table: str
    item: str
    columns: tuple[str, ...]
    acts: tuple[str, ...] = ("UPDATE",)
    state: bool = False


WATCHED = (
    Watched(
        "library_libraryitem",
        "id",
        ("state", "title", "text", "kind", "collection_id"),
        ("INSERT", "UPDATE", "DELETE"),
        state=True,
    ),
    Watched("library_case", "libraryitem_ptr_id", ("diagnosis", "topic_title", "differential")),
    Watched("library_document", "libraryitem_ptr_id", ("pages",)),
    Watched("library_caseimage", "case_id", ("file", "frames", "case_id"), ("INSERT", "UPDATE", "DELETE")),
    Watched("library_collection", "", ("mask_overlays", "reference")),
)
NOTES = "indexing_indexchange"
# Names of this file alone.
FUNCTION = f"""
CREATE OR REPLACE FUNCTION indexing_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE changed jsonb;
BEGIN
  IF TG_OP = 'DELETE' THEN changed := to_jsonb(OLD); ELSE changed := to_jsonb(NEW); END IF;
  INSERT INTO {NOTES} (item, at) VALUES (coalesce((changed ->> TG_ARGV[0])::bigint, 0), clock_timestamp());
  RETURN NULL;
END $$
"""  # noqa: S608


def install(connection: BaseDatabaseWrapper) -> None:
    """Puts the triggers there that are not. A migration that remakes a table of SQLite takes its triggers along."""
    if _is_ready(connection):
        _run(connection, _created(connection.vendor))


def remove(connection: BaseDatabaseWrapper) -> None:
    on = " ON {table}" if connection.vendor == "postgresql" else ""
    statements = [f"DROP TRIGGER IF EXISTS {name}{on.format(table=each.table)}" for each, _, name in _each()]
    _run(connection, statements if _is_ready(connection) else ())


def install_after_migrations(*, using: str, **kwargs: Any) -> None:
    from django.db import connections

    install(connections[using])


def _each() -> Iterator[tuple[Watched, str, str]]:
    for watched in WATCHED:
        for act in watched.acts:
            yield watched, act, f"indexing_{watched.table.removeprefix('library_')}_{act.lower()}"


def _created(vendor: str) -> Iterator[str]:
    if vendor == "postgresql":
        yield FUNCTION
    for watched, act, name in _each():
        when = _when(watched, act, "IS DISTINCT FROM" if vendor == "postgresql" else "IS NOT")
        event = f"AFTER {act}{' OF ' + ', '.join(watched.columns) if act == 'UPDATE' else ''} ON {watched.table}"
        if vendor == "postgresql":
            yield (
                f"CREATE OR REPLACE TRIGGER {name} {event} FOR EACH ROW {when} "
                f"EXECUTE FUNCTION indexing_note('{watched.item}')"
            )
        else:
            item = f"{'OLD' if act == 'DELETE' else 'NEW'}.{watched.item}" if watched.item else "0"
            note = f"INSERT INTO {NOTES} (item, at) VALUES ({item}, strftime('%Y-%m-%d %H:%M:%f', 'now'))"  # noqa: S608
            yield f"CREATE TRIGGER IF NOT EXISTS {name} {event} FOR EACH ROW {when} BEGIN {note}; END"


def _when(watched: Watched, act: str, differs: str) -> str:
    conditions = []
    if act == "UPDATE":
        conditions.append("(" + " OR ".join(f"OLD.{name} {differs} NEW.{name}" for name in watched.columns) + ")")
    if watched.state:
        rows = {"INSERT": ("NEW",), "DELETE": ("OLD",)}.get(act, ("OLD", "NEW"))
        conditions.append("(" + " OR ".join(f"{row}.state = '{PUBLISHED}'" for row in rows) + ")")
    return f"WHEN ({' AND '.join(conditions)})" if conditions else ""


def _is_ready(connection: BaseDatabaseWrapper) -> bool:
    """A database on its way to an older or a newer state has not all of it."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        if not {NOTES, *(watched.table for watched in WATCHED)} <= tables:
            return False
        return all(
            {*watched.columns}
            <= {row.name for row in connection.introspection.get_table_description(cursor, watched.table)}
            for watched in WATCHED
        )


def _run(connection: BaseDatabaseWrapper, statements: Any) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
