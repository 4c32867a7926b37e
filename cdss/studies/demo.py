"""The series of the demonstration library: made by code when a site is set up."""

from __future__ import annotations

import hashlib

from django.db import transaction

from cdss.library.dicom_profile import mapped_uid
from cdss.library.image_files import remove_images_on_commit
from cdss.library.models import Case
from cdss.studies.frame_files import frame_writer
from cdss.studies.models import Series
from cdss.studies.phantom import PIXEL_MM, SIZE, SLICES, STEP_MM, chest_slices

DEMO_CASE = "demo-chest-01"
# Changes when the phantom does.
EDITION = "chest-1"


def demo_series_make() -> Series | None:
    """The synthetic CT of the first demonstration case; None when it is there, or its case is not."""
    case = Case.objects.filter(source_id=DEMO_CASE, synthetic=True).order_by("pk").first()
    digest = hashlib.sha256(f"synthetic {EDITION}".encode()).hexdigest()
    if case is None or Series.objects.filter(case=case, digest=digest).exists():
        return None
    with frame_writer() as (folder, writer):
        for pixels in chest_slices():
            writer.add(pixels)
    try:
        with transaction.atomic():
            return _row(case, digest, folder)
    except BaseException:
        with transaction.atomic():
            remove_images_on_commit(names=[folder])
        raise


def _row(case: Case, digest: str, folder: str) -> Series:
    corner = -PIXEL_MM * (SIZE - 1) / 2
    facts = [
        {
            "uid": mapped_uid(f"cdss.synthetic.{EDITION}.{number}"),
            "number": 0,
            "position": [corner, corner, number * STEP_MM],
            "slope": 1.0,
            "intercept": 0.0,
        }
        for number in range(SLICES)
    ]
    return Series.objects.create(
        case=case,
        digest=digest,
        study_uid=mapped_uid(f"cdss.synthetic.{EDITION}.study"),
        series_uid=mapped_uid(f"cdss.synthetic.{EDITION}.series"),
        frame_of_reference=mapped_uid(f"cdss.synthetic.{EDITION}.space"),
        sop_class="1.2.840.10008.5.1.4.1.1.2",
        modality="CT",
        region="Thorax",
        plane="Axial",
        folder=folder,
        rows=SIZE,
        columns=SIZE,
        frames=SLICES,
        pixels="int16",
        bits=16,
        unit="HU",
        row_spacing=PIXEL_MM,
        column_spacing=PIXEL_MM,
        orientation=[1, 0, 0, 0, 1, 0],
        windows=[[-500, 1500]],
        frame_facts=facts,
        synthetic=True,
    )
