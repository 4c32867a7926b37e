"""What clinicians said that a ranking can be learned from: the last word of each rater on each thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cdss.consultations.models import Consultation
from cdss.consultations.simulated import of_people
from cdss.feedback.models import Feedback, Verdict
from cdss.feedback.targets import key_of
from cdss.reasoning.concepts import concept_of
from cdss.verdicts import Confirmation

# How much a confirmed diagnosis counts beside a published case, by how it was confirmed.
SURE: Mapping[str, float] = {
    Confirmation.HISTOLOGY: 1.0,
    Confirmation.AUTOPSY: 1.0,
    Confirmation.LABORATORY: 1.0,
    Confirmation.SURGERY: 1.0,
    Confirmation.CONSENSUS: 0.7,
    Confirmation.IMAGING: 0.6,
    Confirmation.COURSE: 0.5,
}
NOT_SAID_HOW = 0.3


@dataclass(frozen=True, slots=True)
class Confirmed:
    name: str
    count: float


@dataclass(frozen=True, slots=True)
class Votes:
    """Of the evidence of one kind of a consultation: the share of raters who called an item relevant."""

    consultation: Consultation
    kind: str
    relevance: Mapping[int, float]
    raters: int


def confirmed_diagnoses(consultations: Iterable[int] | None = None) -> dict[int, Confirmed]:
    """By consultation. Where raters confirm different diseases, the better confirmed one; none where they tie."""
    sure: dict[int, dict[str, list[Confirmed]]] = defaultdict(lambda: defaultdict(list))
    for given in _last_words([Verdict.FINAL], consultations):
        if concept := concept_of(given.final_diagnosis):
            count = SURE.get(given.confirmed_by, NOT_SAID_HOW)
            sure[given.consultation_id][concept.key].append(Confirmed(given.final_diagnosis, count))
    return {pk: best for pk, said in sure.items() if (best := _best(said))}


def relevance_votes() -> list[Votes]:
    """Every group of votes in which one item was called more relevant than another."""
    votes: dict[tuple[int, str], dict[int, list[tuple[int, bool]]]] = defaultdict(lambda: defaultdict(list))
    asked: dict[int, Consultation] = {}
    for given in _last_words([Verdict.RELEVANT, Verdict.NOT_RELEVANT]):
        evidence = given.evidence
        if evidence is None or evidence.item_id is None:
            continue
        asked[given.consultation_id] = given.consultation
        vote = (given.user_id, given.verdict == Verdict.RELEVANT)
        votes[given.consultation_id, evidence.kind][evidence.item_id].append(vote)
    found = [_votes(asked[pk], kind, items) for (pk, kind), items in votes.items()]
    return [each for each in found if min(each.relevance.values()) < max(each.relevance.values())]


def _votes(consultation: Consultation, kind: str, items: Mapping[int, list[tuple[int, bool]]]) -> Votes:
    shares = {item: sum(yes for _, yes in said) / len(said) for item, said in items.items()}
    return Votes(consultation, kind, shares, len({rater for said in items.values() for rater, _ in said}))


def _last_words(verdicts: list[Verdict], consultations: Iterable[int] | None = None) -> list[Feedback]:
    rows = Feedback.objects.filter(verdict__in=verdicts).select_related("consultation__user", "evidence")
    rows = of_people(rows, "user", "consultation__user")
    if consultations is not None:
        rows = rows.filter(consultation__in=list(consultations))
    last = {(*key_of(given), given.user_id): given for given in rows.order_by("created", "pk")}
    return list(last.values())


def _best(said: Mapping[str, list[Confirmed]]) -> Confirmed | None:
    totals = {concept: sum(each.count for each in found) for concept, found in said.items()}
    highest = max(totals.values())
    winners = [concept for concept, total in totals.items() if total == highest]
    return max(said[winners[0]], key=lambda each: each.count) if len(winners) == 1 else None
