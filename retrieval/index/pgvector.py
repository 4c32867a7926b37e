"""Vectors in PostgreSQL with the pgvector extension: shared by many processes, filtered by SQL.

Halves (`halfvec`) in a table: exact while they are few, then through a graph (HNSW) that is scanned on and on until
enough of what is allowed was found. Sources: the pgvector extension, https://github.com/pgvector/pgvector; Malkov and
Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World graphs",
2018.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import IndexUnusableError
from retrieval.index.numpy import NumpyIndex
from retrieval.index.ranking import checked, members, padded, queries_checked
from retrieval.types import Ids, Vectors

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

# The first version that goes on scanning when a filter leaves too few.
LEAST_VERSION = (0, 8)
EXACT_UP_TO = 5_000
# Measured: comparing what is allowed takes as long as scanning the graph for it at so many times √count.
EXACT_FILTERED = 30.0
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}")
_LARGEST = 16_000
_LARGEST_OF_GRAPH = 4_000
_LARGEST_IN_ROW = 3_000
_LARGEST_HALF = float(np.finfo(np.float16).max)
_LINKS, _BUILD_WIDTH, _WIDEST = 16, 64, 1_000
_BYTES_OF_LINKS, _MOST_MEGABYTES = 700, 2048
_SLACK = 16
_MOST_SCANNED = 100_000
_BITMAP_LIMIT = 1 << 27
_BY_ID = 50_000
_AT_ONCE = 10_000


def search_width(count: int) -> int:
    """Candidates that a scan of the graph keeps, measured for a recall of .98: 100 up to 100,000, 200 at a million."""
    return int(min(_WIDEST, 100 * max(1.0, math.log10(max(count, 1)) - 4)))


class PgVectorIndex:
    """Inner products in a table of its own. Implements `VectorIndex`; every change is a transaction.

    Args:
        connection: or what gives one, of the calling thread, at each call.
        table: name of the table.
        dimension: width of a vector.
        make: make the table, and the extension, where they are not there; else they have to be.
        known: (n,) the ids that are given, ascending: what another process added since is passed over. None: all.
        exact_up_to: so many vectors are compared one by one; `finish` makes a graph of more.

    Raises:
        ValueError: a table name that is not plain lower case, or a dimension pgvector cannot hold.
        IndexUnusableError: the table is not there, or holds vectors of another width.
    """

    def __init__(
        self,
        connection: Connection[Any] | Callable[[], Connection[Any]],
        table: str,
        dimension: int,
        *,
        make: bool = True,
        known: Ids | None = None,
        exact_up_to: int = EXACT_UP_TO,
    ) -> None:
        if not _NAME.fullmatch(table):
            raise ValueError(f"table {table!r}: use lower-case letters, digits and underscores.")
        if not 1 <= dimension <= _LARGEST:
            raise ValueError(f"dimension {dimension}: pgvector holds 1 to {_LARGEST}.")
        self._connection = connection
        self._table = table
        self._dimension = dimension
        self._known = known
        self._exact_up_to = exact_up_to
        if make:
            self._make()
        self._require_width()
        self._has_graph = self._graph_is_there()
        self._size = len(self) if self._has_graph else 0

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def kind(self) -> str:
        """What is inside: the name of the table."""
        return self._table

    @property
    def ids(self) -> Ids:
        """Every id in the table, or every known one of them, ascending."""
        statement = self._sql("COPY (SELECT id FROM {table} ORDER BY id) TO STDOUT (FORMAT binary)")
        with self._transaction() as cursor, cursor.copy(statement) as copy:
            data = b"".join(bytes(part) for part in copy)
        rows = np.frombuffer(data[19:-2], dtype=[("fields", ">i2"), ("length", ">i4"), ("id", ">i8")])
        ids = rows["id"].astype(np.int64)
        return ids if self._known is None else ids[members(ids, self._known)]

    def __len__(self) -> int:
        if self._known is not None:
            return len(self._known)
        return int(self._all(f"SELECT count(*) FROM {self._table}")[0][0])  # noqa: S608

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add or replace (n,) ids with (n, dimension) vectors, kept as halves.

        Raises ValueError for shapes that do not match, and for a value that no half can hold.
        """
        ids, vectors = checked(ids, vectors, self._dimension)
        if len(vectors) and np.abs(vectors).max() > _LARGEST_HALF:
            raise ValueError(f"A vector holds a value over {_LARGEST_HALF:.0f}, the largest of half precision.")
        with self._transaction() as cursor:
            for start in range(0, len(ids), _AT_ONCE):
                piece = slice(start, start + _AT_ONCE)
                cursor.execute(self._sql("DELETE FROM {table} WHERE id = ANY(%s::bigint[])"), [_array(ids[piece])])
                with cursor.copy(f"COPY {self._table} (id, vector) FROM STDIN (FORMAT binary)") as copy:
                    copy.write(_rows(ids[piece], vectors[piece]))

    def remove(self, ids: Ids) -> int:
        """Remove what is there of these ids; returns how many were."""
        with self._transaction() as cursor:
            cursor.execute(
                self._sql("DELETE FROM {table} WHERE id = ANY(%s::bigint[])"), [_array(np.asarray(ids, dtype=np.int64))]
            )
            return cursor.rowcount

    def finish(self) -> None:
        """After many changes: makes the graph when there are enough vectors for one, and counts what is there."""
        with self._transaction() as cursor:
            count = self._count(cursor)
            if not self._has_graph and self._dimension <= _LARGEST_OF_GRAPH and count > self._exact_up_to:
                # A graph that does not fit is built ten times as slowly.
                megabytes = min(count * (2 * self._dimension + _BYTES_OF_LINKS) >> 20, _MOST_MEGABYTES)
                cursor.execute(
                    "SELECT set_config('maintenance_work_mem', %s, true) FROM pg_settings"
                    " WHERE name = 'maintenance_work_mem' AND setting::bigint < %s * 1024",
                    [f"{megabytes}MB", megabytes],
                )
                cursor.execute(
                    self._sql(
                        f"CREATE INDEX {{table}}_graph ON {{table}} USING hnsw (vector halfvec_ip_ops)"
                        f" WITH (m = {_LINKS}, ef_construction = {_BUILD_WIDTH})"
                    )
                )
                self._has_graph, self._size = True, count
            cursor.execute(self._sql("ANALYZE {table}"))

    def drop(self) -> None:
        """Remove the table."""
        with self._transaction() as cursor:
            cursor.execute(self._sql("DROP TABLE IF EXISTS {table}"))

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """Scores and ids, both (n, k); see `VectorIndex.search`. Exact while there is no graph, or few are allowed."""
        queries = queries_checked(queries, k, self._dimension)
        if allowed is not None:
            allowed = np.asarray(allowed, dtype=np.int64)
            if self._known is not None:
                allowed = allowed[members(allowed, self._known)]
            if not len(allowed):
                return padded([(np.zeros(0, np.float32), np.zeros(0, np.int64))] * len(queries), k)
        wanted = k + _SLACK
        exact = not self._has_graph or wanted > _WIDEST or (allowed is not None and self._is_few(allowed))
        condition, values = _condition(allowed, by_id=exact)
        rows = []
        with self._transaction() as cursor:
            if not exact:
                cursor.execute(_SETTINGS, [str(max(wanted, search_width(self._size))), str(_MOST_SCANNED)])
            statement = self._sql((_EXACT if exact else _NEAR).replace("{condition}", condition))
            for query in queries:
                cursor.execute(statement, {**values, "query": _text(query), "k": wanted})
                rows.append(self._found(cursor.fetchall(), k))
        return padded(rows, k)

    def save(self, path: Path) -> None:
        """Write ids and vectors as `NumpyIndex.save` does: a copy of the table, for a backup."""
        rows = self._all(f"SELECT id, vector::text FROM {self._table} ORDER BY id")  # noqa: S608
        copy = NumpyIndex(self._dimension)
        if rows:
            vectors = np.array([np.fromstring(text.strip("[]"), sep=",") for _, text in rows], dtype=np.float32)
            copy.add(np.array([row[0] for row in rows], dtype=np.int64), vectors)
        copy.save(path)

    def _is_few(self, allowed: Ids) -> bool:
        """Where comparing all of them takes less than scanning the graph until enough of them were met."""
        return len(allowed) <= EXACT_FILTERED * math.sqrt(self._size)

    def _found(self, rows: list[tuple[Any, ...]], k: int) -> tuple[Vectors, Ids]:
        ids = np.array([row[0] for row in rows], dtype=np.int64)
        scores = np.array([row[1] for row in rows], dtype=np.float32) + np.float32(0.0)
        if self._known is not None:
            kept = members(ids, self._known)
            ids, scores = ids[kept], scores[kept]
        return scores[:k], ids[:k]

    def _make(self) -> None:
        with self._transaction() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
            cursor.execute(
                self._sql(
                    "CREATE TABLE IF NOT EXISTS {table} (id bigint PRIMARY KEY CHECK (id >= 0),"
                    f" vector halfvec({self._dimension}) NOT NULL)"
                )
            )
            if self._dimension <= _LARGEST_IN_ROW:
                # In the row itself: a search reads every vector it compares.
                cursor.execute(self._sql("ALTER TABLE {table} ALTER vector SET STORAGE PLAIN"))

    def _require_width(self) -> None:
        row = self._all(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%(table)s) AND attname = 'vector'",
            {"table": self._table},
        )
        if not row:
            raise IndexUnusableError(f"Table {self._table} is not there. Run manage.py build_index --rebuild.")
        if row[0][0] != f"halfvec({self._dimension})":
            raise IndexUnusableError(
                f"Table {self._table} holds {row[0][0]}, not vectors of width {self._dimension}: use another."
            )

    def _graph_is_there(self) -> bool:
        found = self._all("SELECT to_regclass(%(name)s) IS NOT NULL", {"name": f"{self._table}_graph"})
        return bool(found[0][0])

    def _count(self, cursor: Cursor[Any]) -> int:
        cursor.execute(self._sql("SELECT count(*) FROM {table}"))
        row = cursor.fetchone()
        return int(row[0]) if row else 0

    def _sql(self, statement: str) -> bytes:
        return statement.replace("{table}", self._table).encode()

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection() if callable(self._connection) else self._connection)

    def _all(self, statement: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self._transaction() as cursor:
            cursor.execute(statement.encode(), values)
            return cursor.fetchall()


class GrowingPgVectorIndex(PgVectorIndex):
    """The base of the next version: what is removed stays in the table until the version before is no longer searched.

    See `PgVectorIndex`; an id that is there is never written again, as its vector does not change.
    """

    def __init__(self, connection: Connection[Any] | Callable[[], Connection[Any]], table: str, dimension: int) -> None:
        # First: the size of a table that has a graph is asked for at once.
        self._gone: Ids = np.zeros(0, dtype=np.int64)
        super().__init__(connection, table, dimension)

    @property
    def ids(self) -> Ids:
        """Every id that the next version has, ascending."""
        return np.setdiff1d(super().ids, self._gone)

    def __len__(self) -> int:
        return super().__len__() - len(self._gone)

    def remove(self, ids: Ids) -> int:
        """Leave these out of the next version; returns how many that are."""
        gone = np.intersect1d(self.ids, np.asarray(ids, dtype=np.int64))
        self._gone = np.union1d(self._gone, gone)
        return len(gone)

    def remove_gone(self) -> int:
        """Once the next version is published: take out of the table what was removed; returns how many were."""
        gone, self._gone = self._gone, np.zeros(0, dtype=np.int64)
        return super().remove(gone) if len(gone) else 0


class _Transaction:
    """A cursor that binds on the server, in a transaction or, within one, behind a savepoint."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._inner = connection.transaction()

    def __enter__(self) -> Cursor[Any]:
        from psycopg import Cursor

        self._inner.__enter__()
        return Cursor(self._connection)

    def __exit__(self, *error: Any) -> bool | None:
        return self._inner.__exit__(*error)


# Ordered by an expression that no graph serves.
_EXACT = (
    "SELECT id, -(vector <#> %(query)s::halfvec) AS score FROM {table} {condition} ORDER BY score DESC, id LIMIT %(k)s"
)
_NEAR = (
    "SELECT id, score FROM (SELECT id, -(vector <#> %(query)s::halfvec) AS score FROM {table} {condition}"
    " ORDER BY vector <#> %(query)s::halfvec LIMIT %(k)s) AS near ORDER BY score DESC, id"
)
_SETTINGS = (
    "SELECT set_config('hnsw.ef_search', %s, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),"
    " set_config('hnsw.max_scan_tuples', %s, true), set_config('enable_seqscan', 'off', true)"
)


def _condition(allowed: Ids | None, *, by_id: bool) -> tuple[str, dict[str, Any]]:
    """Looked up by their ids, or met on the way: then as bits, which cost the same however many they are."""
    if allowed is None:
        return "", {}
    largest = int(allowed.max())
    if (by_id and len(allowed) <= _BY_ID) or not 0 <= largest < _BITMAP_LIMIT:
        return "WHERE id = ANY(%(allowed)s::bigint[])", {"allowed": _array(allowed)}
    flags = np.zeros(largest + 1, dtype=bool)
    flags[allowed[allowed >= 0]] = True
    # A CASE, because conditions joined by AND are tried in any order.
    condition = "WHERE CASE WHEN id <= %(largest)s THEN get_bit(%(allowed)s, id) = 1 ELSE false END"
    return condition, {"allowed": np.packbits(flags, bitorder="little").tobytes(), "largest": largest}


def _array(ids: Ids) -> str:
    return "{" + ",".join(map(str, ids.tolist())) + "}"


def _text(vector: Vectors) -> str:
    return "[" + ",".join(map(repr, vector.tolist())) + "]"


def _rows(ids: Ids, vectors: Vectors) -> bytes:
    """PostgreSQL's binary COPY of (bigint, halfvec) rows."""
    width = vectors.shape[1]
    rows = np.zeros(
        len(ids),
        dtype=[
            ("fields", ">i2"),
            ("id_length", ">i4"),
            ("id", ">i8"),
            ("length", ">i4"),
            ("width", ">i2"),
            ("unused", ">i2"),
            ("values", ">f2", (width,)),
        ],
    )
    rows["fields"], rows["id_length"], rows["id"] = 2, 8, ids
    rows["length"], rows["width"], rows["values"] = 4 + 2 * width, width, vectors
    return b"PGCOPY\n\xff\r\n\x00" + bytes(8) + rows.tobytes() + b"\xff\xff"
