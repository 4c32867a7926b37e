"""Who a picture or a case is of, without saying it: a salted hash, and the days their dates move by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdss.library.date_shift import DateShift
from cdss.library.rows import patient_group

if TYPE_CHECKING:
    from pydicom import Dataset

    from cdss.library.intake import IntakeImage


@dataclass(frozen=True, slots=True)
class Patient:
    key: str
    shift: DateShift

    @classmethod
    def of(cls, number: str) -> Patient:
        return cls(patient_group("", number.strip()), DateShift.of(number))


def patient_of(dataset: Dataset) -> Patient | None:
    """By the PatientID of a DICOM header."""
    number = str(dataset.get("PatientID") or "").strip()
    return Patient.of(number) if number else None


def same_patient(images: Sequence[IntakeImage]) -> Patient | None:
    """The patient of all these images that name one; none where they differ."""
    named = {image.patient for image in images if image.patient}
    return named.pop() if len(named) == 1 else None
