"""Vectors in PostgreSQL with the pgvector extension: shared by many processes, filtered by SQL, exact.

For sites that outgrow one machine. Source: the pgvector extension, https://github.com/pgvector/pgvector.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import IndexUnusableError
from retrieval.index.numpy import NumpyIndex
from retrieval.index.ranking import checked, padded, queries_checked
from retrieval.types import Ids, Vectors

if TYPE_CHECKING:
    from psycopg import Connection

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")
_LARGEST = 16_000


class PgVectorIndex:
    """Inner products in a table of its own. Implements `VectorIndex`; every change is a transaction.

    Args:
        connection: to a database in which this user may create the extension, or has it.
        table: name of the table, made when it is not there.
        dimension: width of a vector.

    Raises:
        ValueError: a table name that is not plain lower case, or a dimension pgvector cannot hold.
        IndexUnusableError: the table holds vectors of another width.
    """

    def __init__(self, connection: Connection[Any], table: str, dimension: int) -> None:
        if not _NAME.fullmatch(table):
            raise ValueError(f"table {table!r}: use lower-case letters, digits and underscores.")
        if not 1 <= dimension <= _LARGEST:
            raise ValueError(f"dimension {dimension}: pgvector holds 1 to {_LARGEST}.")
        self._connection = connection
        self._table = table
        self._dimension = dimension
        self._create()

    @property
    def dimension(self) -> int:
        return self._dimension

    def __len__(self) -> int:
        return int(self._all(f"SELECT count(*) FROM {self._table}")[0][0])  # noqa: S608

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add or replace (n,) ids with (n, dimension) vectors. Raises ValueError for shapes that do not match."""
        ids, vectors = checked(ids, vectors, self._dimension)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {self._table} (id, vector) VALUES (%s, %s::vector)"  # noqa: S608
                " ON CONFLICT (id) DO UPDATE SET vector = excluded.vector",
                [(identifier, _text(vector)) for identifier, vector in zip(ids.tolist(), vectors, strict=True)],
            )

    def remove(self, ids: Ids) -> int:
        """Remove what is there of these ids; returns how many were."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {self._table} WHERE id = ANY(%s)", [np.asarray(ids).tolist()])  # noqa: S608
            return cursor.rowcount

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """Scores and ids, both (n, k); see `VectorIndex.search`."""
        queries = queries_checked(queries, k, self._dimension)
        condition = "" if allowed is None else "WHERE id = ANY(%(allowed)s)"
        statement = (
            f"SELECT id, -(vector <#> %(query)s::vector) AS score FROM {self._table} {condition}"  # noqa: S608
            " ORDER BY score DESC, id LIMIT %(k)s"
        )
        values: dict[str, Any] = {"k": k, "allowed": None if allowed is None else np.asarray(allowed).tolist()}
        rows = [self._all(statement, values | {"query": _text(query)}) for query in queries]
        return padded([(_column(row, 1, np.float32) + np.float32(0.0), _column(row, 0, np.int64)) for row in rows], k)

    def save(self, path: Path) -> None:
        """Write ids and vectors as `NumpyIndex.save` does: a copy of the table, for a backup."""
        rows = self._all(f"SELECT id, vector::text FROM {self._table} ORDER BY id")  # noqa: S608
        copy = NumpyIndex(self._dimension)
        if rows:
            vectors = np.array([np.fromstring(text.strip("[]"), sep=",") for _, text in rows], dtype=np.float32)
            copy.add(_column(rows, 0, np.int64), vectors)
        copy.save(path)

    def _create(self) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {self._table}"
                f" (id bigint PRIMARY KEY CHECK (id >= 0), vector vector({self._dimension}) NOT NULL)"
            )
            cursor.execute(
                "SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'vector'",
                [self._table],
            )
            row = cursor.fetchone()
        if row is None or row[0] != self._dimension:
            raise IndexUnusableError(
                f"Table {self._table} holds vectors of width {row and row[0]}, not {self._dimension}: use another."
            )

    def _all(self, statement: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(statement.encode(), values)
            return cursor.fetchall()


def _column(rows: list[tuple[Any, ...]], place: int, kind: Any) -> Any:
    return np.array([row[place] for row in rows], dtype=kind)


def _text(vector: Vectors) -> str:
    return "[" + ",".join(map(repr, vector.tolist())) + "]"
