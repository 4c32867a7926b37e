"""For migrations: the values of a column encrypted, or decrypted again, in place."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cdss.encryption import TEXT_MARK, decrypt_text, encrypt_text

BATCH = 500


def encrypting(columns: Mapping[str, Sequence[str]]) -> Callable[[Any, Any], None]:
    """`columns` are those of each table."""
    return _changing(columns, lambda stored: stored if stored.startswith(TEXT_MARK) else encrypt_text(stored))


def decrypting(columns: Mapping[str, Sequence[str]]) -> Callable[[Any, Any], None]:
    return _changing(columns, decrypt_text)


def _changing(columns: Mapping[str, Sequence[str]], change: Callable[[str], str]) -> Callable[[Any, Any], None]:
    def run(apps: Any, schema_editor: Any) -> None:
        connection = schema_editor.connection
        quoted = connection.ops.quote_name
        with connection.cursor() as cursor:
            for table, names in columns.items():
                for name in names:
                    _column(cursor, quoted(table), quoted(name), change)

    return run


def _column(cursor: Any, table: str, name: str, change: Callable[[str], str]) -> None:
    last = 0
    while True:
        cursor.execute(
            f"SELECT id, {name} FROM {table} WHERE id > %s AND {name} IS NOT NULL AND {name} <> '' "  # noqa: S608 - our names
            f"ORDER BY id LIMIT {BATCH}",
            [last],
        )
        rows = cursor.fetchall()
        if not rows:
            return
        changed = [(new, pk) for pk, stored in rows if (new := change(stored)) != stored]
        if changed:
            cursor.executemany(f"UPDATE {table} SET {name} = %s WHERE id = %s", changed)  # noqa: S608 - our names
        last = rows[-1][0]
