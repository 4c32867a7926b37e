"""What the site holds of one patient, or of what somebody names by its number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cdss.authoring.models import Picture
from cdss.consultations.models import Consultation, ConsultationImage, Evidence
from cdss.library.models import Case, CaseImage, LibraryItem
from cdss.library.rows import patient_group
from cdss.privacy.naming import notices_about, searches_naming


class NothingHeldError(Exception):
    """Its message is for the person who asked."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """Primary keys; `subject` says in the audit trail who it is about without naming them."""

    subject: str
    consultations: tuple[int, ...] = ()
    cases: tuple[int, ...] = ()
    searches: tuple[int, ...] = ()
    notices: tuple[int, ...] = ()

    @property
    def image_names(self) -> set[str]:
        consultation_images = ConsultationImage.objects.filter(consultation__in=self.consultations)
        case_images = CaseImage.objects.filter(case__in=self.cases)
        written = Picture.objects.filter(manuscript__case__in=self.cases)
        return {
            name for rows in (consultation_images, case_images, written) for name in rows.values_list("file", flat=True)
        }

    def copies(self) -> Iterable[Evidence]:
        """Evidence of other consultations that was copied from these cases."""
        sources = Case.objects.filter(pk__in=self.cases).values_list("source_name", "source_id")
        found: set[int] = set()
        for source_name, source_id in sources:
            same = Evidence.objects.filter(source_name=source_name, source_id=source_id)
            found |= set(same.values_list("pk", flat=True))
        found |= set(Evidence.objects.filter(item__in=self.cases).values_list("pk", flat=True))
        return Evidence.objects.filter(pk__in=found).exclude(consultation__in=self.consultations)

    def counts(self) -> dict[str, int]:
        return {
            "consultations": len(self.consultations),
            "cases": len(self.cases),
            "images": len(self.image_names),
            "copies": len(list(self.copies())),
            "notices": len(self.notices),
            "searches": len(self.searches),
        }


def holdings_of(*, patient: str = "", consultations: Iterable[int] = (), cases: Iterable[int] = ()) -> Holdings:
    """By the patient's number as a DICOM header, an import or a user gave it, or by numbers of consultations and cases.

    Raises NothingHeldError.
    """
    asked = set(Consultation.objects.filter(pk__in=list(consultations)).values_list("pk", flat=True))
    held = set(Case.objects.filter(pk__in=list(cases)).values_list("pk", flat=True))
    subject = "rows named by number"
    if patient.strip():
        key = patient_group("", patient.strip())
        subject = f"patient {key[:16]}"
        asked |= set(Consultation.objects.filter(patient_key=key).values_list("pk", flat=True))
        held |= _cases_of(patient.strip())
    searches = searches_naming(patient=patient)
    notices = notices_about(patient=patient, consultations=asked, cases=held)
    if not (asked or held or searches or notices):
        raise NothingHeldError(
            "Nothing is held of this patient, or under these numbers. Check how the number is written."
        )
    return Holdings(subject, tuple(sorted(asked)), tuple(sorted(held)), searches, notices)


def _cases_of(patient: str) -> set[int]:
    """Each source has its own hash of the same patient."""
    names = LibraryItem.objects.exclude(source_group="").values_list("source_name", flat=True).order_by().distinct()
    groups = [patient_group(name, patient) for name in names]
    return set(Case.objects.filter(source_group__in=groups).values_list("pk", flat=True))
