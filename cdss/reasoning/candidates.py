"""Candidate diagnoses out of what was retrieved, one entry per concept, scored by the evidence for each."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdss.reasoning.concepts import Concept, concept_of, dangerous_concepts, looks_like_a_diagnosis
from cdss.reasoning.types import Candidate, Lead

CONFIRMED = 1.0
LISTED = 0.1
KIND_WEIGHT = {"literature": 1.0, "guideline": 0.5, "case": 0.4}
# Relevance counts more than in proportion, and each further item for the same diagnosis adds less than the one before:
# a library that holds a disease twenty times must not outvote the one item that fits.
SHARPNESS = 2.0
FURTHER_ITEM = 0.3
MAX_LISTED = 8

_ASIDE = re.compile(r"\s*[(\[].*?[)\]]\s*")


@dataclass(slots=True)
class _Tally:
    concept: Concept
    name: str
    votes: list[tuple[float, int]] = field(default_factory=list)

    def score(self) -> float:
        # One vote per item, its strongest: an item that gives a concept two names is still one item.
        best: dict[int, float] = {}
        for vote, item in self.votes:
            best[item] = max(vote, best.get(item, 0.0))
        ordered = sorted(best.values(), reverse=True)
        return sum(vote * FURTHER_ITEM**place for place, vote in enumerate(ordered))

    def items(self) -> list[int]:
        return list(dict.fromkeys(item for _, item in sorted(self.votes, key=lambda vote: (-vote[0], vote[1]))))


def names_of_case(diagnosis: str, topic_title: str, differential: Sequence[str]) -> list[tuple[str, float]]:
    confirmed = [(name, CONFIRMED) for name in (topic_title, diagnosis) if name]
    listed = [(name, LISTED) for name in differential[:MAX_LISTED] if isinstance(name, str) and name]
    return confirmed + listed


def names_of_document(title: str) -> list[tuple[str, float]]:
    return [(title, CONFIRMED)] if looks_like_a_diagnosis(title) else []


def propose(leads: Sequence[Lead], *, limit: int = 10) -> list[Candidate]:
    tallies: dict[str, _Tally] = {}
    for lead in sorted(leads, key=lambda lead: (-lead.relevance, lead.item)):
        strength = KIND_WEIGHT[lead.kind] * max(lead.relevance, 0.0) ** SHARPNESS
        for name, weight in lead.names:
            concept = concept_of(name)
            if concept and strength > 0:
                tally = tallies.setdefault(concept.key, _Tally(concept, display_name(name)))
                tally.votes.append((strength * weight, lead.item))
    scores = {key: tally.score() for key, tally in tallies.items()}
    ranked = sorted(tallies.values(), key=lambda tally: (-scores[tally.concept.key], tally.concept.key))[:limit]
    total = max(scores.values(), default=1.0)
    return [_candidate(tally, scores[tally.concept.key] / total) for tally in ranked]


def _candidate(tally: _Tally, score: float) -> Candidate:
    return Candidate(
        name=tally.name,
        concept=tally.concept.key,
        score=round(score, 4),
        items=tally.items(),
        codes=tally.concept.codes,
        must_not_miss=tally.concept.key in dangerous_concepts(),
    )


def display_name(name: str) -> str:
    shown = _ASIDE.sub(" ", name).strip(" .,;") or name.strip()
    return shown[:1].upper() + shown[1:]


def relevance_within(scores: Mapping[int, Mapping[str, float]]) -> dict[int, float]:
    """Scores of one kind's items to 0–1: dense and lexical each from the weakest found to the best, then averaged."""
    relevance: defaultdict[int, float] = defaultdict(float)
    for measure in ("dense", "lexical"):
        values = {item: parts[measure] for item, parts in scores.items() if measure in parts}
        for item, share in weakest_to_best(values).items():
            relevance[item] += 0.5 * share
    return dict(relevance)


def weakest_to_best(values: Mapping[int, float]) -> dict[int, float]:
    """Values to 0–1, from the weakest to the best; all 1 when they are equal."""
    low, high = min(values.values(), default=0.0), max(values.values(), default=0.0)
    return {item: (value - low) / (high - low) if high > low else 1.0 for item, value in values.items()}
