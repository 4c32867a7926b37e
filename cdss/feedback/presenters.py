"""What the feedback partials show, on the result page and when htmx swaps one of them."""

from typing import Any

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.consultations.models import Citation, Consultation, Diagnosis, Evidence, Statement
from cdss.feedback.agreement.raters import agreement_of_all_kinds
from cdss.feedback.drafting import confirmed_diagnosis, draft_is_open, may_draft
from cdss.feedback.fit import FITTING, NEEDS_REASON, kind_of
from cdss.feedback.models import CaseDraft, Verdict
from cdss.feedback.targets import NOTHING, FeedbackByTarget
from cdss.verdicts import Confirmation

ICONS = {
    Verdict.AGREE: "check",
    Verdict.USEFUL: "thumb-up",
    Verdict.NOT_USEFUL: "minus",
    Verdict.DISAGREE: "minus",
    Verdict.WRONG: "cross",
    Verdict.UNSAFE: "warning",
    Verdict.RELEVANT: "check",
    Verdict.NOT_RELEVANT: "minus",
}
# Taken from scripts and earlier pages, not asked for here.
NOT_SHOWN = {"consultation": (Verdict.FINAL, Verdict.AGREE, Verdict.DISAGREE), "diagnosis": (), "statement": ()}
WORDS = {("citation", Verdict.AGREE): "Says it"}


def buttons_context(
    *,
    consultation: Consultation,
    user: User,
    given: FeedbackByTarget,
    statement: Statement | None = None,
    diagnosis: Diagnosis | None = None,
    evidence: Evidence | None = None,
    citation: Citation | None = None,
) -> dict[str, Any]:
    part = statement or diagnosis or evidence or citation
    kind, target = kind_of(part), part or consultation
    said = given.get((kind, target.pk), NOTHING)
    verdicts = [verdict for verdict in FITTING[kind] if verdict not in NOT_SHOWN.get(kind, ())]
    shown = [(verdict, ICONS[verdict], WORDS.get((kind, verdict), verdict.label)) for verdict in verdicts]
    return {
        "consultation": consultation,
        "kind": kind,
        "target": target,
        "said": said,
        "own": said.own,
        "own_verdict": said.own.verdict if said.own else "",
        "at_once": [each for each in shown if each[0] not in NEEDS_REASON],
        "with_reason": [each for each in shown if each[0] in NEEDS_REASON],
        "may_give": may_give(user, consultation),
    }


def final_context(*, consultation: Consultation, user: User, given: FeedbackByTarget) -> dict[str, Any]:
    said = given.get(("final", consultation.pk), NOTHING)
    return {
        "consultation": consultation,
        "last": said.last,
        **(draft_context(consultation, user) if said.last else {}),
        "confirmations": Confirmation.choices,
        "may_give": may_give(user, consultation),
    }


def draft_context(consultation: Consultation, user: User) -> dict[str, Any]:
    draft = CaseDraft.objects.filter(consultation=consultation).select_related("case").first()
    if draft:
        return {"draft": draft, "draft_open": draft_is_open(consultation, user)}
    return {"may_draft": may_draft(user, consultation) and confirmed_diagnosis(consultation) is not None}


def agreement_context(*, user: User, given: FeedbackByTarget) -> dict[str, Any]:
    """Nothing until the reader has spoken too: a rater who knows the others' word is no second rater."""
    rated = {key: said.by_rater for key, said in given.items() if key[0] != "final"}
    may_know = may(user, Action.EXPORT_FEEDBACK) or any(user.username in said for said in rated.values())
    raters = {name for said in rated.values() for name in said}
    if not may_know or len(raters) < 2:
        return {"agreement": None}
    return {"agreement": agreement_of_all_kinds(rated), "raters": len(raters)}


def may_give(user: User, consultation: Consultation) -> bool:
    """Whoever may read it and gives feedback at all: who asked, and who was asked to rate it."""
    return may(user, Action.GIVE_FEEDBACK) and not consultation.is_withheld
