"""What the found texts say of this patient and of these findings, before anything is ranked by it."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from cdss.reasoning.concepts import concept_of, dangerous_concepts
from cdss.reasoning.dangers import ruled_out
from cdss.reasoning.matching import (
    KEPT_TEXTS,
    PAST,
    Finding,
    Sentence,
    findings_of,
    information_of,
    matches_of,
    sentences_of,
)
from cdss.reasoning.other_diseases import OtherDiseases
from cdss.reasoning.patients import Patient
from cdss.reasoning.populations import distance, populations
from cdss.reasoning.regions import far_apart, region_of, region_of_case, unlike
from cdss.reasoning.types import CONFIRMED, CaseInput, EvidenceText, Lead
from retrieval.terms import hedges

# As much of an item is read as of a piece of evidence, and only of what is closest.
READ_LIMIT = 6000
MOST_READ = 24
# One patient's age says less than what a text calls usual: so far from it is still near.
NEAR_A_CASE = 0.4
FARTHEST = 1.5
_LEFT_OPEN = ("possible", "rare")


@dataclass(frozen=True, slots=True)
class Item:
    """A found item as text, with the patient's age in years where it is a case."""

    kind: str
    text: str
    years: float | None = None


class _Counted(NamedTuple):
    explained: float
    against: float
    by_hand: float


def compared(leads: Sequence[Lead], items: Mapping[int, Item], case: CaseInput, patient: Patient) -> list[Lead]:
    nearest = sorted((lead for lead in leads if lead.item in items), key=lambda lead: (-lead.relevance, lead.item))
    dangerous = {lead.item: confirmed for lead in nearest if (confirmed := _danger_named(lead)) is not None}
    chosen = [*nearest[:MOST_READ], *(lead for lead in nearest[MOST_READ:] if dangerous.get(lead.item))]
    read = {lead.item: _sentences(lead.item, items[lead.item]) for lead in chosen}
    information = information_of([sentence for found in read.values() for sentence in found])
    findings = findings_of(case)
    region = region_of_case(case)
    names = {name for lead in nearest if (name := _name_of(lead))}
    out = tuple(sorted(ruled_out(case))) if dangerous else ()

    def as_compared(lead: Lead) -> Lead:
        if lead.item not in items:
            return lead
        item, name = items[lead.item], _name_of(lead)
        counted = _counted(findings, read.get(lead.item, ()), information, name, names)
        return replace(
            lead,
            explained=counted.explained,
            elsewhere=unlike(case, item.text[:READ_LIMIT], name) if lead.item in read else 0.0,
            against=counted.against,
            by_hand=counted.by_hand,
            far=_far(item, patient),
            nearness=_nearness(region, item, counted) if lead.item in dangerous else 0,
            ruled_out=out if lead.item in dangerous else (),
        )

    return [as_compared(lead) for lead in leads]


def _name_of(lead: Lead) -> str:
    return next((name for name, weight in lead.names if weight == CONFIRMED), "")


def _nearness(region: str, item: Item, counted: _Counted) -> int:
    """A part of the body that is not known for either rules nothing out, and is none in common either.

    Findings in common with a disease of quite another part of it ("pain", "an enhancing mass") are so by chance.
    """
    own = region_of(item.text)
    if far_apart(region, own):
        return 0
    if counted.explained > 0:
        return 2 if region and region == own else 1
    return int(not region or not own or region == own)


def _danger_named(lead: Lead) -> bool | None:
    """Whether it is about a dangerous diagnosis or merely lists one; None when it names none."""
    found = [
        weight == CONFIRMED
        for name, weight in lead.names
        if (concept := concept_of(name)) and concept.key in dangerous_concepts()
    ]
    return any(found) if found else None


def _sentences(item: int, read: Item) -> list[Sentence]:
    return sentences_of(EvidenceText(str(item), read.kind, "", "", read.text[:READ_LIMIT], 0.0))


def _counted(
    findings: Sequence[Finding],
    sentences: Sequence[Sentence],
    information: Mapping[str, float],
    name: str,
    names: Collection[str],
) -> _Counted:
    """Findings the text is for, and those it is against and never for; each once, a later one adding less."""
    matches = list(matches_of(findings, sentences, information))
    others = OtherDiseases(name, names if matches else ())
    own = [match for match in matches if not others.has(match.sentence.text)]
    spoken = {match.finding for match in own if match.stance == "for"}
    opposed = {match.finding for match in own if match.stance != "for" and _is_of_the_disease(match.sentence)}
    # That neither has a finding explains nothing.
    explained = {finding for finding in spoken if not finding.denied}
    against = opposed - spoken
    by_hand = sum(one.by_hand for one in explained) - sum(one.by_hand for one in against)
    return _Counted(_sum(explained), _sum(against), float(by_hand))


def _is_of_the_disease(sentence: Sentence) -> bool:
    """What one other patient had or had not rules nothing out, nor does what may be there or not."""
    return sentence.evidence.kind != "case" and hedges(sentence.text) not in _LEFT_OPEN


def _sum(findings: Collection[Finding]) -> float:
    return math.log1p(sum(PAST if one.past else 1.0 for one in findings))


def _far(item: Item, patient: Patient) -> float | None:
    if patient.years is None:
        return None
    if item.kind == "case":
        if item.years is None:
            return None
        return min(max(distance(patient.years, [(item.years, item.years)]) - NEAR_A_CASE, 0.0), FARTHEST)
    ages = _usual_ages(item.text[:READ_LIMIT])
    return min(distance(patient.years, ages), FARTHEST) if ages else None


@lru_cache(maxsize=KEPT_TEXTS)
def _usual_ages(text: str) -> tuple[tuple[float, float], ...]:
    return tuple(ages for population in populations(text) if population.usual for ages in population.ages)
