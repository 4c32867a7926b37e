from collections.abc import Mapping
from dataclasses import asdict

from django.db import transaction

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.audit.chain import printable
from cdss.audit.location import client_address
from cdss.audit.services import record
from cdss.consultations.models import Citation, Consultation, Diagnosis, Evidence, Statement
from cdss.exports import Exported
from cdss.feedback.fit import FeedbackError, Target, refuse_misfit
from cdss.feedback.gaps import OVERRIDES, overridden
from cdss.feedback.models import Feedback
from cdss.feedback.telling import tell_of_unsafe
from cdss.library.deidentify import deidentify
from cdss.library.disputes import dispute_vote, dispute_withdraw
from cdss.library.models import LibraryItem
from cdss.reasoning import concepts
from cdss.verdicts import Reason, Verdict

__all__ = ["FeedbackError", "export_recorded", "feedback_give"]

DISPUTING = (Verdict.WRONG, Verdict.UNSAFE)


def feedback_give(
    *,
    by: User,
    consultation: Consultation,
    verdict: str,
    statement: Statement | None = None,
    diagnosis: Diagnosis | None = None,
    evidence: Evidence | None = None,
    citation: Citation | None = None,
    reason: str = "",
    comment: str = "",
    correction: str = "",
    final_diagnosis: str = "",
    confirmed_by: str = "",
) -> Feedback:
    """One rater's word on a part of a consultation, or on the whole when no part is given. What follows from it (a
    disputed passage, notices, a gap of the library) is kept with it."""
    if not may(by, Action.GIVE_FEEDBACK) or not Consultation.objects.for_user(by).filter(pk=consultation.pk).exists():
        raise FeedbackError("Feedback is given by the person who asked for it, and by who was asked to rate it.")
    if Consultation.objects.withheld().filter(pk=consultation.pk).exists():
        raise FeedbackError("Write your own differential first: there is nothing to speak of yet.")
    target = _only_target(consultation, statement, diagnosis, evidence, citation)
    refuse_misfit(
        verdict=verdict,
        target=target,
        reason=reason,
        comment=comment,
        correction=correction,
        final_diagnosis=final_diagnosis,
        confirmed_by=confirmed_by,
    )
    if verdict in (Verdict.FINAL, *OVERRIDES):
        # Made for the first time, the vocabularies take longer than other writers wait for this one.
        concepts.warm()
    with transaction.atomic():
        given = Feedback.objects.create(
            consultation=consultation,
            user=by,
            role=by.role,
            location=by.location or client_address.get()[:100],
            statement=statement,
            diagnosis=diagnosis,
            evidence=evidence,
            citation=citation,
            verdict=verdict,
            reason=reason,
            comment=deidentify(comment.strip()).text,
            correction=deidentify(correction.strip()).text,
            final_diagnosis=deidentify(final_diagnosis.strip()).text[:300],
            confirmed_by=confirmed_by,
        )
        _dispute(given)
        overridden(given)
        details = {"feedback": given.pk, "verdict": verdict, "reason": reason}
        if target is not None:
            details[target._meta.model_name or "target"] = target.pk
        record(action="feedback.given", by=by, obj=consultation, details=details)
        if verdict == Verdict.UNSAFE:
            tell_of_unsafe(given)
    return given


def export_recorded(*, by: User | None, form: str, exported: Exported, filters: Mapping[str, object]) -> None:
    used = {name: printable(str(value)) for name, value in filters.items() if value}
    record(action="feedback.exported", by=by, details={"format": form, **asdict(exported), "filters": used})


def _dispute(given: Feedback) -> None:
    """A word against a passage marks it wherever it is cited; the same rater's better word takes it back."""
    item, quote = _passage_of(given)
    if item is None:
        return
    if given.verdict in DISPUTING or given.reason == Reason.NOT_IN_SOURCE:
        dispute_vote(item=item, quote=quote, by=given.user, verdict=given.verdict, reason=given.reason)
    else:
        dispute_withdraw(item=item, quote=quote, by=given.user)


def _passage_of(given: Feedback) -> tuple[LibraryItem | None, str]:
    if given.citation is not None:
        return given.citation.evidence.item, given.citation.quote
    return (given.evidence.item, "") if given.evidence is not None else (None, "")


def _only_target(consultation: Consultation, *named: Target | None) -> Target | None:
    targets = [target for target in named if target is not None]
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
    if isinstance(target, Citation):
        return target.evidence.consultation_id
    return target.answer.consultation_id if isinstance(target, Diagnosis) else target.consultation_id
