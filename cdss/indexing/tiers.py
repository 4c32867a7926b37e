"""Reference collections stand behind what was chosen for the library: they fill what it leaves free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from retrieval.types import Hit

# Of one search, at most.
MOST_REFERENCE = 3
# Share by which its words have to fit the query better than those of the best curated hit, to take a place from one.
CLEARLY_BETTER = 1.25
MEASURES = ("dense", "lexical")


def behind(curated: Sequence[Hit], reference: Sequence[Hit], *, k: int) -> list[Hit]:
    """The curated hits, then at most `MOST_REFERENCE` others: in places left free, or in those of the last curated
    hits when they fit the query clearly better than every curated one. Their order among each other stays."""
    kept, added = list(curated[:k]), list[Hit]()
    for hit in reference[:MOST_REFERENCE]:
        if len(kept) + len(added) >= k:
            if not kept or not _is_clearly_better(hit, curated):
                continue
            kept.pop()
        added.append(hit)
    return [replace(hit, rank=rank) for rank, hit in enumerate((*kept, *added), start=1)]


def _is_clearly_better(hit: Hit, than: Sequence[Hit]) -> bool:
    """By meaning at least as close, and by words closer with a margin. What an image found has neither to compare."""
    dense, lexical = (max((each.scores.get(name, 0.0) for each in than), default=0.0) for name in MEASURES)
    said = hit.scores.get("lexical", 0.0)
    return hit.scores.get("dense", 0.0) >= dense > 0 and said > 0 and said >= CLEARLY_BETTER * lexical


def relevance_behind(
    reference: Mapping[int, Mapping[str, float]], curated: Mapping[int, Mapping[str, float]], *, weight: float
) -> dict[int, float]:
    """Scores of reference items to 0–`weight`, counted from the weakest of the curated ones to the best of all.

    So they do not stretch the scale of the curated ones; with nothing curated beside it, the best is worth `weight`.
    """
    relevance = dict.fromkeys(reference, 0.0)
    for measure in MEASURES:
        values = {item: scores[measure] for item, scores in reference.items() if measure in scores}
        beside = [scores[measure] for scores in curated.values() if measure in scores]
        low, high = min(beside, default=0.0), max([*beside, *values.values()], default=0.0)
        for item, value in values.items():
            share = (value - low) / (high - low) if high > low else 1.0
            relevance[item] += weight * max(share, 0.0) / len(MEASURES)
    return relevance
