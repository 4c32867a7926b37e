"""Many cases at once: a file or a ZIP is looked at first, and imported only when its plan was seen."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.models import PlannedImport, WorkState
from cdss.authoring.services import AuthoringError
from cdss.library import uploads
from cdss.library.field_values import RowError
from cdss.library.importers.archive import unpacked
from cdss.library.importers.base import FormatError, Importer, Read, UnknownFormatError
from cdss.library.importers.registry import importer_for
from cdss.library.importers.run import run_import
from cdss.library.models import Collection, Visibility
from cdss.library.planning import CHANGES, planned_lines
from cdss.library.rows import CaseRow
from cdss.library.screening import is_wanted
from cdss.library.services import Target, collection_for
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.waiting import folder

# A file, or the files of a folder with the names they have in it.
Sent = UploadedFile | list[tuple[UploadedFile, str]]
MOST_LINES = 5_000
# The page waits for what takes about a second at most.
INLINE_BYTES = 256 * 1024
INLINE_LINES, INLINE_PICTURES = 200, 20
TOLD_EVERY = 1.0
FAILED = "The file could not be looked at, and nothing was kept. Send it again, or tell an administrator."
STOPPED = "The import stopped. What was imported before stays; start it again: rows that are there are passed over."
TAKEN = (
    "What can be imported here: case JSON lines (cases.jsonl) with their images, images with labels.csv, DICOM files, "
    "MIRC documents and IHE teaching files."
)
_TABLES = (".jsonl", ".ndjson")


def import_plan(*, upload: Sent, collection: str, visibility: str, by: User) -> PlannedImport:
    """Holds the upload and says what would come of each case; the library stays as it is. What cannot be read raises
    AuthoringError, and nothing of it is kept."""
    made = import_look(planned=_held(upload, collection, visibility, by))
    if made.state == WorkState.FAILED:
        made.delete()
        raise AuthoringError(made.message)
    return made


def import_send(*, upload: Sent, collection: str, visibility: str, by: User) -> PlannedImport:
    """The same by the worker."""
    from cdss.authoring.tasks import look_at_import

    made = _held(upload, collection, visibility, by)
    look_at_import.enqueue(made.pk)
    return made


def import_look(*, planned: PlannedImport) -> PlannedImport:
    """It ends with a plan, or refused with the reason and without its upload."""
    if not _begun(planned):
        return planned
    path = _path(planned)
    try:
        plan = _plan(path, planned)
        planned.sha256 = _digest(path)
        planned.plan, planned.state = plan, WorkState.DONE
        with transaction.atomic():
            planned.save(update_fields=["plan", "sha256", "state", "updated"])
            record(action="import.planned", by=planned.by, obj=planned, details=counts_of(plan))
    except UnknownFormatError:
        _refuse(planned, f"{planned.name}: the format was not recognised. {TAKEN}")
    except (FormatError, RowError, AuthoringError) as error:
        _refuse(planned, str(error).replace(f"{path.parent}/", ""))
    except BaseException:
        _refuse(planned, FAILED)
        raise
    return planned


def import_start(*, planned: PlannedImport) -> None:
    """Hands what was planned to the worker, once. Raises AuthoringError."""
    from cdss.authoring.tasks import run_import as run

    refuse_in(Mode.EDUCATION)
    row = _claimed(planned)
    PlannedImport.objects.filter(pk=row.pk).update(state=WorkState.WAITING, at=0, updated=timezone.now())
    run.enqueue(row.pk)


def import_again(*, planned: PlannedImport) -> None:
    """When the worker that had it is gone: rows that are there already are passed over."""
    from cdss.authoring.tasks import look_at_import
    from cdss.authoring.tasks import run_import as run

    mine = PlannedImport.objects.filter(pk=planned.pk, updated=planned.updated)
    if planned.is_silent and mine.update(state=WorkState.WAITING, at=0, updated=timezone.now()):
        (run if planned.done else look_at_import).enqueue(planned.pk)


def import_work(*, planned: PlannedImport) -> None:
    """What the worker does with it."""
    if not _begun(planned):
        return
    try:
        _run(planned)
    except AuthoringError as error:
        PlannedImport.objects.filter(pk=planned.pk).update(state=WorkState.DONE, message=str(error))
    except BaseException:
        PlannedImport.objects.filter(pk=planned.pk).update(state=WorkState.DONE, done=None, message=STOPPED)
        raise


def import_run(*, planned: PlannedImport, by: User) -> PlannedImport:
    """Imports what was planned, as drafts of their owner, once. Raises AuthoringError."""
    refuse_in(Mode.EDUCATION)
    return _run(_claimed(planned))


def is_quick(upload: Sent) -> bool:
    """Small enough for the page to wait for it: a table, or a few pictures."""
    files = [file for file, _ in upload] if isinstance(upload, list) else [upload]
    return sum(file.size or 0 for file in files) <= INLINE_BYTES


def runs_quickly(planned: PlannedImport) -> bool:
    """Pictures are looked through for text, which takes about a second each."""
    pictures = sum(line["images"] for line in planned.plan)
    return len(planned.plan) <= INLINE_LINES and pictures <= (0 if is_wanted() else INLINE_PICTURES)


def _held(upload: Sent, collection: str, visibility: str, by: User) -> PlannedImport:
    refuse_in(Mode.EDUCATION)
    try:
        if isinstance(upload, list):
            path = uploads.hold_folder([file for file, _ in upload], [name for _, name in upload])
        else:
            path = uploads.hold(upload)
    except uploads.UploadError as error:
        raise AuthoringError(str(error)) from error
    options = {"collection": collection, "visibility": visibility}
    about = {"token": path.parent.name, "name": path.name, "options": options, "plan": []}
    return PlannedImport.objects.create(by=by, state=WorkState.WAITING, **about)


def _path(planned: PlannedImport) -> Path:
    return folder() / planned.token / planned.name


def _begun(planned: PlannedImport) -> bool:
    waiting = PlannedImport.objects.filter(pk=planned.pk, state=WorkState.WAITING)
    return bool(waiting.update(state=WorkState.WORKING, updated=timezone.now()))


def _refuse(planned: PlannedImport, message: str) -> None:
    planned.state, planned.message = WorkState.FAILED, message
    planned.save(update_fields=["state", "message", "updated"])
    shutil.rmtree(_path(planned).parent, ignore_errors=True)


def _claimed(planned: PlannedImport) -> PlannedImport:
    with transaction.atomic():
        row = PlannedImport.objects.select_for_update().get(pk=planned.pk)
        if row.done:
            raise AuthoringError("This was imported already.")
        if row.is_unfinished or row.state == WorkState.FAILED:
            raise AuthoringError("It was not looked at to its end.")
        if not _path(row).exists():
            raise AuthoringError("The upload is kept for a day. Upload it again.")
        row.done, row.message = timezone.now(), ""
        row.save(update_fields=["done", "message"])
    return row


def _run(row: PlannedImport) -> PlannedImport:
    path, total = _path(row), len(row.plan)
    try:
        with collection_for(name=row.options["collection"]) as collection, _cases_in(path) as (source, importer):
            target = Target(collection, owner=row.by, visibility=Visibility(row.options["visibility"]))
            told = run_import(
                [source],
                target=target,
                format=importer.name,
                by=row.by,
                progress=lambda reads, *_: _told(row, reads, total),
            )
            row.report, row.state = told.as_json(), WorkState.DONE
        row.save(update_fields=["report", "state", "updated"])
    except (FormatError, RowError) as error:
        PlannedImport.objects.filter(pk=row.pk).update(done=None)
        raise AuthoringError(str(error)) from error
    shutil.rmtree(path.parent, ignore_errors=True)
    return row


def _told(row: PlannedImport, reads: Iterator[Read], total: int = 0) -> Iterator[Read]:
    """Says how far it is, at most once a second."""
    last = time.monotonic()
    for at, read in enumerate(reads, 1):
        yield read
        if time.monotonic() - last >= TOLD_EVERY:
            last = time.monotonic()
            PlannedImport.objects.filter(pk=row.pk).update(at=at, total=max(total, at), updated=timezone.now())


def counts_of(plan: list[dict[str, Any]]) -> dict[str, int]:
    counts = Counter(line["change"] for line in plan)
    return {change: counts[change] for change in CHANGES}


def _plan(path: Path, planned: PlannedImport) -> list[dict[str, Any]]:
    name = planned.options["collection"]
    held = Collection.objects.filter(name=name).first() or Collection(name=name)
    target = Target(held, owner=planned.by, visibility=Visibility(planned.options["visibility"]))
    with _cases_in(path) as (source, importer):
        lines: list[dict[str, Any]] = []
        reads = _told(planned, importer.read(source), importer.count(source))
        for line in planned_lines(map(_of_a_case, reads), target):
            if len(lines) >= MOST_LINES:
                raise AuthoringError(f"There are more than {MOST_LINES:,} cases in it. Split it.")
            lines.append(line)
    if not lines:
        raise AuthoringError("There is no case in it.")
    return lines


def _of_a_case(read: Read) -> Read:
    if read.row is None or isinstance(read.row, CaseRow):
        return read
    return Read(read.line, reason="It is no case. Import documents by Library → Import.")


def _digest(path: Path) -> str:
    """Of a folder, that of its files' names and bytes."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    total = sha256()
    for file in files:
        with file.open("rb") as opened:
            found = file_digest(opened, "sha256")
        if path.is_file():
            return found.hexdigest()
        total.update(f"{file.relative_to(path).as_posix()}\0{found.hexdigest()}\n".encode())
    return total.hexdigest()


@contextmanager
def _cases_in(path: Path) -> Iterator[tuple[Path, Importer]]:
    """What is read, and by which importer: the file itself, or what lies in the ZIP."""
    if path.suffix.lower() != ".zip" and path.is_file():
        yield path, importer_for(path)
        return
    with nullcontext(path) if path.is_dir() else unpacked(path) as folder:
        tables = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _TABLES)
        labels = sorted(folder.rglob("labels.csv"))
        if len(tables) > 1:
            raise FormatError(f"{path.name}: it holds {len(tables)} files of JSON lines. Pack one of them.")
        if tables or labels:
            source = tables[0] if tables else labels[0].parent
            yield source, importer_for(source)
            return
        try:
            importer = importer_for(path)
        except FormatError:
            importer = importer_for(folder)
            path = folder
        yield path, importer
