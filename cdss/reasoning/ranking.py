"""How likely each candidate diagnosis is: weights and a calibration learned on cases whose diagnosis is known."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from cdss.reasoning.types import Lead
from retrieval.features import ALIKE, RANKS
from retrieval.rerank import Ranker, softmax
from retrieval.types import Floats

PACKAGED = Path(__file__).parent / "ranking.json"
KINDS = ("literature", "case", "guideline")
MEASURES = ("share", "rank", "lexical")
# Of the findings, the parts of the body, and the patient's age against the ages that texts name and that cases had;
# what speaks against a diagnosis is below zero, so that more of any feature is better.
COMPARED = ("explained", "against", "elsewhere", "age_in_texts", "age_of_cases")
# No case of a library has a finding that a person set right: what that counts cannot be learned, and is given here.
CORRECTED = "corrected"
CORRECTED_WEIGHT = 3.0
# Of how many diagnoses the library tells, as a logarithm: the same for all candidates, so of the calibration alone.
# Of a library of fewer than the least that was measured no more is known than of that one.
BREADTH = "breadth"
LEAST_BREADTH = 45
FEATURES = (
    *(f"{kind}_{measure}" for kind in KINDS for measure in MEASURES),
    "case_image",
    "listed",
    *COMPARED,
    CORRECTED,
    BREADTH,
)
# Of the calibration: the log odds among the candidates, and how close the closest evidence of the case is, as far as a
# candidate has a share in it: a case that was seen before makes its own diagnosis surer, and no other. Then whether it
# may be in the library at all: the likeliest of a few diagnoses is seldom the right one of thousands.
CLOSEST = ("literature_lexical", "case_lexical")
SURENESS = ("log_odds", *(f"closest_{name}" for name in CLOSEST), BREADTH)
# Closeness of words from which an item's place counts in full.
NEAR = 0.15
# Difference of fit, in log odds, over which a place is as good as told from the next.
APART = 1.0
# How unlike the parts of the body may be that two texts on the same disease name, and what the least item counts.
BESIDE = 0.5
SLIGHT = 0.01
WORDS = ((0.6, "most likely"), (0.4, "likely"), (0.1, "possible"), (0.0, "unlikely"))


@dataclass(frozen=True, slots=True)
class DiagnosisModel:
    """`ranker` puts the candidates in order; `calibration`, with an "intercept", turns that into a probability."""

    ranker: Ranker
    calibration: Mapping[str, float]

    def probabilities(self, table: Floats) -> tuple[Floats, Floats]:
        """(n,) shares that sum to 1 over the candidates, and (n,) chances of each being right, of (n, features)."""
        if not len(table):
            return np.zeros(0), np.zeros(0)
        corrected = CORRECTED_WEIGHT * table[:, FEATURES.index(CORRECTED)]
        shares = softmax(self.ranker.scores(table, FEATURES) + corrected)
        weights = np.array([self.calibration.get(name, 0.0) for name in SURENESS])
        logits = self.calibration.get("intercept", 0.0) + sureness(table, shares) @ weights
        return shares, np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float64)


def model_from_json(data: Mapping[str, object]) -> DiagnosisModel:
    calibration = data["calibration"]
    if not isinstance(calibration, Mapping):
        raise TypeError("The calibration is no table of numbers.")
    return DiagnosisModel(Ranker.from_json(data["ranker"]), {str(k): float(v) for k, v in calibration.items()})


@cache
def packaged_model() -> DiagnosisModel:
    return model_from_json(json.loads(PACKAGED.read_text(encoding="utf-8")))


def sureness(table: Floats, shares: Floats) -> Floats:
    """(n, len(SURENESS)) of candidates with these features and shares."""
    bounded = np.clip(shares, 0.02, 0.98)
    closest = [shares * table[:, FEATURES.index(name)].max() for name in CLOSEST]
    return np.stack([np.log(bounded / (1 - bounded)), *closest, table[:, FEATURES.index(BREADTH)]], axis=1)


def features_of(sightings: Mapping[str, Sequence[tuple[Lead, bool]]], breadth: int = 0) -> Floats:
    """(n, len(FEATURES)) of the candidates, each with the items that name it and whether they merely list it.

    `breadth` is the number of diagnoses that the library is about.
    """
    leads = {lead.item: lead for found in sightings.values() for lead, _ in found}
    best: dict[str, float] = defaultdict(lambda: -math.inf)
    for lead in leads.values():
        if lead.rank:
            best[lead.kind] = max(best[lead.kind], lead.fit)
    places = _places(list(leads.values()))
    # Of a few cases none that lists a diagnosis is half of what there is to know.
    listing = max(sum(lead.lexical**2 for lead in leads.values() if lead.kind == "case"), 1.0)
    table = np.array([_features(found, best, places, listing) for found in sightings.values()])
    table = table.reshape(-1, len(FEATURES))
    table[:, FEATURES.index(BREADTH)] = math.log1p(max(breadth, LEAST_BREADTH))
    return table


def _places(leads: Sequence[Lead]) -> dict[int, float]:
    """The place of each item among its kind; items that fit nearly alike share theirs, whichever came first."""
    places: dict[int, float] = {}
    for kind in KINDS:
        ranked = [lead for lead in leads if lead.kind == kind and lead.rank]
        fits = np.array([lead.fit for lead in ranked])
        ranks = np.array([lead.rank for lead in ranked])
        # For each that came before, how surely it did; one that fits alike is half a place.
        before = 1 / (1 + np.exp(np.clip((fits[:, None] - fits[None, :]) / APART, -50.0, 50.0)))
        shift = before - (ranks[None, :] < ranks[:, None])
        np.fill_diagonal(shift, 0.0)
        places |= {lead.item: lead.rank + float(more) for lead, more in zip(ranked, shift.sum(axis=1), strict=True)}
    return places


def _features(
    found: Sequence[tuple[Lead, bool]], best: Mapping[str, float], places: Mapping[int, float], listing: float
) -> list[float]:
    values = dict.fromkeys(FEATURES, 0.0)
    values |= _compared([lead for lead, merely_listed in found if not merely_listed])
    listed = 0.0
    for lead, merely_listed in found:
        if merely_listed:
            listed += lead.lexical**2 / listing
            continue
        # The first of its kind may still be far from the case.
        near = min(lead.lexical / NEAR, 1.0) if lead.rank else 0.0
        measured = {
            f"{lead.kind}_share": near * math.exp(lead.fit - best[lead.kind]) if lead.rank else 0.0,
            f"{lead.kind}_rank": near * RANKS / (RANKS + places.get(lead.item, 1.0) - 1),
            f"{lead.kind}_lexical": max(lead.lexical - ALIKE, 0.0) if lead.kind == "case" else lead.lexical,
            "case_image": lead.image,
        }
        for name, value in measured.items():
            values[name] = max(values[name], value)
    values["listed"] = math.sqrt(listed)
    return list(values.values())


def _compared(leads: Sequence[Lead]) -> dict[str, float]:
    """By the item that explains most, the text that speaks against it most, and the nearest of the known ages."""
    texts = [lead for lead in leads if lead.kind != "case"]
    return {
        "explained": max((lead.explained for lead in leads), default=0.0),
        "against": -max((lead.against for lead in leads), default=0.0),
        "elsewhere": -_elsewhere(leads),
        "age_in_texts": _nearest(texts),
        "age_of_cases": _nearest([lead for lead in leads if lead.kind == "case"]),
        CORRECTED: max((lead.by_hand for lead in leads), key=abs, default=0.0),
    }


def _elsewhere(leads: Sequence[Lead]) -> float:
    """Of the items by how close they are, from 0 to 1: most texts name a part beside the one they are about."""
    weights = [max(lead.lexical, SLIGHT) ** 2 for lead in leads]
    mean = sum(weight * lead.elsewhere for weight, lead in zip(weights, leads, strict=True)) / (sum(weights) or 1.0)
    return max(mean - BESIDE, 0.0) / (1.0 - BESIDE)


def _nearest(leads: Sequence[Lead]) -> float:
    return -min((lead.far for lead in leads if lead.far is not None), default=0.0)


def likelihood_word(probability: float, rank: int) -> str:
    """Only the first of a ranking may be the most likely."""
    word = next(word for floor, word in WORDS if probability >= floor)
    return "likely" if word == "most likely" and rank > 1 else word
