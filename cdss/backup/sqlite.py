"""The database of a site on SQLite: one file, by SQLite's own copying of a database in use."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from cdss.backup.errors import BackupError

NAME = "database/cdss.sqlite3"


class Snapshot:
    """A copy of the whole database as of one commit."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[tuple[str, Path]]:
        return [(NAME, self.path)]

    def tables(self) -> dict[str, dict[str, Any]]:
        with _opened(self.path) as database:
            return digests(database)

    def values(self, table: str, column: str) -> Iterator[str]:
        with _opened(self.path) as database:
            for (value,) in database.execute(f'SELECT "{column}" FROM "{table}" WHERE "{column}" <> \'\''):  # noqa: S608
                yield str(value)


@contextmanager
def snapshot(folder: Path) -> Iterator[Snapshot]:
    path = folder / "cdss.sqlite3"
    path.unlink(missing_ok=True)
    connection.ensure_connection()
    try:
        with closing(sqlite3.connect(path)) as copy:
            connection.connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise BackupError(f"the copy of the database could not be written ({error})") from error
    path.chmod(0o600)
    yield Snapshot(path)


def digests(database: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """Of every table the number of rows, and SHA-256 over the hash of each row in the order of its key."""
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return {name: _digest(database, name) for (name,) in names}


def _digest(database: sqlite3.Connection, table: str) -> dict[str, Any]:
    columns = database.execute(f'PRAGMA table_info("{table}")').fetchall()
    keys = [f'"{row[1]}"' for row in columns if row[5]] or [f'"{row[1]}"' for row in columns]
    whole, rows = hashlib.sha256(), 0
    for row in database.execute(f'SELECT * FROM "{table}" ORDER BY {", ".join(keys)}'):  # noqa: S608
        whole.update(hashlib.sha256(repr(row).encode("utf-8", "surrogatepass")).digest())
        rows += 1
    return {"rows": rows, "sha256": whole.hexdigest()}


def refuse_unless_empty() -> None:
    path = _target()
    if not path.exists():
        return
    with _opened(path) as database:
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise BackupError(
                f"There is a database at {path.name} already: nothing is restored over a site. Name an empty folder as "
                "CDSS_HOME."
            )


def put_in_place(unpacked: Path, tables: dict[str, dict[str, Any]]) -> None:
    """Renames the checked database into its place. Raises BackupError when a row is not the one that was saved."""
    path = unpacked / NAME
    try:
        with _opened(path) as database:
            if database.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise BackupError("The database in the backup is damaged. Nothing was restored.")
            refuse_other_rows(digests(database), tables)
    except sqlite3.DatabaseError as error:
        raise BackupError("The database in the backup cannot be read. Nothing was restored.") from error
    connection.close()
    target = _target()
    for left in ("-wal", "-shm"):
        target.with_name(target.name + left).unlink(missing_ok=True)
    path.replace(target)


def refuse_other_rows(found: dict[str, dict[str, Any]], said: dict[str, dict[str, Any]]) -> None:
    if wrong := sorted(name for name in {*found, *said} if found.get(name) != said.get(name)):
        raise BackupError(f"The rows of {wrong[0]} are not the ones that were saved. Nothing was restored.")


def _target() -> Path:
    return Path(str(settings.DATABASES["default"]["NAME"]))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        yield database
