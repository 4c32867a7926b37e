"""Index versions in PostgreSQL: vectors in tables of pgvector, all else in rows, so that hosts share no file.

A version is made visible by one commit. The tables of vectors are shared by the versions of one encoder: a vector
belongs to a passage, which is never changed, and each version knows which of them are its own.
"""

from __future__ import annotations

import hashlib
import io
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from cdss.indexing.models import IndexPart, IndexVersion
from cdss.indexing.versions.generations import KEPT, Register, only_builder_here
from retrieval.errors import IndexNotPublishedError, IndexUnusableError

if TYPE_CHECKING:
    from psycopg import Connection

    from retrieval.index.pgvector import GrowingPgVectorIndex, PgVectorIndex
    from retrieval.index.snapshot import Snapshot
    from retrieval.index.words import Span
    from retrieval.manifest import Manifest
    from retrieval.types import Ids, ImageEncoder, TextEncoder

PREFIX = "cdss_vectors"
MANIFEST = "manifest.json"
# Large enough that a file is few rows, small enough that a row is no burden.
PART_BYTES = 1 << 20
PARTS_AT_ONCE = 8
# Any number, the same on every host.
BUILDER = 0x0CD55_1DE
NOT_READY = (
    "The database has no pgvector extension of version 0.8 or later. Install it on the database server and run "
    "CREATE EXTENSION vector, or unset VECTOR_BACKEND."
)


def connection_of_thread() -> Connection[Any]:
    connection.ensure_connection()
    if connection.vendor != "postgresql":
        raise IndexUnusableError("VECTOR_BACKEND=pgvector needs PostgreSQL: set DATABASE_URL, or unset it.")
    found: Connection[Any] = connection.connection
    return found


def extension_problem() -> str:
    """Why pgvector cannot be used on this database; empty when it can, or can be made ready by the first build."""
    from retrieval.index.pgvector import LEAST_VERSION

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector'"
        )
        row = cursor.fetchone()
    found = tuple(map(int, re.findall(r"\d+", row[0])[:2])) if row and row[0] else ()
    return "" if found >= LEAST_VERSION else NOT_READY


class SharedGenerations:
    def load(self, version: IndexVersion, *, changing: bool = False) -> Snapshot:
        from retrieval.index.pgvector import GrowingPgVectorIndex, PgVectorIndex
        from retrieval.index.snapshot import Snapshot, is_read_in_pieces

        manifest = self._manifest(version)
        wanted = [name for name in manifest.files or {} if changing or not is_read_in_pieces(name)]
        files = {name: _whole(version, manifest, name) for name in wanted}

        def opened(table: str, dimension: int, known: Ids) -> PgVectorIndex:
            if changing:
                return GrowingPgVectorIndex(connection_of_thread, table, dimension)
            return PgVectorIndex(connection_of_thread, table, dimension, make=False, known=known)

        return Snapshot.of_files(
            manifest,
            files,
            text=lambda: opened(manifest.text_kind, manifest.text_dimension, _ids(files, "passages")),
            images=lambda: opened(manifest.image_kind, manifest.image_dimension, _ids(files, "frames")),
            words=None if changing else lambda folder: RowSource(version.pk, folder, files),
            complete=not changing,
        )

    def verify(self, version: IndexVersion) -> Manifest:
        manifest = self._manifest(version)
        for name in manifest.files or {}:
            _whole(version, manifest, name)
        return self.load(version).manifest

    def is_there(self, name: str) -> bool:
        return IndexPart.objects.filter(version__name=name, name=MANIFEST).exists()

    def vectors(self, encoder: TextEncoder | ImageEncoder, *, of_images: bool) -> GrowingPgVectorIndex:
        """In a table that no version uses: one that an interrupted build left is gone on with."""
        from retrieval.index.pgvector import GrowingPgVectorIndex

        if problem := extension_problem():
            raise IndexUnusableError(problem)
        key = hashlib.sha256(f"{encoder.version}|{encoder.dimension}".encode()).hexdigest()[:12]
        stem = f"{PREFIX}_{'images' if of_images else 'text'}_{key}"
        used = set(IndexVersion.objects.values_list("text_table" if not of_images else "image_table", flat=True))
        left = [table for table in _tables() if table.startswith(stem) and table not in used]
        table = left[0] if left else f"{stem}_{secrets.token_hex(3)}"
        return GrowingPgVectorIndex(connection_of_thread, table, encoder.dimension)

    def publish(self, snapshot: Snapshot, register: Register) -> IndexVersion:
        from retrieval.index.pgvector import GrowingPgVectorIndex

        vectors = [index for index in (snapshot.text, snapshot.images) if isinstance(index, GrowingPgVectorIndex)]
        try:
            for index in vectors:
                index.finish()
            version = self._write(snapshot, register)
            for index in vectors:
                index.remove_gone()
        except DatabaseError as error:
            raise IndexNotPublishedError(
                "The index was not published: the database refused it. Run manage.py build_index again. "
                "The version before stays in use."
            ) from error
        self.clean()
        return version

    def clean(self, *, keep: int = KEPT) -> None:
        """The parts of old versions, and the tables that only these used. The rows of versions stay, as a history."""
        _leave(IndexVersion.objects.all()[: max(1, keep)])

    def clear(self) -> None:
        _leave(())

    @contextmanager
    def only_builder(self) -> Iterator[None]:
        """Of all hosts: a lock of the database, which goes with the connection of a builder that was killed."""
        with only_builder_here(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [BUILDER])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [BUILDER])

    def _manifest(self, version: IndexVersion) -> Manifest:
        from retrieval import manifest as manifests

        data = _read(version.pk, MANIFEST)
        if hashlib.sha256(data).hexdigest() != version.manifest_sha256:
            raise IndexUnusableError(f"Index {version.name} is not in the database. {manifests.REMEDY}")
        return manifests.parsed(data, f"index {version.name}")

    def _write(self, snapshot: Snapshot, register: Register) -> IndexVersion:
        from retrieval import manifest as manifests

        with tempfile.TemporaryDirectory(prefix="cdss-index-") as place:
            folder = Path(place)
            snapshot.save_tables(folder)
            files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
            manifest = replace(
                snapshot.manifest,
                name=_next_name(),
                created=timezone.now().isoformat(timespec="seconds"),
                files={name: manifests.entry_of(path) for name, path in files.items()},
            )
            data = manifests.written(manifest)
            with transaction.atomic():
                version = register(manifest, hashlib.sha256(data).hexdigest())
                IndexVersion.objects.filter(pk=version.pk).update(
                    text_table=manifest.text_kind, image_table=manifest.image_kind
                )
                IndexPart.objects.create(version=version, name=MANIFEST, number=0, data=data)
                for name, path in files.items():
                    IndexPart.objects.bulk_create(_parts(version, name, path), batch_size=PARTS_AT_ONCE)
        return version


class RowSource:
    """The words of a version as rows of the database. Implements `retrieval.index.words.Source`."""

    def __init__(self, version: int, folder: str, files: dict[str, bytes]) -> None:
        self._version, self._folder, self._files = version, folder, files

    def whole(self, name: str) -> bytes:
        return self._files[f"{self._folder}/{name}"]

    def pieces(self, wanted: Sequence[tuple[str, Span]]) -> list[bytes | memoryview]:
        """All in one query; a piece may go over the edge of a row."""
        cuts = [
            (place, name, number, max(start - number * PART_BYTES, 0), min(stop - number * PART_BYTES, PART_BYTES))
            for place, (name, (start, stop)) in enumerate(wanted)
            for number in range(start // PART_BYTES, -(-stop // PART_BYTES))
            if stop > start
        ]
        if not cuts:
            return [b"" for _ in wanted]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT cut.place, substring(part.data FROM cut.start + 1 FOR cut.length) FROM"
                " unnest(%s::int[], %s::text[], %s::int[], %s::int[], %s::int[])"
                " AS cut (place, name, number, start, length)"
                " JOIN indexing_indexpart AS part"
                " ON part.version_id = %s AND part.name = cut.name AND part.number = cut.number"
                " ORDER BY cut.place, cut.number",
                [
                    [cut[0] for cut in cuts],
                    [f"{self._folder}/{cut[1]}" for cut in cuts],
                    [cut[2] for cut in cuts],
                    [cut[3] for cut in cuts],
                    [cut[4] - cut[3] for cut in cuts],
                    self._version,
                ],
            )
            found: list[list[bytes]] = [[] for _ in wanted]
            for place, data in cursor.fetchall():
                found[place].append(bytes(data))
        joined: list[bytes | memoryview] = [b"".join(each) for each in found]
        if any(len(data) != stop - start for data, (_, (start, stop)) in zip(joined, wanted, strict=True)):
            raise IndexUnusableError("Parts of the index are no longer in the database. Search again.")
        return joined


def _leave(versions: Iterable[IndexVersion]) -> None:
    """Nothing but these, and the tables they use."""
    kept = list(versions)
    IndexPart.objects.exclude(version__in=kept).delete()
    used = {table for version in kept for table in (version.text_table, version.image_table)}
    with connection.cursor() as cursor:
        for table in set(_tables()) - used:
            cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(table)}")


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND starts_with(tablename, %s)"
            " ORDER BY tablename",
            [f"{PREFIX}_"],
        )
        return [row[0] for row in cursor.fetchall()]


def _parts(version: IndexVersion, name: str, path: Path) -> Iterator[IndexPart]:
    with path.open("rb") as file:
        number = 0
        while data := file.read(PART_BYTES):
            yield IndexPart(version=version, name=name, number=number, data=data)
            number += 1


def _read(version: int, name: str) -> bytes:
    rows = IndexPart.objects.filter(version=version, name=name).order_by("number").values_list("data", flat=True)
    return b"".join(bytes(data) for data in rows.iterator(PARTS_AT_ONCE))


def _whole(version: IndexVersion, manifest: Manifest, name: str) -> bytes:
    from retrieval.manifest import REMEDY

    data, entry = _read(version.pk, name), (manifest.files or {})[name]
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise IndexUnusableError(f"{name} of index {version.name} is damaged or missing. {REMEDY}")
    return data


def _ids(files: dict[str, bytes], name: str) -> Ids:
    table: Ids = np.load(io.BytesIO(files[f"{name}.npy"]), allow_pickle=False)
    return table[0].astype(np.int64)


def _next_name() -> str:
    newest = IndexVersion.objects.values_list("name", flat=True).first() or ""
    number = re.match(r"\d+", newest)
    return f"{int(number[0]) + 1 if number else 1:06d}-{secrets.token_hex(4)}"
