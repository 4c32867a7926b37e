"""The clinician's own differential: before the answer is shown, and after it was read."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.consultations.models import Consultation, OwnDiagnosis, Stage, Status
from cdss.consultations.shown import answer_shown
from cdss.library.deidentify import deidentify
from cdss.reasoning.concepts import concept_of

MOST = 10
MAX_NAME = 300
# A name as it was written, and its concept.
OwnName = tuple[str, str]


class OwnDifferentialError(ValueError):
    """An own differential that cannot be kept; the message is for who wrote it."""


def differential_commit(*, consultation: Consultation, by: User, names: Sequence[str]) -> None:
    """Keeps what the clinician thinks before the answer is shown, and shows it. What was committed stays."""
    written = _written(names)
    with transaction.atomic():
        _commit(_own_row(consultation, by), by, written)


def _commit(row: Consultation, by: User, written: Sequence[OwnName]) -> None:
    if not row.is_withheld:
        return
    if row.status == Status.REVIEW:
        raise OwnDifferentialError("Review the findings first.")
    _keep(row, Stage.BEFORE, written)
    row.committed = timezone.now()
    row.save(update_fields=["committed"])
    record(action="consultation.committed", by=by, obj=row, details={"diagnoses": row.own_diagnoses.count()})
    if row.is_finished:
        answer_shown(row)


def differential_afterwards(*, consultation: Consultation, by: User, names: Sequence[str]) -> None:
    """Keeps what the clinician thinks after reading the answer, once: the first word after it is what is measured."""
    written = _written(names)
    with transaction.atomic():
        _afterwards(_own_row(consultation, by), by, written)


def _afterwards(row: Consultation, by: User, written: Sequence[OwnName]) -> None:
    if row.committed is None or not row.is_finished:
        raise OwnDifferentialError("Read the answer first.")
    if row.own_diagnoses.filter(stage=Stage.AFTER).exists():
        raise OwnDifferentialError("This was kept already and stays as it is. The final diagnosis can be entered anew.")
    _keep(row, Stage.AFTER, written)
    kept = list(row.own_diagnoses.order_by("rank").values_list("stage", "rank", "concept"))
    first = {stage: concept for stage, rank, concept in kept if rank == 1}
    details = {"first_changed": first[Stage.BEFORE] != first[Stage.AFTER]}
    record(action="consultation.own_after", by=by, obj=row, details=details)


def _own_row(consultation: Consultation, by: User) -> Consultation:
    row = Consultation.objects.select_for_update().get(pk=consultation.pk)
    if row.user_id != by.pk:
        raise OwnDifferentialError("Only who asked for the consultation writes an own differential.")
    return row


def _written(names: Sequence[str]) -> list[OwnName]:
    """De-identified names with their concepts, worked out before anything is locked."""
    written = list(dict.fromkeys(deidentify(" ".join(name.split())).text for name in names if name.strip()))
    if not written:
        raise OwnDifferentialError("Write at least one diagnosis, the most likely first.")
    if len(written) > MOST or any(len(name) > MAX_NAME for name in written):
        raise OwnDifferentialError(f"At most {MOST} diagnoses of {MAX_NAME} characters each are kept.")
    return [(name, _concept(name)) for name in written]


def _keep(row: Consultation, stage: str, written: Sequence[OwnName]) -> None:
    OwnDiagnosis.objects.bulk_create(
        OwnDiagnosis(consultation=row, stage=stage, rank=rank, name=name, concept=concept)
        for rank, (name, concept) in enumerate(written, 1)
    )


def _concept(name: str) -> str:
    concept = concept_of(name)
    return concept.key[:MAX_NAME] if concept else ""
