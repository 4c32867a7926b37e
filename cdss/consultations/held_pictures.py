"""Pictures of a case in which burnt-in text is still to be looked for: seconds each, so the worker does it.

Until then their frames lie encrypted outside the media, where nothing shows or searches them. The case waits for them.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from time import perf_counter

from django.db import transaction
from django.utils import timezone

from cdss.audit.services import record
from cdss.background import forget_folders
from cdss.consultations.models import Consultation, HeldPicture, Status, Step
from cdss.encryption import decrypt_bytes, encrypt_bytes
from cdss.library.image_files import new_image_files
from cdss.library.intake import IntakeImage, image_screened, store_consultation_image
from cdss.library.intake_errors import IntakeError
from cdss.library.uploads import FORGOTTEN_SECONDS
from cdss.waiting import HELD, folder
from retrieval.errors import UnreadableError

logger = logging.getLogger(__name__)

STEP = "deidentify"
WAITED_FOR = (Status.QUEUED, Status.REVIEW)
GONE = "The pictures of this case are no longer held. Start the consultation again with them."


@contextmanager
def held_frames(images: Iterable[IntakeImage]) -> Iterator[list[str]]:
    """The frames of each image in a folder of its own; gone again when the block fails. Raises IntakeError."""
    forget_folders(folder(), older_than=FORGOTTEN_SECONDS)
    places: list[str] = []
    try:
        for image in images:
            places.append(f"picture-{token_hex(16)}")
            _write(places[-1], image.pngs)
        yield places
    except BaseException:
        for place in places:
            _let_go(place)
        raise


def picture_hold(*, consultation: Consultation, image: IntakeImage, place: str, position: int) -> HeldPicture:
    """Call it inside the transaction that stores the consultation."""
    return HeldPicture.objects.create(
        consultation=consultation,
        position=position,
        place=place,
        frames=image.frames,
        width=image.width,
        height=image.height,
        modality=image.modality,
    )


def frames_of(held: HeldPicture) -> tuple[bytes, ...]:
    """Raises IntakeError when they are gone."""
    try:
        return tuple(decrypt_bytes(_frame(held.place, number).read_bytes()) for number in range(held.frames))
    except FileNotFoundError as error:
        raise IntakeError(GONE) from error


def intake_of(held: HeldPicture) -> IntakeImage:
    return IntakeImage(frames_of(held), held.width, held.height, "", modality=held.modality)


def picture_screen(held: HeldPicture) -> None:
    """Masks what is text, stores the picture, and lets go of what was held. Raises IntakeError and UnreadableError.

    Another worker may do the same at the same time: one of them stores it.
    """
    image = image_screened(intake_of(held))
    with new_image_files(), transaction.atomic():
        consultation = Consultation.objects.select_for_update().filter(pk=held.consultation_id).first()
        if consultation is None or not HeldPicture.objects.filter(pk=held.pk).delete()[0]:
            return
        store_consultation_image(consultation=consultation, image=image, position=held.position)
        removed = dict(consultation.removed_identifiers)
        for kind, count in image.removed.items():
            removed[kind] = removed.get(kind, 0) + count
        Consultation.objects.filter(pk=consultation.pk).update(removed_identifiers=removed)
        details = {"position": held.position, "masked": sum(image.removed.values()), "doubts": len(image.doubts)}
        record(action="consultation.picture_screened", obj=consultation, details=details)
        transaction.on_commit(lambda: _let_go(held.place))


def screening_begins(consultation: Consultation) -> None:
    Step.objects.create(consultation=consultation, name=STEP, started=timezone.now())


def screening_timed(consultation: Consultation, *, since: float) -> None:
    """What the step took, of the worker's time: pictures of several cases take turns."""
    step = Step.objects.filter(consultation=consultation, name=STEP).first()
    if step is None:
        return
    spent = (step.duration_ms or 0.0) + (perf_counter() - since) * 1000
    done = not HeldPicture.objects.filter(consultation=consultation).exists()
    Step.objects.filter(pk=step.pk).update(duration_ms=spent if done else None)


def pictures_copy(*, of: Consultation, to: Consultation) -> None:
    """For a case that is asked again before its pictures were looked at. Raises IntakeError."""
    held = list(of.held_pictures.all())
    if not held:
        return
    images = [intake_of(picture) for picture in held]
    with held_frames(images) as places:
        for picture, image, place in zip(held, images, places, strict=True):
            picture_hold(consultation=to, image=image, place=place, position=picture.position)
    screening_begins(to)


def pictures_forget_on_commit(*, consultations: Iterable[int]) -> None:
    """The files of pictures whose consultation is erased."""
    places = list(HeldPicture.objects.filter(consultation__in=list(consultations)).values_list("place", flat=True))
    for place in places:
        transaction.on_commit(partial(_let_go, place))


def failed_on(held: HeldPicture, error: IntakeError | UnreadableError) -> str:
    logger.warning("picture %s of consultation %s: %s", held.position, held.consultation_id, type(error).__name__)
    return str(error) if str(error) == GONE else f"Image {held.position + 1}: {error}"


def _write(place: str, pngs: Iterable[bytes]) -> None:
    try:
        (folder() / place).mkdir(parents=True, mode=0o700)
        for number, png in enumerate(pngs):
            descriptor = os.open(_frame(place, number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(encrypt_bytes(png))
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise IntakeError(f"The image could not be stored ({error.strerror}). Tell the administrator.") from error


def _frame(place: str, number: int) -> Path:
    return folder() / place / f"{number:04}{HELD}"


def _let_go(place: str) -> None:
    shutil.rmtree(folder() / place, ignore_errors=True)
