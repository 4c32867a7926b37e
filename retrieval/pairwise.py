"""The third stage of a search: the best hits read once more, query and passage together, by a scorer of pairs.

The scorer does not replace the learned ranking: of the hits it read, the rank by its score and the rank they had are
fused by reciprocal rank. What the ranks are worth stays as it was: the first of them has the highest score of the
learned ranking, the second the next, so that everything that was calibrated on those scores stays so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrieval import fusion
from retrieval.types import Hit, PairScorer

# As in the fusion of a search: a top rank may weigh more than with 60.
_CONSTANT = 20.0
# Passages of one item that are read; its best counts. All first ones are read before any second one.
PASSAGES = 2


@dataclass(frozen=True, slots=True)
class PairStage:
    """A scorer and how it is used.

    Args:
        scorer: of pairs.
        items: how many of the best hits are read at most.
        weight: of its ranking, 0 to 1; the learned ranking has the rest. 1 takes the scorer's order alone.
        seconds: of one search at most; hits that were not read by then stay behind those that were.
    """

    scorer: PairScorer
    items: int = 30
    weight: float = 0.5
    seconds: float = 2.0

    def passages_of(self, hits: Sequence[Hit]) -> list[int]:
        """Ids of the passages that `reranked` reads."""
        return [passage for hit in hits[: self.items] for passage in hit.passages[:PASSAGES]]

    def reranked(self, query: str, hits: Sequence[Hit], texts: Mapping[int, str]) -> list[Hit]:
        """The hits in their new order, ranked from 1; those that were read have `pairs` and `learned` in their scores.

        Args:
            query: the text that was searched for.
            hits: best first, with the score `rerank`.
            texts: of the passages, by id. A hit without one is not read.

        Raises:
            EncoderError: the scorer failed; the hits are as good as they were.
        """
        best = self._best_scores(query, hits, texts)
        read = [place for place in range(min(self.items, len(hits))) if place in best]
        if len(read) <= 1:
            return list(hits)
        by_score = sorted(read, key=lambda place: (-best[place], place))
        order = fusion.reciprocal_rank(
            [np.array(read, dtype=np.int64), np.array(by_score, dtype=np.int64)],
            [1.0 - self.weight, self.weight],
            constant=_CONSTANT,
        )[1].tolist()
        worth = [(hits[place].score, hits[place].scores.get("rerank", 0.0)) for place in read]
        scored = [
            _worth(hits[place], *value, pairs=best[place])
            for place, value in zip(order, _descending(worth), strict=True)
        ]
        rest = [hit for place, hit in enumerate(hits) if place not in best]
        return [replace(hit, rank=rank) for rank, hit in enumerate([*scored, *rest], start=1)]

    def _best_scores(self, query: str, hits: Sequence[Hit], texts: Mapping[int, str]) -> dict[int, float]:
        """By the place of a hit, the score of its best passage that was read in time."""
        pairs = [
            (place, texts[hit.passages[turn]])
            for turn in range(PASSAGES)
            for place, hit in enumerate(hits[: self.items])
            if len(hit.passages) > turn and hit.passages[turn] in texts
        ]
        values = self.scorer.scores(query, [text for _, text in pairs], deadline=time.monotonic() + self.seconds)
        best: dict[int, float] = {}
        # Those that were not scored in time are missing at the end.
        for (place, _), value in zip(pairs, values.tolist(), strict=False):
            best[place] = max(value, best.get(place, value))
        return best


def _worth(hit: Hit, score: float, rerank: float, *, pairs: float) -> Hit:
    learned = hit.scores.get("rerank", 0.0)
    return replace(hit, score=score, scores={**hit.scores, "rerank": rerank, "learned": learned, "pairs": pairs})


def _descending(worth: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    scores, reranks = zip(*worth, strict=True)
    return list(zip(sorted(scores, reverse=True), sorted(reranks, reverse=True), strict=True))
