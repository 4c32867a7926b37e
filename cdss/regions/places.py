"""Which frame of which image a page is about: one of the library's, or of one's own consultation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from django.http import Http404
from django.urls import reverse

from cdss.accounts.models import User
from cdss.consultations.exclusion import own_items, showing
from cdss.consultations.models import Consultation, ConsultationImage
from cdss.library.ids import ids_of
from cdss.library.models import Case, CaseImage, Collection
from cdss.library.veils import open_to, unveiled
from cdss.numbers import whole_number

FRAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """`masked`: whether overlays are masked before its patches are made, as they are for the library's index."""

    row: CaseImage | ConsultationImage
    frame: int
    masked: bool

    @property
    def is_of_library(self) -> bool:
        return isinstance(self.row, CaseImage)

    @property
    def name(self) -> str:
        return "image" if self.is_of_library else "own"

    @property
    def query(self) -> dict[str, int]:
        return {self.name: self.row.pk, "frame": self.frame}

    @property
    def address(self) -> str:
        return f"{self.row.get_absolute_url()}?frame={self.frame}"

    @property
    def back(self) -> str:
        if isinstance(self.row, CaseImage):
            return reverse("library:case", args=[self.row.case_id])
        return self.row.consultation.get_absolute_url()

    @property
    def title(self) -> str:
        if isinstance(self.row, CaseImage):
            return f"Case {self.row.case.source_id}"
        return str(self.row.consultation)


def place_of(data: Mapping[str, str], user: User) -> Place | None:
    """The image an address names, or None when it names none. One that is not this user's to see does not exist."""
    frame = _number(data.get("frame") or "0")
    if "image" in data:
        return _with_frame(library_image(_number(data["image"]), user), frame)
    if "own" in data:
        rows = ConsultationImage.objects.select_related("consultation", "consultation__library_case")
        row = rows.filter(consultation__in=Consultation.objects.for_user(user), pk=_number(data["own"])).first()
        return _with_frame(row, frame)
    return None


def library_image(pk: int, user: User) -> CaseImage | None:
    rows = CaseImage.objects.select_related("case", "case__collection")
    return rows.filter(case_id__in=open_to(user).order_by().values("pk"), pk=pk).first()


def searchable_image(pk: int, user: User) -> CaseImage | None:
    rows = CaseImage.objects.select_related("case", "case__collection")
    return rows.filter(
        case_id__in=unveiled(Case.objects.searchable_by(user), user).order_by().values("pk"), pk=pk
    ).first()


def withheld(place: Place, user: User) -> Consultation | None:
    """The consultation whose answer its clinician may not see yet: similar cases would tell it."""
    if isinstance(place.row, CaseImage):
        return None
    consultation = place.row.consultation
    return consultation if consultation.is_withheld_from(user) else None


def own_cases(place: Place) -> set[int]:
    """Never found: the image's own case, its patient's others, and cases that show the same picture."""
    found = np.array([], dtype=np.int64)
    if isinstance(place.row, CaseImage):
        found = own_items(place.row.case.source_id)
    else:
        consultation = place.row.consultation
        if consultation.library_case is not None:
            found = own_items(consultation.library_case.source_id)
        if consultation.patient_key:
            found = np.union1d(found, ids_of(Case.objects.filter(source_group=consultation.patient_key)))
    return {int(pk) for pk in np.union1d(found, showing([place.row.sha256]))}


def place_on(row: CaseImage | ConsultationImage, frame: int) -> Place:
    if isinstance(row, CaseImage):
        masked = row.case.collection.mask_overlays
    else:
        # As a consultation searches: a query's marks are not to be found beside masked ones.
        masked = Collection.objects.filter(mask_overlays=True).exists()
    return Place(row, frame, masked)


def _with_frame(row: CaseImage | ConsultationImage | None, frame: int) -> Place:
    if row is None or not 0 <= frame < row.frames:
        raise Http404
    return place_on(row, frame)


def _number(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise Http404
    return number
