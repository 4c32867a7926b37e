import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from django.db import transaction
from django.db.models import QuerySet

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.exchange.bundles import SUMS, Bundle, FolderBundle, ZipBundle
from cdss.exchange.models import Carried
from cdss.exchange.notes import licence_lines, readme
from cdss.exchange.pictures import pictures_of
from cdss.exchange.writing import FORMATS, writer_for
from cdss.library.keepers import givers_need
from cdss.library.models import Case
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked

CHUNK = 50


class ExportError(Exception):
    """Nothing was exported. The message says what to do."""


@dataclass(slots=True)
class Exported:
    """`missing` images have no file; `size` and `sha256` are of the ZIP, or of the list of files of a folder."""

    form: str
    cases: int = 0
    images: int = 0
    missing: int = 0
    files: int = 0
    size: int = 0
    sha256: str = ""
    without_images: bool = False
    licences: Counter[tuple[str, str]] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        names = ("form", "cases", "images", "missing", "files", "size", "sha256", "without_images")
        return {name: getattr(self, name) for name in names}


Progress = Callable[[Iterator[Case], int], Iterator[Case]]


def cases_export(
    *,
    cases: QuerySet[Case],
    form: str,
    file: IO[bytes],
    by: User | None = None,
    title: str = "",
    options: Mapping[str, bool] | None = None,
    progress: Progress = lambda cases, total: cases,
) -> Exported:
    """Writes a ZIP of these cases into `file`, and the event that says so. Who may see them is the caller's matter."""
    bundle = ZipBundle(file)
    try:
        done = _write(bundle, cases, form, title, options or {}, progress)
    finally:
        bundle.close()
    done.size, done.sha256 = bundle.size, bundle.sha256
    _record(done, by, folder=False)
    return done


def cases_export_folder(
    *,
    cases: QuerySet[Case],
    form: str,
    folder: Path,
    by: User | None = None,
    title: str = "",
    options: Mapping[str, bool] | None = None,
    progress: Progress = lambda cases, total: cases,
) -> Exported:
    """The same as a folder, which is there whole or not at all."""
    with _new_folder(folder) as beside:
        bundle = FolderBundle(beside)
        done = _write(bundle, cases, form, title, options or {}, progress)
        bundle.close()
        done.size = sum(path.stat().st_size for path in beside.rglob("*") if path.is_file())
        done.sha256 = hashlib.sha256((beside / SUMS).read_bytes()).hexdigest()
        _record(done, by, folder=True)
    return done


@transaction.atomic
def carried_forget(*, case: Case, by: User) -> None:
    """What its file said beyond our fields is kept no longer, and goes out no more."""
    forgotten, _ = Carried.objects.filter(case=case).delete()
    if forgotten:
        record(action="library.carried_forgotten", by=by, obj=case)


def _write(
    bundle: Bundle, cases: QuerySet[Case], form: str, title: str, options: Mapping[str, bool], progress: Progress
) -> Exported:
    done = Exported(form, without_images=is_locked(Mode.TEXT_ONLY))
    total = cases.count()
    if not total:
        raise ExportError("There is no case to export that you may see. Choose another collection or other filters.")
    writer = writer_for(form, bundle, total=total, title=title, options=options, whole=not done.without_images)
    rows = cases.order_by("pk").select_related("collection", "carried").prefetch_related("images", *givers_need())
    for case in progress(rows.iterator(chunk_size=CHUNK), total):
        done.cases += 1
        pictures, missing = ([], 0) if done.without_images else pictures_of(case)
        writer.case(case, done.cases, pictures)
        done.images += len(pictures)
        done.missing += missing
        done.licences[case.licence, ""] += 1
        done.licences.update(
            (image.licence or case.licence, image.attribution)
            for image, _ in pictures
            if image.licence or image.attribution
        )
    writer.end()
    bundle.add("README.txt", readme(done, FORMATS[form], title).encode())
    bundle.add("LICENCES.txt", licence_lines(done.licences).encode())
    done.files = bundle.files
    return done


@transaction.atomic
def _record(done: Exported, by: User | None, *, folder: bool) -> None:
    details = {"format": done.form, "cases": done.cases, "images": done.images, "missing": done.missing,
               "bytes": done.size, "sha256": done.sha256, "folder": folder}  # fmt: skip
    record(action="library.exported", by=by, details=details)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"{folder}: there is something already. Name a folder that is empty or not there.")
    beside = folder.with_name(f".{folder.name}.{token_hex(4)}.part")
    try:
        beside.mkdir(parents=True)
        yield beside
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
