"""An upload from its first file to what became of it. Only the owner of a draft adds to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.archives import MEGABYTE
from cdss.library.image_files import remove_orphans
from cdss.library.models import Case
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.studies import held
from cdss.studies.errors import StudyError
from cdss.studies.frame_files import FOLDER
from cdss.studies.models import Series, StudyUpload, UploadState

# A worker that has said nothing for so long has died.
SILENT = timedelta(minutes=3)
NO_FILES = "There is no file to read. Choose the files of the study."
TOLD_EVERY = timedelta(seconds=1)
FAILED = (
    "The study could not be read, and nothing of it was kept. Upload it again; tell an administrator if it fails again."
)


def upload_begin(*, case: Case, by: User) -> StudyUpload:
    refuse_in(Mode.TEXT_ONLY)
    return StudyUpload.objects.create(case=case, owner=by, place=held.new_place())


def upload_add(*, upload: StudyUpload, files: Iterable[UploadedFile]) -> int:
    """Keeps these files beside those that came before; returns how many there are. Raises StudyError."""
    refuse_in(Mode.TEXT_ONLY)
    _check_open(upload)
    for file in files:
        _check_room(upload, file.size or 0)
        size = held.hold(upload.place, file, name=file.name or "")  # type: ignore[arg-type]
        if size:
            changes = {"files": F("files") + 1, "bytes": F("bytes") + size, "updated": timezone.now()}
            StudyUpload.objects.filter(pk=upload.pk).update(**changes)
            upload.refresh_from_db()
    return upload.files


def upload_start(*, upload: StudyUpload) -> None:
    """Hands the files to the worker; again, when the one that had them is gone. Raises StudyError."""
    from cdss.studies.tasks import read_study

    if not upload.files:
        raise StudyError(NO_FILES)
    startable = StudyUpload.objects.filter(pk=upload.pk)
    begun = startable.filter(state=UploadState.OPEN) | startable.filter(
        state__in=(UploadState.WAITING, UploadState.READING), updated__lt=timezone.now() - SILENT
    )
    if begun.update(state=UploadState.WAITING, done=0, total=0, updated=timezone.now()):
        transaction.on_commit(lambda: read_study.enqueue(str(upload.pk)))


def is_silent(upload: StudyUpload) -> bool:
    waits = upload.state in (UploadState.WAITING, UploadState.READING)
    return waits and timezone.now() - upload.updated > SILENT


def upload_read(*, upload: StudyUpload) -> None:
    """What the worker does. It ends as done or as failed, with the reason, and holds no file any more."""
    from cdss.studies.reading import study_read

    mine = StudyUpload.objects.filter(pk=upload.pk)
    if not mine.filter(state=UploadState.WAITING).update(state=UploadState.READING, updated=timezone.now()):
        return
    last = [timezone.now()]

    def told(done: int, total: int) -> None:
        if timezone.now() - last[0] >= TOLD_EVERY or done == total:
            last[0] = timezone.now()
            mine.update(done=done, total=total, updated=last[0])

    try:
        held.unpack(upload.place)
        report = study_read(upload=upload, told=told)
    except StudyError as error:
        _end(mine, UploadState.FAILED, message=str(error))
    except Exception:
        _end(mine, UploadState.FAILED, message=FAILED)
        raise
    else:
        remarks = report.pop("remarks")
        _end(mine, UploadState.DONE, report=report, remarks=json.dumps(remarks) if remarks else "")
    finally:
        held.let_go(upload.place)
        remove_orphans(folder=FOLDER, names=set(Series.objects.values_list("folder", flat=True)))


def _end(rows: Any, state: UploadState, **said: Any) -> None:
    upload = rows.get()
    upload.state = state
    for name, value in said.items():
        setattr(upload, name, value)
    upload.save()
    if state == UploadState.FAILED:
        record(action="studies.refused", by=upload.owner, obj=upload.case, details={"files": upload.files})


def _check_open(upload: StudyUpload) -> None:
    if upload.state != UploadState.OPEN:
        raise StudyError("This upload has been started already. Begin another one for more files.")


def _check_room(upload: StudyUpload, size: int) -> None:
    if upload.files >= settings.STUDY_MAX_FILES:
        raise StudyError(held.TOO_MANY.format(settings.STUDY_MAX_FILES))
    if upload.bytes + size > settings.STUDY_MAX_BYTES:
        raise StudyError(held.TOO_LARGE.format(settings.STUDY_MAX_BYTES // MEGABYTE))
