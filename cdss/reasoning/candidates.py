"""Candidate diagnoses out of what was retrieved, one entry per concept, weighed by the evidence for each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cdss.reasoning.concepts import Concept, concept_of, dangerous_concepts, looks_like_a_diagnosis
from cdss.reasoning.patients import ANYONE, Patient, is_impossible
from cdss.reasoning.ranking import DiagnosisModel, features_of, likelihood_word, packaged_model
from cdss.reasoning.types import CONFIRMED, Candidate, Lead
from retrieval.types import Floats, Mask

LISTED = 0.1
KIND_WEIGHT = {"literature": 1.0, "guideline": 0.5, "case": 0.4}
# Relevance counts more than in proportion, and each further item for the same diagnosis adds less than the one before:
# a library that holds a disease twenty times must not outvote the one item that fits.
SHARPNESS = 2.0
FURTHER_ITEM = 0.3
MAX_LISTED = 8
LIMIT = 10
# A dangerous diagnosis that the evidence merely does not rule out is shown below the others, where it shares both the
# part of the body and a finding with the case; among the first, one of the two marks it.
NEAR_FOR_THE_REST, NEAR_FOR_THE_FIRST = 2, 1
DANGER_FLOOR = 0.005
MAX_DANGEROUS = 3
# What anatomy or time rules out comes last, and is said to be no more likely than this: an entry may be wrong.
IMPOSSIBLE = 0.01

_ASIDE = re.compile(r"\s*[(\[].*?[)\]]\s*")


@dataclass(slots=True)
class _Tally:
    concept: Concept
    name: str
    sightings: list[tuple[Lead, float]] = field(default_factory=list)

    def is_of(self, patient: Patient) -> bool:
        return not is_impossible(self.concept, self.name, patient)

    def is_in_question(self, *, nearness: int) -> bool:
        """So near to the case at least, and no more of its findings against it than for it."""
        own = [lead for lead, weight in self.sightings if weight == CONFIRMED]
        against = max((lead.against for lead in own), default=0.0)
        explained = max((lead.explained for lead in own), default=0.0)
        is_denied = against > explained or any(lead.by_hand < 0 for lead in own)
        is_denied |= any(self.concept.key in lead.ruled_out for lead, _ in self.sightings)
        return not is_denied and any(lead.nearness >= nearness for lead, _ in self.sightings)

    def votes(self) -> float:
        # One vote per item, its strongest: an item that gives a concept two names is still one item.
        best: dict[int, float] = {}
        for lead, weight in self.sightings:
            best[lead.item] = max(_strength(lead) * weight, best.get(lead.item, 0.0))
        ordered = sorted(best.values(), reverse=True)
        return sum(vote * FURTHER_ITEM**place for place, vote in enumerate(ordered))

    def items(self) -> list[int]:
        ranked = sorted((-_strength(lead) * weight, lead.item) for lead, weight in self.sightings)
        return list(dict.fromkeys(item for _, item in ranked))


@dataclass(frozen=True, slots=True)
class JudgedCandidates:
    """Candidates with their (n, features), and which of them anatomy or time rules out."""

    names: Sequence[str]
    concepts: Sequence[str]
    table: Floats
    ruled_out: Mask

    def under(self, model: DiagnosisModel) -> tuple[Floats, Floats, list[int]]:
        """(n,) shares and (n,) chances under these weights, and the places of all, the likeliest first."""
        shares, chances = model.probabilities(self.table)
        chances = np.where(self.ruled_out, np.minimum(chances, IMPOSSIBLE), chances).round(4)
        order = sorted(
            range(len(self.names)),
            key=lambda place: (self.ruled_out[place], -round(float(shares[place]), 9), self.concepts[place]),
        )
        return shares, chances, order


def names_of_case(diagnosis: str, topic_title: str, differential: Sequence[str]) -> list[tuple[str, float]]:
    confirmed = [(name, CONFIRMED) for name in (topic_title, diagnosis) if name]
    listed = [(name, LISTED) for name in differential[:MAX_LISTED] if isinstance(name, str) and name]
    return confirmed + listed


def names_of_document(title: str) -> list[tuple[str, float]]:
    return [(title, CONFIRMED)] if looks_like_a_diagnosis(title) else []


def propose(leads: Sequence[Lead], *, limit: int = LIMIT, patient: Patient = ANYONE) -> list[Candidate]:
    """By the votes of the items alone: without a text there is nothing that a probability was learned on."""
    voted = [(votes, tally) for tally in _tallies(leads) if (votes := tally.votes()) > 0 and tally.is_of(patient)]
    ranked = sorted(voted, key=lambda one: (-one[0], one[1].concept.key))[:limit]
    return [_candidate(tally, votes / ranked[0][0]) for votes, tally in ranked]


def weigh(
    leads: Sequence[Lead],
    *,
    limit: int = LIMIT,
    model: DiagnosisModel | None = None,
    patient: Patient = ANYONE,
    breadth: int = 0,
) -> list[Candidate]:
    """By the probability learned on known cases; dangerous ones that are not ruled out follow, however low."""
    tallies, judged = _judged(leads, patient, breadth)
    _, chances, order = judged.under(model or packaged_model())
    ruled_out = judged.ruled_out
    rest = [
        place
        for place in order[limit:]
        if _is_dangerous(tallies[place])
        and not ruled_out[place]
        and chances[place] >= DANGER_FLOOR
        and tallies[place].is_in_question(nearness=NEAR_FOR_THE_REST)
    ]
    return [
        replace(
            _candidate(tallies[place], chances[place]),
            probability=float(chances[place]),
            must_not_miss=_is_dangerous(tallies[place])
            and not ruled_out[place]
            and tallies[place].is_in_question(nearness=NEAR_FOR_THE_FIRST),
            likelihood=likelihood_word(float(chances[place]), rank),
        )
        for rank, place in enumerate(order[:limit] + rest[:MAX_DANGEROUS], start=1)
    ]


def judged_candidates(leads: Sequence[Lead], patient: Patient, breadth: int) -> JudgedCandidates:
    """All that is suggested, before any weights: to learn them."""
    return _judged(leads, patient, breadth)[1]


def _judged(leads: Sequence[Lead], patient: Patient, breadth: int) -> tuple[list[_Tally], JudgedCandidates]:
    tallies = _tallies(leads)
    table = features_of(
        {tally.concept.key: [(lead, weight < CONFIRMED) for lead, weight in tally.sightings] for tally in tallies},
        breadth,
    )
    ruled_out = np.array([not tally.is_of(patient) for tally in tallies], dtype=bool)
    names, concepts = [tally.name for tally in tallies], [tally.concept.key for tally in tallies]
    return tallies, JudgedCandidates(names, concepts, table, ruled_out)


def _tallies(leads: Sequence[Lead]) -> list[_Tally]:
    tallies: dict[str, _Tally] = {}
    for lead in sorted(leads, key=lambda lead: (-lead.relevance, lead.item)):
        for name, weight in lead.names:
            if concept := concept_of(name):
                tally = tallies.setdefault(concept.key, _Tally(concept, display_name(name)))
                tally.sightings.append((lead, weight))
    return list(tallies.values())


def _strength(lead: Lead) -> float:
    return float(KIND_WEIGHT[lead.kind] * max(lead.relevance, 0.0) ** SHARPNESS)


def _candidate(tally: _Tally, score: float) -> Candidate:
    return Candidate(
        name=tally.name,
        concept=tally.concept.key,
        score=round(float(score), 4),
        items=tally.items(),
        codes=tally.concept.codes,
        must_not_miss=_is_dangerous(tally),
    )


def _is_dangerous(tally: _Tally) -> bool:
    return tally.concept.key in dangerous_concepts()


def display_name(name: str) -> str:
    shown = _ASIDE.sub(" ", name).strip(" .,;") or name.strip()
    return shown[:1].upper() + shown[1:]


def weakest_to_best(values: Mapping[int, float]) -> dict[int, float]:
    """Values to 0–1, from the weakest to the best; all 1 when they are equal."""
    low, high = min(values.values(), default=0.0), max(values.values(), default=0.0)
    return {item: (value - low) / (high - low) if high > low else 1.0 for item, value in values.items()}
