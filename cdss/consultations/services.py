"""What a user can do with a consultation."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.consultations.held_pictures import held_frames, picture_hold, pictures_copy, screening_begins
from cdss.consultations.intake import CaseRefusedError, checked, cleaned, deidentified, marked, split_pasted
from cdss.consultations.models import Consultation, ConsultationImage, Status
from cdss.consultations.tasks import answer_consultation, mask_picture
from cdss.consultations.understanding import corrections_rows, understood_rows
from cdss.consultations.working import case_of
from cdss.library.image_files import new_image_files
from cdss.library.intake import IntakeError, check_total_pixels, image_intake, store_consultation_image
from cdss.library.models import Case
from cdss.library.patients import Patient, same_patient
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.reasoning.types import CaseInput, Correction
from cdss.reasoning.understanding import read_case, standing

__all__ = [
    "CaseRefusedError",
    "cleaned",
    "consultation_again",
    "consultation_cancel",
    "consultation_from_case",
    "consultation_preview",
    "consultation_retry",
    "consultation_reviewed",
    "consultation_start",
    "split_pasted",
]

MAX_IMAGES = 24


def consultation_start(
    *,
    by: User,
    case: CaseInput,
    uploads: Sequence[UploadedFile] = (),  # type: ignore[type-arg]
    use_llm: bool = True,
    llm_timeout_seconds: int = 120,
    review: bool = False,
    ip: str = "",
    patient: str = "",
) -> Consultation:
    """De-identifies and stores the case and its images, and queues it, unless its findings are to be reviewed first.

    `patient` is their number where the user gave one: only its hash is kept, and the dates of the text move by it.
    Without one, a DICOM header may tell it.

    Raises CaseRefusedError, and stores nothing.
    """
    refuse_in(Mode.EDUCATION)
    case = checked(case, with_images=bool(uploads))
    if len(uploads) > MAX_IMAGES:
        raise CaseRefusedError(f"At most {MAX_IMAGES} images go with a case; there are {len(uploads)}.")
    try:
        check_total_pixels(uploads=uploads)
        images = [image_intake(upload=upload, name=upload.name or "") for upload in uploads]
        told = Patient.of(patient) if patient.strip() else same_patient(images)
        clean, removed = deidentified(case, shift=told.shift if told else None)
        waiting = [image for image in images if image.to_screen]
        with new_image_files(), held_frames(waiting) as held, transaction.atomic():
            consultation = Consultation.objects.create(
                user=by,
                **asdict(clean),
                patient_key=told.key if told else "",
                status=Status.REVIEW if review else Status.QUEUED,
                use_llm=use_llm,
                llm_timeout_seconds=llm_timeout_seconds,
                **_rule_of(by),
            )
            places = iter(held)
            if held:
                screening_begins(consultation)
            for position, image in enumerate(images):
                if image.to_screen:
                    picture_hold(consultation=consultation, image=image, place=next(places), position=position)
                else:
                    store_consultation_image(consultation=consultation, image=image, position=position)
                for kind, count in image.removed.items():
                    removed[kind] = removed.get(kind, 0) + count
            consultation.removed_identifiers = removed
            consultation.save(update_fields=["removed_identifiers"])
            _queue(consultation, by, "consultation.drafted" if review else "consultation.started", ip)
    except IntakeError as error:
        raise CaseRefusedError(str(error)) from error
    return consultation


def _rule_of(by: User) -> dict[str, Any]:
    """Kept with the consultation: what the group decides later changes nothing of it."""
    return {"commit_first": by.group.commit_first, "user_group": by.group.name} if by.group else {}


@transaction.atomic
def consultation_from_case(*, case: Case, by: User) -> Consultation:
    """What was known of a case of the library before its diagnosis, as a consultation that does not find itself."""
    known = {name: getattr(case, name) for name in ("age", "sex", "history", "exam", "findings")}
    clean, removed = deidentified(checked(CaseInput.of(known)))
    consultation = Consultation.objects.create(
        user=by,
        **asdict(clean),
        **_rule_of(by),
        status=Status.QUEUED,
        library_case=case,
        removed_identifiers=removed,
    )
    _queue(consultation, by, "consultation.started_from_case")
    return consultation


def _queue(consultation: Consultation, by: User, action: str, ip: str = "", **more: int) -> None:
    details = {
        **more,
        "characters": len(case_of(consultation).text),
        "images": consultation.images.count() + consultation.held_back,
        "removed_identifiers": sum(consultation.removed_identifiers.values()),
        "corrections": len(consultation.corrections),
    }
    record(action=action, by=by, obj=consultation, details=details, location=ip)
    if consultation.status == Status.REVIEW and consultation.held_back:
        # While its user reads what was understood, its pictures are looked at.
        transaction.on_commit(lambda: mask_picture.enqueue(consultation.pk))
    if consultation.status == Status.QUEUED:
        transaction.on_commit(lambda: answer_consultation.enqueue(consultation.pk))


def consultation_preview(case: CaseInput) -> dict[str, object]:
    """What would be taken out and what is understood, before anything is stored."""
    found = marked(case)
    return {
        "spans": {name: [list(span) for span in result.spans] for name, result in found.items()},
        "removed": sum(len(result.spans) for result in found.values()),
        "understood": understood_rows(read_case(deidentified(case)[0]), coded=False),
    }


@transaction.atomic
def consultation_cancel(*, consultation: Consultation, by: User) -> None:
    """A waiting consultation stops now, a running one at its next step."""
    row = Consultation.objects.select_for_update().get(pk=consultation.pk)
    writing = row.answers.filter(state__in=("waiting", "writing")).exists()
    if row.is_finished and not writing and not row.is_searched_further:
        return
    row.cancel_requested = True
    if row.status in (Status.QUEUED, Status.REVIEW):
        row.status = Status.CANCELLED
    row.save(update_fields=["cancel_requested", "status"])
    record(action="consultation.cancelled", by=by, obj=row)


@transaction.atomic
def consultation_retry(*, consultation: Consultation, by: User) -> None:
    row = Consultation.objects.select_for_update().get(pk=consultation.pk)
    if row.status not in (Status.FAILED, Status.CANCELLED):
        return
    row.status, row.error, row.attempts, row.cancel_requested = Status.QUEUED, "", 0, False
    row.finished = row.heartbeat = None
    row.save(update_fields=["status", "error", "attempts", "cancel_requested", "finished", "heartbeat"])
    _queue(row, by, "consultation.retried")


@transaction.atomic
def consultation_reviewed(*, consultation: Consultation, by: User, corrections: Sequence[Correction]) -> None:
    """Keeps what its user made of the findings, and queues it. One that has been searched already stays as it is.

    Raises CaseRefusedError when nothing is left to search for.
    """
    row = Consultation.objects.select_for_update().get(pk=consultation.pk)
    if row.status != Status.REVIEW:
        return
    refuse_in(Mode.EDUCATION)
    clean, _ = deidentified(replace(case_of(row), corrections=tuple(corrections)))
    checked(read_case(clean).case, with_images=row.has_pictures)
    row.corrections, row.status = corrections_rows(clean.corrections), Status.QUEUED
    row.save(update_fields=["corrections", "status"])
    record(action="consultation.reviewed", by=by, obj=row, details=_counted(row.corrections))
    _queue(row, by, "consultation.started")


def _counted(corrections: Sequence[dict[str, Any]]) -> dict[str, object]:
    """How many corrections of which kind, and the hash of all: the audit trail holds no word of a case."""
    kinds = Counter("added" if row["start"] < 0 else str(row["assertion"]) for row in corrections)
    digest = sha256(json.dumps(corrections, sort_keys=True).encode()).hexdigest()
    return {**dict(sorted(kinds.items())), "sha256": digest}


@transaction.atomic
def consultation_again(
    *, consultation: Consultation, by: User, case: CaseInput | None = None, review: bool = False
) -> Consultation:
    """The same case, or an edited one, with the same images, as a new consultation; the old one stays as it is.

    What was corrected of the findings goes along, where its words still stand. An own differential that was written
    for the same case is not asked for again.
    """
    if case is not None:
        refuse_in(Mode.EDUCATION)
    images = list(consultation.images.all())
    asked = replace(case or case_of(consultation), corrections=case_of(consultation).corrections)
    clean, removed = deidentified(checked(asked, with_images=consultation.has_pictures))
    clean = replace(clean, corrections=standing(clean, clean.corrections))
    again = Consultation.objects.create(
        user=by,
        **asdict(clean),
        status=Status.REVIEW if review else Status.QUEUED,
        library_case=consultation.library_case,
        use_llm=consultation.use_llm,
        llm_timeout_seconds=consultation.llm_timeout_seconds,
        removed_identifiers=removed,
        **(_rule_of(by) if case or not consultation.committed else {"user_group": consultation.user_group}),
        patient_key=consultation.patient_key,
    )
    ConsultationImage.objects.bulk_create(
        ConsultationImage(
            consultation=again,
            position=image.position,
            file=image.file.name,
            width=image.width,
            height=image.height,
            frames=image.frames,
            sha256=image.sha256,
            modality=image.modality,
        )
        for image in images
    )
    try:
        pictures_copy(of=consultation, to=again)
    except IntakeError as error:
        raise CaseRefusedError(str(error)) from error
    _queue(again, by, "consultation.asked_again", of=consultation.pk)
    return again
