"""Whether a faster way holds: how alike its vectors are to the reference's, what a search loses, what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.metrics import ndcg_at
from retrieval.types import Pixels, Vectors

# Stored vectors share the version of the reference: they may differ by no more than those of two machines.
SAME_COSINE = 0.9999
TEXT_COSINE, IMAGE_COSINE = 0.99, 0.995
NDCG_LOSS = 0.005
# What saves less is not worth another way.
WORTH = 0.9
_DEPTH = 10


@dataclass(frozen=True, slots=True)
class TextSample:
    """What a text encoder is checked on.

    Args:
        passages: texts as they are stored.
        items: of which item each passage is, by number.
        queries: texts as they are asked.
        wanted: the item each query is about.
    """

    passages: Sequence[str]
    items: Sequence[int]
    queries: Sequence[str]
    wanted: Sequence[int]


ImageSample = Sequence[Pixels]


@dataclass(frozen=True, slots=True)
class Likeness:
    """The cosines of vectors to those of the reference."""

    least: float
    mean: float

    def as_json(self) -> dict[str, float]:
        return {"cosine_least": round(self.least, 6), "cosine_mean": round(self.mean, 6)}


def likeness(found: Vectors, reference: Vectors) -> Likeness:
    """Of (n, d) vectors, row by row; what is no number is not alike at all."""
    if found.shape != reference.shape or not np.isfinite(found).all():
        return Likeness(-1.0, -1.0)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(reference, axis=1)
    cosines = np.einsum("nd,nd->n", found, reference) / np.maximum(lengths, 1e-12)
    return Likeness(float(cosines.min()), float(cosines.mean()))


def ndcg(queries: Vectors, passages: Vectors, sample: TextSample) -> float:
    """Mean nDCG@10 of searching the passages, one of the wanted item being right."""
    items, wanted = np.asarray(sample.items), np.asarray(sample.wanted)
    order = np.argsort(-(queries @ passages.T), axis=1, kind="stable")
    right = items[order] == wanted[:, None]
    return float(np.mean([ndcg_at(row[:_DEPTH].astype(float), row.astype(float), _DEPTH) for row in right]))


def seconds(contenders: dict[str, Callable[[], Any]], *, rounds: int = 2) -> dict[str, float]:
    """Processor time of each, the median of rounds in turn: the clock on the wall tells of what else is running."""
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, ask in contenders.items():
            start = time.process_time()
            ask()
            if turn:
                spent[name].append(time.process_time() - start)
    return {name: float(np.median(values)) for name, values in spent.items()}


def chosen(
    spent: Mapping[str, float], alike: Mapping[str, Likeness], holds: Mapping[str, bool], *, reference: str
) -> tuple[str, dict[str, dict[str, Any]]]:
    """The cheapest way that holds, if it saves enough beside the reference, and what was measured of each."""
    candidates = [name for name in spent if holds.get(name) and spent[name] <= WORTH * spent[reference]]
    measured: dict[str, dict[str, Any]] = {
        name: {"times_reference": round(value / spent[reference], 3)} for name, value in spent.items()
    }
    for name, found in alike.items():
        measured[name] |= {**found.as_json(), "holds": holds[name]}
    return min(candidates, key=lambda name: spent[name], default=reference), measured
