"""What can be said of what."""

from collections.abc import Mapping

from cdss.consultations.models import Citation, Diagnosis, Evidence, Statement
from cdss.verdicts import Confirmation, Reason, Verdict

Target = Statement | Diagnosis | Evidence | Citation

ON_CLAIMS = (Verdict.AGREE, Verdict.USEFUL, Verdict.DISAGREE, Verdict.WRONG, Verdict.UNSAFE)
ON_CITATIONS = (Verdict.AGREE, Verdict.WRONG, Verdict.UNSAFE)
ON_EVIDENCE = (Verdict.RELEVANT, Verdict.NOT_RELEVANT, Verdict.WRONG, Verdict.UNSAFE)
ON_THE_WHOLE = (Verdict.AGREE, Verdict.USEFUL, Verdict.NOT_USEFUL, Verdict.DISAGREE, Verdict.WRONG, Verdict.UNSAFE)
FITTING: Mapping[str, tuple[Verdict, ...]] = {
    "statement": ON_CLAIMS,
    "diagnosis": ON_CLAIMS,
    "citation": ON_CITATIONS,
    "evidence": ON_EVIDENCE,
    "consultation": (*ON_THE_WHOLE, Verdict.FINAL),
}
NEEDS_REASON = (Verdict.DISAGREE, Verdict.WRONG, Verdict.UNSAFE)
MAX_COMMENT = 2000
MAX_NAME = 300


class FeedbackError(ValueError):
    """Feedback that cannot be kept; the message is for the person who gave it."""


def kind_of(target: Target | None) -> str:
    return "consultation" if target is None else str(target._meta.model_name)


def refuse_misfit(
    *,
    verdict: str,
    target: Target | None,
    reason: str,
    comment: str,
    correction: str,
    final_diagnosis: str,
    confirmed_by: str,
) -> None:
    fitting = FITTING[kind_of(target)]
    if verdict not in fitting:
        raise FeedbackError("Here one of these fits: " + ", ".join(choice.label for choice in fitting) + ".")
    if reason and reason not in Reason.values:
        raise FeedbackError("Choose a reason from the list.")
    if verdict in NEEDS_REASON and not reason:
        raise FeedbackError("Choose a reason: it is what makes this useful to others.")
    if reason == Reason.OTHER and not comment.strip():
        raise FeedbackError("Say in a few words what the other reason is.")
    for name, text in (("comment", comment), ("correction", correction)):
        if len(text) > MAX_COMMENT:
            raise FeedbackError(f"The {name} has {len(text)} characters; {MAX_COMMENT} are kept at most.")
    if (verdict == Verdict.FINAL) != bool(final_diagnosis.strip()):
        raise FeedbackError("Write the final diagnosis.")
    if len(final_diagnosis) > MAX_NAME:
        raise FeedbackError(f"Write the final diagnosis in at most {MAX_NAME} characters.")
    if confirmed_by and (verdict != Verdict.FINAL or confirmed_by not in Confirmation.values):
        raise FeedbackError("Choose from the list how the final diagnosis was confirmed.")
