from collections.abc import Mapping
from dataclasses import asdict

from django.db import transaction

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.audit.chain import printable
from cdss.audit.location import client_address
from cdss.audit.services import record
from cdss.consultations.models import Consultation, Diagnosis, Evidence, Statement
from cdss.exports import Exported
from cdss.feedback.models import Confirmation, Feedback, Reason, Verdict
from cdss.library.deidentify import deidentify

ON_CLAIMS = (Verdict.AGREE, Verdict.DISAGREE, Verdict.WRONG, Verdict.UNSAFE)
ON_EVIDENCE = (Verdict.RELEVANT, Verdict.NOT_RELEVANT)
NEEDS_REASON = (Verdict.DISAGREE, Verdict.WRONG, Verdict.UNSAFE)
MAX_COMMENT = 2000
Target = Statement | Diagnosis | Evidence


class FeedbackError(ValueError):
    """Feedback that cannot be kept; the message is for the person who gave it."""


@transaction.atomic
def feedback_give(
    *,
    by: User,
    consultation: Consultation,
    verdict: str,
    statement: Statement | None = None,
    diagnosis: Diagnosis | None = None,
    evidence: Evidence | None = None,
    reason: str = "",
    comment: str = "",
    final_diagnosis: str = "",
    confirmed_by: str = "",
) -> Feedback:
    """One rater's word on a statement, a diagnosis, a piece of evidence, or the consultation when none is given."""
    if not may(by, Action.GIVE_FEEDBACK) or not Consultation.objects.for_user(by).filter(pk=consultation.pk).exists():
        raise FeedbackError("Feedback is given by the person who asked for the consultation.")
    target = _only_target(consultation, statement, diagnosis, evidence)
    _refuse_misfit(verdict, target, reason, comment, final_diagnosis, confirmed_by)
    given = Feedback.objects.create(
        consultation=consultation,
        user=by,
        role=by.role,
        location=by.location or client_address.get()[:100],
        statement=statement,
        diagnosis=diagnosis,
        evidence=evidence,
        verdict=verdict,
        reason=reason,
        comment=deidentify(comment.strip()).text,
        final_diagnosis=deidentify(final_diagnosis.strip()).text,
        confirmed_by=confirmed_by,
    )
    details = {"feedback": given.pk, "verdict": verdict, "reason": reason}
    if target is not None:
        details[target._meta.model_name or "target"] = target.pk
    record(action="feedback.given", by=by, obj=consultation, details=details)
    return given


def export_recorded(*, by: User | None, form: str, exported: Exported, filters: Mapping[str, object]) -> None:
    used = {name: printable(str(value)) for name, value in filters.items() if value}
    record(action="feedback.exported", by=by, details={"format": form, **asdict(exported), "filters": used})


def _only_target(
    consultation: Consultation, statement: Statement | None, diagnosis: Diagnosis | None, evidence: Evidence | None
) -> Target | None:
    targets = [target for target in (statement, diagnosis, evidence) if target is not None]
    if len(targets) > 1:
        raise FeedbackError("Give feedback on one thing at a time.")
    if not targets:
        return None
    if _consultation_of(targets[0]) != consultation.pk:
        raise FeedbackError("This belongs to another consultation.")
    return targets[0]


def _consultation_of(target: Target) -> int:
    if isinstance(target, Statement):
        return target.diagnosis.answer.consultation_id
    return target.answer.consultation_id if isinstance(target, Diagnosis) else target.consultation_id


def _refuse_misfit(
    verdict: str, target: object, reason: str, comment: str, final_diagnosis: str, confirmed_by: str
) -> None:
    if isinstance(target, Evidence):
        fitting: tuple[Verdict, ...] = ON_EVIDENCE
    else:
        fitting = ON_CLAIMS if target is not None else (*ON_CLAIMS, Verdict.FINAL)
    if verdict not in fitting:
        raise FeedbackError("Here one of these fits: " + ", ".join(choice.label for choice in fitting) + ".")
    if reason and reason not in Reason.values:
        raise FeedbackError("Choose a reason from the list.")
    if verdict in NEEDS_REASON and not reason:
        raise FeedbackError("Choose a reason: it is what makes this useful to others.")
    if reason == Reason.OTHER and not comment.strip():
        raise FeedbackError("Say in a few words what the other reason is.")
    if len(comment) > MAX_COMMENT:
        raise FeedbackError(f"The comment has {len(comment)} characters; {MAX_COMMENT} are kept at most.")
    if (verdict == Verdict.FINAL) != bool(final_diagnosis.strip()):
        raise FeedbackError("Write the final diagnosis.")
    if len(final_diagnosis) > 300:
        raise FeedbackError("Write the final diagnosis in at most 300 characters.")
    if confirmed_by and (verdict != Verdict.FINAL or confirmed_by not in Confirmation.values):
        raise FeedbackError("Choose from the list how the final diagnosis was confirmed.")
