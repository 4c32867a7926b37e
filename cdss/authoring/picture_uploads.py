"""Pictures that the worker takes in: looking for burnt-in text takes seconds each, too long to wait for a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from cdss.accounts.models import User
from cdss.authoring.looks import looks_soon
from cdss.authoring.models import Manuscript, PictureUpload, WorkState
from cdss.authoring.pictures import orphans_remove, picture_add
from cdss.authoring.services import AuthoringError
from cdss.library.screening import is_wanted
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.studies import held
from cdss.studies.errors import StudyError

# One picture of this size is read and looked at within about two seconds: the page waits for it.
INLINE_FILES, INLINE_BYTES = 1, 512 * 1024
# Without the search for text a picture takes some hundredths of a second.
INLINE_FILES_UNSEARCHED = 8
SHOWN, SHOWN_FOR = 5, timedelta(minutes=10)
FAILED = "The images could not be read. Those before it were taken; upload the others again."


def is_quick(uploads: Sequence[UploadedFile]) -> bool:
    most = INLINE_FILES if is_wanted() else INLINE_FILES_UNSEARCHED
    return len(uploads) <= most and sum(upload.size or 0 for upload in uploads) <= most * INLINE_BYTES


def sent_to(manuscript: Manuscript, user: User) -> list[PictureUpload]:
    """This user's last ones, those that are still read and those that were just now."""
    since = timezone.now() - SHOWN_FOR
    rows = manuscript.picture_uploads.filter(owner=user)
    unfinished = rows.filter(state__in=(WorkState.WAITING, WorkState.WORKING))
    return list((unfinished | rows.filter(updated__gte=since))[:SHOWN])


def pictures_send(*, manuscript: Manuscript, uploads: Sequence[UploadedFile], by: User) -> PictureUpload:
    """Keeps the files for the worker. Raises AuthoringError, and keeps none, when one cannot be kept."""
    refuse_in(Mode.EDUCATION)
    refuse_in(Mode.TEXT_ONLY)
    place, problems, total = "", [], 0
    try:
        place = held.new_place()
        for upload in uploads:
            if held.hold(place, upload, name=upload.name or ""):  # type: ignore[arg-type]
                total += 1
            else:
                problems.append(f"{held.shown_name(upload.name or '')}: This file is empty. Choose the image again.")
        made = PictureUpload.objects.create(
            manuscript=manuscript, owner=by, place=place, total=total, problems=problems
        )
    except BaseException as error:
        if place:
            held.let_go(place)
        if isinstance(error, StudyError):
            raise AuthoringError(str(error)) from error
        raise
    _enqueue(made)
    return made


def pictures_start_again(*, upload: PictureUpload) -> None:
    """When the worker that had them is gone. A picture that was taken is not taken twice."""
    mine = PictureUpload.objects.filter(pk=upload.pk)
    if upload.is_silent and mine.filter(updated=upload.updated).update(
        state=WorkState.WAITING, at=0, updated=timezone.now()
    ):
        _enqueue(upload)


def pictures_read(*, upload: PictureUpload) -> None:
    """What the worker does. Each picture is taken whole or not at all; the files are gone afterwards."""
    mine = PictureUpload.objects.filter(pk=upload.pk)
    if not mine.filter(state=WorkState.WAITING).update(state=WorkState.WORKING, updated=timezone.now()):
        return
    added, problems = 0, list(upload.problems)
    orphans_remove()
    try:
        for at, (_, name, data) in enumerate(held.held_files(upload.place), 1):
            new, problem = picture_add(manuscript=upload.manuscript, upload=data, name=name, by=upload.owner)
            added += new
            problems += [problem] if problem else []
            mine.update(at=at, added=added, updated=timezone.now())
    except Exception:
        _end(upload, WorkState.FAILED, added, [*problems, FAILED])
        raise
    _end(upload, WorkState.DONE, added, problems)
    looks_soon()


def _end(upload: PictureUpload, state: WorkState, added: int, problems: list[str]) -> None:
    upload.state, upload.added, upload.problems = state, added, problems
    upload.save(update_fields=["state", "added", "problems", "updated"])
    held.let_go(upload.place)


def _enqueue(upload: PictureUpload) -> None:
    from cdss.authoring.tasks import read_pictures

    read_pictures.enqueue(str(upload.pk))
