"""What a user can do with a consultation."""

from collections.abc import Sequence
from dataclasses import asdict

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.consultations.intake import CaseRefusedError, checked, cleaned, deidentified, marked, split_pasted
from cdss.consultations.models import Consultation, ConsultationImage, Status
from cdss.consultations.pipeline import understand
from cdss.consultations.tasks import answer_consultation
from cdss.consultations.working import case_of
from cdss.library.image_files import new_image_files
from cdss.library.intake import IntakeError, check_total_pixels, image_intake, store_consultation_image
from cdss.reasoning.types import CaseInput

__all__ = [
    "CaseRefusedError",
    "cleaned",
    "consultation_again",
    "consultation_cancel",
    "consultation_preview",
    "consultation_retry",
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
    ip: str = "",
) -> Consultation:
    """De-identifies and stores the case and its images, and queues it. Raises CaseRefusedError, and stores nothing."""
    clean, removed = deidentified(checked(case, with_images=bool(uploads)))
    if len(uploads) > MAX_IMAGES:
        raise CaseRefusedError(f"At most {MAX_IMAGES} images go with a case; there are {len(uploads)}.")
    try:
        check_total_pixels(uploads=uploads)
        images = [image_intake(upload=upload, name=upload.name or "") for upload in uploads]
        with new_image_files(), transaction.atomic():
            consultation = Consultation.objects.create(
                user=by, **asdict(clean), use_llm=use_llm, llm_timeout_seconds=llm_timeout_seconds
            )
            for position, image in enumerate(images):
                store_consultation_image(consultation=consultation, image=image, position=position)
                for kind, count in image.removed.items():
                    removed[kind] = removed.get(kind, 0) + count
            consultation.removed_identifiers = removed
            consultation.save(update_fields=["removed_identifiers"])
            _queue(consultation, by, "consultation.started", ip)
    except IntakeError as error:
        raise CaseRefusedError(str(error)) from error
    return consultation


def _queue(consultation: Consultation, by: User, action: str, ip: str = "") -> None:
    details = {
        "characters": len(case_of(consultation).text),
        "images": consultation.images.count(),
        "removed_identifiers": sum(consultation.removed_identifiers.values()),
    }
    record(action=action, by=by, obj=consultation, details=details, location=ip)
    transaction.on_commit(lambda: answer_consultation.enqueue(consultation.pk))


def consultation_preview(case: CaseInput) -> dict[str, object]:
    """What would be taken out and what is understood, before anything is stored."""
    found = marked(case)
    return {
        "spans": {name: [list(span) for span in result.spans] for name, result in found.items()},
        "removed": sum(len(result.spans) for result in found.values()),
        "understood": understand(deidentified(case)[0]),
    }


@transaction.atomic
def consultation_cancel(*, consultation: Consultation, by: User) -> None:
    """A waiting consultation stops now, a running one at its next step."""
    row = Consultation.objects.select_for_update().get(pk=consultation.pk)
    writing = row.answers.filter(state__in=("waiting", "writing")).exists()
    if row.is_finished and not writing:
        return
    row.cancel_requested = True
    if row.status == Status.QUEUED:
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
def consultation_again(*, consultation: Consultation, by: User, case: CaseInput | None = None) -> Consultation:
    """The same case, or an edited one, with the same images, as a new consultation; the old one stays as it is."""
    images = list(consultation.images.all())
    clean, removed = deidentified(checked(case or case_of(consultation), with_images=bool(images)))
    again = Consultation.objects.create(
        user=by,
        **asdict(clean),
        use_llm=consultation.use_llm,
        llm_timeout_seconds=consultation.llm_timeout_seconds,
        removed_identifiers=removed,
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
    _queue(again, by, "consultation.asked_again")
    return again
