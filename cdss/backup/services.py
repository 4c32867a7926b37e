"""A backup of the whole site while it works, and its restoring into an empty place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from cdss.audit.services import record
from cdss.backup import postgresql, sqlite
from cdss.backup.archive import reading, seal, unpack, writing
from cdss.backup.captured import Captured, index_files, learned_files, naming_columns
from cdss.backup.errors import BackupError
from cdss.backup.keys import checks_of, refuse_other_keys
from cdss.encryption import key_of_file, key_of_text
from cdss.indexing.models import IndexVersion
from cdss.rotation import encrypted_models
from retrieval.files import sync_folder, written_beside

# A file can be removed between a look at the folder and the moment of the rows; then another moment is taken.
TRIES = 5
UNFINISHED = "restore.unfinished"


@dataclass(frozen=True, slots=True)
class Done:
    """What a backup holds, and `missing`: names of rows whose file was not there."""

    sha256: str
    tables: int
    rows: int
    files: int
    size: int
    index: str
    missing: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "missing": list(self.missing)}


def backup_make(*, path: Path, with_index: bool = True) -> Done:
    """Writes the backup, whole or not at all. Raises BackupError, and OSError when it cannot be written."""
    with written_beside(path) as file, _staging(".backup-") as folder:
        os.fchmod(file.fileno(), 0o600)
        captured = Captured(folder / "media")
        with _moment(folder, captured) as (snapshot, media, missing):
            tables = snapshot.tables()
            index = _index_of(snapshot) if with_index else ""
            needed = _keys_needed(snapshot, media)
            header = {
                "created": timezone.now().isoformat(timespec="seconds"),
                "database": connection.vendor,
                "migrations": sorted(f"{app} {name}" for app, name in MigrationLoader(connection).applied_migrations),
                "keys": checks_of(needed),
            }
            with writing(file, header) as writer:
                for name, source in snapshot.files():
                    writer.add(name, source)
                for source in media:
                    writer.add(f"media/{source.relative_to(captured.folder).as_posix()}", source)
                for name, source in (*learned_files(), *(index_files(index) if index else ())):
                    writer.add(name, source)
                digest = seal(writer, {"tables": tables, "index": index, "missing": missing})
    rows = sum(table["rows"] for table in tables.values())
    done = Done(digest, len(tables), rows, len(writer.files), path.stat().st_size, index, tuple(missing))
    record(action="site.backed_up", details={**_counted(done), "missing": len(missing)})
    return done


def backup_restore(*, path: Path, without_keys: bool = False) -> Done:
    """Restores into an empty site, and compares every row and file. Raises BackupError; then nothing is there."""
    with reading(path) as (header, tar):
        backend = _backend(header)
        _refuse_other_version(header)
        _refuse_unless_empty(backend)
        if not without_keys:
            refuse_other_keys(header["keys"])
        with _staging(".restore-") as folder:
            manifest, digest = unpack(tar, folder)
            with _all_or_nothing(folder):
                backend.put_in_place(folder, manifest["tables"])
    tables = manifest["tables"]
    rows = sum(table["rows"] for table in tables.values())
    done = Done(
        digest, len(tables), rows, len(manifest["files"]), path.stat().st_size, manifest["index"],
        tuple(manifest["missing"]),
    )  # fmt: skip
    record(action="site.restored", details={**_counted(done), "of": header["created"]})
    return done


@contextmanager
def _moment(folder: Path, captured: Captured) -> Iterator[tuple[Any, list[Path], list[str]]]:
    """A snapshot of the rows with the files they name. What is missing in two moments is missing in the site."""
    backend, before = _backends()[connection.vendor], None
    for left in reversed(range(TRIES)):
        captured.collect()
        with backend.snapshot(folder) as snapshot:
            captured.collect()
            media, missing = captured.named(_names(snapshot))
            if not missing or missing == before or not left:
                yield snapshot, media, missing
                return
        before = missing


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[None]:
    """Moves the files into place, and takes them back when what follows fails. The database, that follows, is last."""
    note, home = Path(settings.CDSS_HOME) / UNFINISHED, Path(settings.CDSS_HOME)
    places = [(folder / name, place) for name, place in _places().items() if (folder / name).is_dir()]
    if settings.VECTOR_BACKEND != "faiss":
        places = [(source, place) for source, place in places if source.name != "indexes"]
    note.touch(mode=0o600)
    try:
        for source, place in places:
            _move_into(source, place)
        sync_folder(home)
        yield
    except BaseException:
        _take_back_unfinished()
        raise
    note.unlink()


def _move_into(source: Path, place: Path) -> None:
    for path in sorted(source.iterdir()):
        place.mkdir(parents=True, exist_ok=True)
        path.replace(place / path.name)


def _take_back_unfinished() -> None:
    """The place was empty before a restore that did not end: what is there now is what that one put there."""
    note = Path(settings.CDSS_HOME) / UNFINISHED
    if not note.exists():
        return
    for name, place in _places().items():
        for path in place.iterdir() if place.is_dir() else ():
            if name != "models" or path.name in ("alignment", "adapted"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    note.unlink()


def _refuse_unless_empty(backend: ModuleType) -> None:
    """The database, which a restore puts in place last, tells a site from what an unfinished one left."""
    backend.refuse_unless_empty()
    _take_back_unfinished()
    for name, place in _places().items():
        there = [path for path in place.iterdir() if not path.name.startswith(".")] if place.is_dir() else []
        if [path for path in there if name != "models" or path.name in ("alignment", "adapted")]:
            raise BackupError(f"There are files in {place.name} already: nothing is restored over a site.")


def _refuse_other_version(header: dict[str, Any]) -> None:
    loader = MigrationLoader(None)
    known, held = {f"{app} {name}" for app, name in loader.disk_migrations}, set(header["migrations"])
    if held != known:
        newer, older = sorted(held - known), sorted(known - held)
        what = f"made by a newer one ({newer[0]})" if newer else f"made by an older one (without {older[0]})"
        raise BackupError(
            f"The backup is of another version of this program: {what}. Restore it with the version that made it, and "
            "update afterwards."
        )


def _backend(header: dict[str, Any]) -> ModuleType:
    if header["database"] != connection.vendor:
        raise BackupError(
            f"The backup is of a site on {header['database']}, and this one is on {connection.vendor}. "
            "Set DATABASE_URL."
        )
    return _backends()[connection.vendor]


def _backends() -> dict[str, ModuleType]:
    return {"sqlite": sqlite, "postgresql": postgresql}


def _places() -> dict[str, Path]:
    roots = {"media": settings.MEDIA_ROOT, "models": settings.MODELS_ROOT, "indexes": settings.INDEX_ROOT}
    return {name: Path(root) for name, root in roots.items()}


def _names(snapshot: Any) -> Iterator[str]:
    for model, field in naming_columns():
        yield from snapshot.values(model._meta.db_table, _column(model, field))


def _keys_needed(snapshot: Any, media: list[Path]) -> set[str]:
    found = {key_of_file(path) for path in media}
    for model, fields in encrypted_models():
        for field in fields:
            found |= {key_of_text(value) for value in snapshot.values(model._meta.db_table, _column(model, field))}
    return found - {""}


def _column(model: Any, field: str) -> str:
    return str(model._meta.get_field(field).column)


def _index_of(snapshot: Any) -> str:
    """The version that answers, if its folder is there. With pgvector a folder is of an earlier time."""
    if settings.VECTOR_BACKEND != "faiss":
        return ""
    names = list(snapshot.values(IndexVersion._meta.db_table, "name"))
    there = [name for name in sorted(names) if (Path(settings.INDEX_ROOT) / name).is_dir()]
    return there[-1] if there else ""


def _counted(done: Done) -> dict[str, Any]:
    return {name: value for name, value in asdict(done).items() if name != "missing"}


@contextmanager
def _staging(prefix: str) -> Iterator[Path]:
    home = Path(settings.CDSS_HOME)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=home, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
