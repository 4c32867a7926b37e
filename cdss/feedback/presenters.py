"""What the feedback partials show, on the result page and when htmx swaps one of them."""

from typing import Any

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.consultations.models import Consultation, Diagnosis, Evidence, Statement
from cdss.feedback.models import Confirmation, Verdict
from cdss.feedback.services import NEEDS_REASON, ON_CLAIMS, ON_EVIDENCE
from cdss.feedback.targets import NOTHING, FeedbackByTarget

ICONS = {
    Verdict.AGREE: "check",
    Verdict.DISAGREE: "minus",
    Verdict.WRONG: "cross",
    Verdict.UNSAFE: "warning",
    Verdict.RELEVANT: "check",
    Verdict.NOT_RELEVANT: "cross",
}


def buttons_context(
    *,
    consultation: Consultation,
    user: User,
    given: FeedbackByTarget,
    statement: Statement | None = None,
    diagnosis: Diagnosis | None = None,
    evidence: Evidence | None = None,
) -> dict[str, Any]:
    kind, target = _target(consultation, statement, diagnosis, evidence)
    said = given.get((kind, target.pk), NOTHING)
    verdicts = ON_EVIDENCE if kind == "evidence" else ON_CLAIMS
    return {
        "consultation": consultation,
        "kind": kind,
        "target": target,
        "said": said,
        "own": said.own,
        "own_verdict": said.own.verdict if said.own else "",
        "at_once": [(verdict, ICONS[verdict]) for verdict in verdicts if verdict not in NEEDS_REASON],
        "with_reason": [(verdict, ICONS[verdict]) for verdict in verdicts if verdict in NEEDS_REASON],
        "may_give": may_give(user, consultation),
    }


def final_context(*, consultation: Consultation, user: User, given: FeedbackByTarget) -> dict[str, Any]:
    said = given.get(("final", consultation.pk), NOTHING)
    return {
        "consultation": consultation,
        "last": said.last,
        "confirmations": Confirmation.choices,
        "may_give": may_give(user, consultation),
    }


def may_give(user: User, consultation: Consultation) -> bool:
    return may(user, Action.GIVE_FEEDBACK) and consultation.user_id == user.pk


def _target(
    consultation: Consultation, statement: Statement | None, diagnosis: Diagnosis | None, evidence: Evidence | None
) -> tuple[str, Consultation | Statement | Diagnosis | Evidence]:
    if statement is not None:
        return "statement", statement
    if diagnosis is not None:
        return "diagnosis", diagnosis
    return ("evidence", evidence) if evidence is not None else ("consultation", consultation)
