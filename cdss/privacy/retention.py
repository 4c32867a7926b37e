"""How long what is kept. A number of days of 0 keeps for ever."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cdss.audit.services import record
from cdss.consultations.models import FINISHED, Consultation, ConsultationImage, Status
from cdss.library.doubts import doubts_forget
from cdss.library.image_files import remove_images_on_commit
from cdss.privacy.erasure import patient_erase
from cdss.privacy.holdings import Holdings
from cdss.privacy.naming import notices_about


@dataclass(frozen=True, slots=True)
class Due:
    """What is older than it may be."""

    consultations: tuple[int, ...]
    drafts: tuple[int, ...]
    images: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        return {name: len(pks) for name, pks in asdict(self).items()}


def due() -> Due:
    now = timezone.now()

    def older(days: int, *states: str) -> tuple[int, ...]:
        if not days:
            return ()
        rows = Consultation.objects.filter(created__lt=now - timedelta(days=days), status__in=states)
        return tuple(rows.order_by("pk").values_list("pk", flat=True))

    drafts = older(settings.RETAIN_DRAFTS_DAYS, Status.REVIEW, Status.CANCELLED)
    consultations = set(older(settings.RETAIN_CONSULTATIONS_DAYS, *FINISHED)) - set(drafts)
    images: tuple[int, ...] = ()
    if settings.RETAIN_IMAGES_DAYS:
        rows = ConsultationImage.objects.filter(
            consultation__created__lt=now - timedelta(days=settings.RETAIN_IMAGES_DAYS),
            consultation__status__in=FINISHED,
        ).exclude(consultation__in={*drafts, *consultations})
        images = tuple(rows.order_by("pk").values_list("pk", flat=True))
    return Due(tuple(sorted(consultations)), drafts, images)


def retention_apply(found: Due) -> None:
    """Erases what is due, each part with its event."""
    for subject, pks in (
        ("consultations past their time", found.consultations),
        ("drafts past their time", found.drafts),
    ):
        if pks:
            notices = notices_about(patient="", consultations=pks, cases=())
            patient_erase(holdings=Holdings(subject, pks, notices=notices), by=None, reason="retention")
    if found.images:
        _images(found.images)


def _images(pks: tuple[int, ...]) -> None:
    with transaction.atomic():
        rows = ConsultationImage.objects.filter(pk__in=pks)
        names = set(rows.values_list("file", flat=True))
        rows.delete()
        doubts_forget(names=names)
        still = set(ConsultationImage.objects.filter(file__in=names).values_list("file", flat=True))
        remove_images_on_commit(names=names - still)
        record(
            action="privacy.erased",
            details={"subject": "images past their time", "reason": "retention", "images": len(pks)},
        )
