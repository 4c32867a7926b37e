"""Everything that is held of a patient as one ZIP: data.json and the images."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.models import Manuscript
from cdss.consultations.export import exported
from cdss.consultations.held_pictures import frames_of
from cdss.consultations.models import Consultation, ConsultationImage, HeldPicture
from cdss.feedback.models import Feedback
from cdss.library.image_files import frame_paths, image_bytes
from cdss.library.intake_errors import IntakeError
from cdss.library.models import Case, CaseImage, SavedSearch
from cdss.notices.models import Notice
from cdss.privacy.holdings import Holdings
from cdss.privacy.naming import told
from cdss.studies.frame_files import frame_path
from cdss.studies.models import Series

SKIPPED = frozenset({"libraryitem_ptr", "file", "folder", "patient_key", "source_group"})


def patient_export(*, holdings: Holdings, file: IO[bytes], by: User | None = None) -> str:
    """Writes the ZIP, and returns the SHA-256 of its data.json, which the audit trail keeps too."""
    data = patient_data(holdings)
    text = json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1).encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", text)
        for name, content in _images(holdings):
            archive.writestr(name, content)
    digest = sha256(text).hexdigest()
    record(
        action="privacy.exported", by=by, details={"subject": holdings.subject, "sha256": digest, **holdings.counts()}
    )
    return digest


def patient_data(holdings: Holdings) -> dict[str, Any]:
    consultations = Consultation.objects.filter(pk__in=holdings.consultations)
    return {
        "subject": holdings.subject,
        "consultations": [exported(consultation) for consultation in consultations],
        "feedback": [_row(row) for row in Feedback.objects.filter(consultation__in=holdings.consultations)],
        "cases": [
            _row(case)
            | {
                "images": [_row(image) for image in case.images.all()],
                "series": [_series(series) for series in case.series.all()],
                "written": [_row(manuscript) for manuscript in Manuscript.objects.filter(case=case.pk)],
            }
            for case in Case.objects.filter(pk__in=holdings.cases)
        ],
        "notices": told(Notice.objects.filter(pk__in=holdings.notices)),
        "saved_searches": told(SavedSearch.objects.filter(pk__in=holdings.searches)),
    }


def _row(row: models.Model) -> dict[str, Any]:
    return {
        field.name: field.value_from_object(row) for field in row._meta.concrete_fields if field.name not in SKIPPED
    }


def _series(series: Series) -> dict[str, Any]:
    return _row(series) | {"marks": [_row(mark) for mark in series.marks.all()]}


def _images(holdings: Holdings) -> Iterator[tuple[str, bytes]]:
    asked = ConsultationImage.objects.filter(consultation__in=holdings.consultations)
    held = CaseImage.objects.filter(case__in=holdings.cases)
    for folder, rows in (("consultation", asked), ("case", held)):
        for row in rows:
            owner = getattr(row, f"{folder}_id")
            for number, path in enumerate(frame_paths(name=str(row.file.name), frames=row.frames)):
                if path.exists():
                    yield f"images/{folder}-{owner}/{row.position:02}-{number:04}.png", image_bytes(path)
    for picture in HeldPicture.objects.filter(consultation__in=holdings.consultations):
        with suppress(IntakeError):
            for number, png in enumerate(frames_of(picture)):
                yield f"images/consultation-{picture.consultation_id}/held-{picture.position:02}-{number:04}.png", png
    for series in Series.objects.filter(case__in=holdings.cases):
        for number in range(series.frames):
            # Raw little-endian pixels, compressed; data.json says how many rows and columns of which type.
            path = frame_path(series.folder, number)
            if path.exists():
                yield f"series/case-{series.case_id}/{series.pk}-{number:05}.gz", image_bytes(path)
