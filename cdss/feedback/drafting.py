"""A confirmed consultation as a draft case of the library."""

from collections.abc import Callable
from pathlib import Path

from django.db import transaction
from django.urls import reverse

from cdss.accounts.models import Role, User
from cdss.audit.services import record
from cdss.consultations.models import Consultation, Evidence
from cdss.feedback.models import CaseDraft, Feedback
from cdss.library.field_values import RowError
from cdss.library.image_files import readable_copies
from cdss.library.models import Case, LibraryItem, Visibility
from cdss.library.recalls import CitedIn
from cdss.library.rows import CaseRow, ImageRow
from cdss.library.services import Target, case_upsert, collection_ensure
from cdss.verdicts import Confirmation, Verdict

COLLECTION = "Own confirmed cases"
SOURCE = "consultation"


class DraftError(ValueError):
    """A case that cannot be made; the message is for who asked for it."""


def may_draft(user: User, consultation: Consultation) -> bool:
    """Its clinician, and educators who may read it."""
    if consultation.is_withheld or not user.is_active:
        return False
    visible = Consultation.objects.for_user(user).filter(pk=consultation.pk).exists()
    return visible and (consultation.user_id == user.pk or user.role == Role.EDUCATOR)


def draft_is_open(consultation: Consultation, user: User) -> bool:
    """Whether this reader may follow the link to the case."""
    return Case.objects.viewable_by(user).filter(made_from__consultation=consultation).exists()


def confirmed_diagnosis(consultation: Consultation) -> Feedback | None:
    """The newest final diagnosis that says how it was confirmed."""
    said = consultation.feedback.filter(verdict=Verdict.FINAL).exclude(confirmed_by="")
    return said.order_by("-created", "-pk").first()


@transaction.atomic
def case_draft(*, consultation: Consultation, by: User) -> Case:
    """De-identified once more, as a draft that nothing finds until an editor publishes it. Asked again, the same."""
    row = Consultation.objects.select_for_update().get(pk=consultation.pk)
    if not may_draft(by, row):
        raise DraftError("A case is made by who asked for the consultation, or by an educator who may read it.")
    if made := CaseDraft.objects.filter(consultation=row).select_related("case").first():
        return made.case
    final = confirmed_diagnosis(row)
    if final is None:
        raise DraftError("Enter the final diagnosis and how it was confirmed first.")
    collection = collection_ensure(name=COLLECTION, description="Made of consultations whose diagnosis was confirmed.")
    target = Target(collection=collection, owner=by, visibility=Visibility.PUBLIC)
    try:
        with readable_copies() as copied:
            stored = case_upsert(row=_case_row(row, final, copied), target=target)
    except RowError as error:
        raise DraftError(f"This consultation makes no case: {error}.") from error
    case = Case.objects.get(pk=stored.item)
    CaseDraft.objects.create(consultation=row, case=case, by=by)
    record(action="consultation.case_drafted", by=by, obj=row, details={"case": case.pk, "images": stored.images})
    return case


def _case_row(consultation: Consultation, final: Feedback, copied: Callable[[str, int], tuple[Path, ...]]) -> CaseRow:
    return CaseRow(
        source_name=SOURCE,
        source_id=str(consultation),
        title=final.final_diagnosis,
        age=consultation.age,
        sex=consultation.sex,
        history=consultation.history,
        exam=consultation.exam,
        findings=consultation.findings,
        diagnosis=final.final_diagnosis,
        diagnosis_by=str(Confirmation(final.confirmed_by).label),
        images=tuple(
            ImageRow(files=copied(str(image.file.name), image.frames), modality=image.modality)
            for image in consultation.images.all()
        ),
    )


def drafts_citing(item: LibraryItem) -> list[CitedIn]:
    """Cases made of a consultation that cites the item."""
    cited = Evidence.objects.filter(item=item.pk, citations__isnull=False).values("consultation")
    drafts = CaseDraft.objects.filter(consultation__in=cited).select_related("case__owner").order_by("pk")
    return [
        CitedIn("case", f"Case {made.case.source_id}", reverse("library:case", args=[made.case_id]), (made.case.owner,))
        for made in drafts
        if made.case.owner
    ]
