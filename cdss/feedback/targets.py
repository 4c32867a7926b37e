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
    """The user's own last word, the last of anyone, every rater's, and how many of them said each verdict."""

    own: Feedback | None = None
    last: Feedback | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    by_rater: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown_counts(self) -> list[tuple[str, int]]:
        return [(choice.label, self.counts[choice.value]) for choice in Verdict if self.counts.get(choice.value)]


FeedbackByTarget = Mapping[Key, TargetFeedback]
NOTHING = TargetFeedback()


def feedback_by_target(consultation: Consultation, user: User) -> FeedbackByTarget:
    """One query. Keys are ("statement" | "diagnosis" | "citation" | "evidence" | "consultation" | "final", id)."""
    of_rater: dict[Key, dict[int, Feedback]] = {}
    given_here = Feedback.objects.filter(consultation=consultation).select_related("user")
    for given in given_here.order_by("created", "pk"):
        raters = of_rater.setdefault(key_of(given), {})
        # Taken out first, so that the newest stands last.
        raters.pop(given.user_id, None)
        raters[given.user_id] = given
    return {key: _target_feedback(raters, user) for key, raters in of_rater.items()}


def _target_feedback(raters: Mapping[int, Feedback], user: User) -> TargetFeedback:
    words = list(raters.values())
    return TargetFeedback(
        own=raters.get(user.pk),
        last=words[-1],
        counts=Counter(given.verdict for given in words),
        by_rater={given.user.username: given.verdict for given in words},
    )


def key_of(given: Feedback) -> Key:
    return key_of_ids(
        given.statement_id,
        given.diagnosis_id,
        given.evidence_id,
        given.citation_id,
        given.consultation_id,
        given.verdict,
    )


def key_of_ids(
    statement: int | None,
    diagnosis: int | None,
    evidence: int | None,
    citation: int | None,
    consultation: int,
    verdict: str,
) -> Key:
    parts = (("statement", statement), ("diagnosis", diagnosis), ("evidence", evidence), ("citation", citation))
    for kind, pk in parts:
        if pk:
            return kind, pk
    # The final diagnosis and a verdict on the whole are two words on two things.
    return "final" if verdict == Verdict.FINAL else "consultation", consultation
