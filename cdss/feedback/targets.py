"""What was said of each part of one consultation, read once for the whole page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from cdss.accounts.models import User
from cdss.consultations.models import Consultation
from cdss.feedback.models import Feedback, Verdict

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class TargetFeedback:
    """The user's own last word, the last of anyone, and how many raters' last word is each verdict."""

    own: Feedback | None = None
    last: Feedback | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def shown_counts(self) -> list[tuple[str, int]]:
        return [(choice.label, self.counts[choice.value]) for choice in Verdict if self.counts.get(choice.value)]


FeedbackByTarget = Mapping[Key, TargetFeedback]
NOTHING = TargetFeedback()


def feedback_by_target(consultation: Consultation, user: User) -> FeedbackByTarget:
    """One query. Keys are ("statement" | "diagnosis" | "evidence" | "consultation" | "final", id)."""
    of_rater: dict[Key, dict[int, Feedback]] = {}
    for given in Feedback.objects.filter(consultation=consultation).order_by("created", "pk"):
        raters = of_rater.setdefault(key_of(given), {})
        # Taken out first, so that the newest stands last.
        raters.pop(given.user_id, None)
        raters[given.user_id] = given
    return {key: _target_feedback(raters, user) for key, raters in of_rater.items()}


def _target_feedback(raters: Mapping[int, Feedback], user: User) -> TargetFeedback:
    words = list(raters.values())
    return TargetFeedback(raters.get(user.pk), words[-1], Counter(given.verdict for given in words))


def key_of(given: Feedback) -> Key:
    if given.statement_id:
        return "statement", given.statement_id
    if given.diagnosis_id:
        return "diagnosis", given.diagnosis_id
    if given.evidence_id:
        return "evidence", given.evidence_id
    # The final diagnosis and a verdict on the whole are two words on two things.
    return "final" if given.verdict == Verdict.FINAL else "consultation", given.consultation_id
