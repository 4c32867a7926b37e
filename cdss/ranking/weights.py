"""A whole set of weights: of the search, of the candidates with their calibration, and of the image side."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cdss.canonical import canonical_sha256
from cdss.reasoning.ranking import FEATURES, PACKAGED, SURENESS, DiagnosisModel, model_from_json
from retrieval.features import NAMES
from retrieval.rerank import DEFAULT_RANKER, Ranker

FORMAT = 1
KEYS = frozenset({"format", "search", "candidates", "image"})
INTERCEPT = "intercept"
# Similar pictures decide little about which evidence is kept: a strong image side makes a text ranking worse.
PACKAGED_IMAGE = 0.1
MOST = 1e6


class WeightsError(ValueError):
    """A set of weights that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class WeightSet:
    """`image` is what the closeness of a picture adds to the relevance of an item. Version 0 are the packaged ones.

    `trouble` says why the version that was promoted does not answer.
    """

    version: int
    search: Ranker
    diagnoses: DiagnosisModel
    image: float
    data: Mapping[str, Any]
    trouble: str = ""

    @property
    def sha256(self) -> str:
        return canonical_sha256(self.data)


@cache
def packaged_weights() -> WeightSet:
    search = {"weights": dict(DEFAULT_RANKER.weights), "learned_from": DEFAULT_RANKER.learned_from}
    return weight_set(_data(search, packaged_candidates(), PACKAGED_IMAGE), version=0)


def packaged_candidates() -> dict[str, Any]:
    return dict(json.loads(PACKAGED.read_text(encoding="utf-8")))


def weight_set_of(
    *, search: Ranker, candidates: Ranker, calibration: Mapping[str, float], image: float, version: int = 0
) -> WeightSet:
    """What else the packaged candidates hold than weights and calibration is theirs. Raises WeightsError."""
    model = packaged_candidates() | {"ranker": candidates.as_json(), "calibration": dict(calibration)}
    return weight_set(_data(search.as_json(), model, image), version=version)


def _data(search: Mapping[str, Any], candidates: Mapping[str, Any], image: float) -> dict[str, Any]:
    return {"format": FORMAT, "search": dict(search), "candidates": dict(candidates), "image": image}


def weight_set(data: Any, *, version: int) -> WeightSet:
    """Raises WeightsError for anything but a whole set whose features this program knows."""
    if not isinstance(data, Mapping) or set(data) != KEYS:
        raise WeightsError(f"Expected an object with {', '.join(sorted(KEYS))} and nothing else.")
    if data["format"] != FORMAT or isinstance(data["format"], bool):
        raise WeightsError(f"Format {data['format']!r} is not known to this program; it reads {FORMAT}.")
    candidates = data["candidates"]
    if not isinstance(candidates, Mapping) or set(candidates) != set(packaged_candidates()):
        raise WeightsError(f"candidates: expected {', '.join(sorted(packaged_candidates()))} and nothing else.")
    search = _ranker("search", data["search"], NAMES)
    _ranker("candidates", candidates["ranker"], FEATURES)
    _calibration(candidates["calibration"])
    image = _number("image", data["image"])
    if not 0 <= image <= 1:
        raise WeightsError(f"image: {image} is not between 0 and 1.")
    try:
        model = model_from_json(candidates)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"candidates: {error}") from error
    return WeightSet(version, search, model, image, data)


def _ranker(part: str, data: Any, known: Collection[str]) -> Ranker:
    if not isinstance(data, Mapping) or set(data) != {"weights", "learned_from"}:
        raise WeightsError(f"{part}: expected weights and learned_from and nothing else.")
    weights, count = data["weights"], data["learned_from"]
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise WeightsError(f"{part}: learned_from {count!r} is no count.")
    if not isinstance(weights, Mapping):
        raise WeightsError(f"{part}: the weights are no table of numbers.")
    if unknown := sorted(str(name) for name in weights if name not in known):
        raise WeightsError(f"{part}: this program has no feature {', '.join(unknown)}.")
    numbers = {str(name): _number(f"{part}: {name}", weight) for name, weight in weights.items()}
    if below := sorted(name for name, weight in numbers.items() if weight < 0):
        raise WeightsError(f"{part}: {', '.join(below)} is below zero; more of a feature is never worse.")
    if not any(numbers.values()):
        raise WeightsError(f"{part}: no weight is above zero, so nothing would be put in order.")
    return Ranker(numbers, count)


def _calibration(data: Any) -> None:
    if not isinstance(data, Mapping):
        raise WeightsError("calibration: this is no table of numbers.")
    if unknown := sorted(str(name) for name in data if name not in (INTERCEPT, *SURENESS)):
        raise WeightsError(f"calibration: this program does not know {', '.join(unknown)}.")
    for name, value in data.items():
        if _number(f"calibration: {name}", value) < 0 and name != INTERCEPT:
            raise WeightsError(f"calibration: {name} is below zero; what is surer is never less likely.")


def _number(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise WeightsError(f"{name}: {value!r} is no number.")
    if not math.isfinite(value) or abs(value) > MOST:
        raise WeightsError(f"{name}: {value} is no number a weight can be.")
    return float(value)
