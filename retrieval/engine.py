"""The search line: filter, encode, search dense and lexical, fuse, pool to items, rank by what was learned."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from retrieval import features, fusion
from retrieval.encoders.queries import encode_queries
from retrieval.errors import AlignmentError, RetrievalError
from retrieval.index.ranking import best
from retrieval.index.snapshot import Snapshot, Table, terms_version
from retrieval.passages import split
from retrieval.rerank import DEFAULT_RANKER, Judged, Ranker, softmax
from retrieval.types import Floats, Hit, Ids, ImageEncoder, Mask, Query, TextEncoder, Vectors

# Passages of one item that a hit names.
_PASSAGES = 8
# Of reciprocal rank fusion: lists that are pooled to items are short, so that a top rank may weigh more than with 60.
_CONSTANT = 20.0
_IMAGE = ("image", "text_to_image")
_SHOWN = ("lexical", *_IMAGE)
_NO_CLOSEST = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each ranking counts in the fusion, which settles what is ranked at all, and the order without a text.

    0 leaves a ranking out, and it is not computed.

    Args:
        dense: items by the cosine of their best passage.
        lexical: items by all their words: a case matches by its history and its findings together.
        passage: items by the BM25 of their best passage: a long document matches by one part of it.
        image: items by the cosine of their best image to the query's images.
        text_to_image: items by the cosine of their best image to the query's text in the joint space, if there is one.
    """

    dense: float = 0.5
    lexical: float = 1.0
    passage: float = 0.5
    image: float = 1.0
    text_to_image: float = 0.25


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, milliseconds of each part, and the name of the index version that answered."""

    hits: list[Hit]
    timings_ms: Mapping[str, float]
    index_version: str


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Items, best first, with their scores; and, for images, the vector each was found by."""

    name: str
    weight: float
    items: Ids
    scores: Vectors
    found_by: Ids


@dataclass(frozen=True, slots=True)
class _Text:
    """A query's text as it is searched with: its vectors, and the lexical scores of every passage and every item."""

    vectors: Vectors
    passage_scores: Vectors
    item_scores: Vectors


@dataclass(frozen=True, slots=True)
class _Found:
    """Items in their final order with their scores, the ranker's own, and the cosines of their passages, by row."""

    items: Ids
    scores: Vectors
    linear: Floats
    cosines: Vectors


@dataclass(slots=True)
class _Clock:
    timings_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.timings_ms[name] = self.timings_ms.get(name, 0.0) + (time.perf_counter() - start) * 1000


class Engine:
    """Searches one index version. Safe to use from several threads.

    Args:
        snapshot: the index version.
        text_encoder: must be the one it was made with.
        image_encoder: must be the one it was made with.
        weights: of the rankings in the fusion.
        ranker: puts what a text found in order; none means the one that came with the program.
        depth: how many passages or images of each ranking go into the fusion, at least; 8 per item asked for.

    Raises:
        IndexUnusableError: the snapshot was made with another encoder, preprocessing or tokens.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        text_encoder: TextEncoder,
        image_encoder: ImageEncoder,
        *,
        weights: Weights | None = None,
        ranker: Ranker | None = None,
        depth: int = 100,
    ) -> None:
        snapshot.manifest.require(
            text_encoder=text_encoder.version,
            image_encoder=image_encoder.version,
            image_preprocessing=image_encoder.preprocessing,
            terms=terms_version(),
        )
        self.snapshot = snapshot
        self.text_encoder = text_encoder
        self.image_encoder = image_encoder
        self.weights = weights or Weights()
        self.ranker = ranker or DEFAULT_RANKER
        self.depth = depth
        self._before: tuple[bytes, _Text] | None = None

    def search(self, query: Query) -> list[Hit]:
        """The best `query.k` items, best first. See `run`."""
        return self.run(query).hits

    def run(self, query: Query, ranker: Ranker | None = None) -> SearchResult:
        """Search, with the time of each part. A `ranker` takes the place of the engine's own. See `run_each`."""
        return self.run_each(query, [ranker or self.ranker])[0]

    def run_each(self, query: Query, rankers: Sequence[Ranker]) -> list[SearchResult]:
        """One search, put in order by each of these rankers.

        What may be returned is settled first, and nothing else takes part in any ranking. A text longer than the
        encoder's window is cut into windows; a passage counts with its best one. BM25 reads the whole text. Of
        several images, and of several frames, the best one counts.

        Raises:
            RetrievalError: the query has neither text nor images, or k is below 1.
        """
        text = query.text.strip()
        if not text and not query.images:
            raise RetrievalError("The query is empty: give a text or an image.")
        if query.k < 1:
            raise RetrievalError(f"k={query.k}: at least one item is asked for.")
        clock, depth, name = _Clock(), max(self.depth, 8 * query.k), self.snapshot.manifest.name

        with clock.part("filter"):
            permitted = self.snapshot.permitted(query.kinds, query.allowed, query.excluded)
        if permitted is not None and not permitted.any():
            return [SearchResult([], clock.timings_ms, name) for _ in rankers]

        rankings, asked = self._rankings(query, text, depth, permitted, clock)
        with clock.part("fuse"):
            scores, items = _fused(rankings)
        found = [_Found(items, scores, np.zeros(len(items)), _NO_CLOSEST)] * len(rankers)
        if asked is not None and len(items):
            with clock.part("rank"):
                found = self._ranked(items[:depth], rankings, asked, query, rankers)
        with clock.part("collect"):
            known: dict[int, tuple[int, ...]] = {}
            hits = [self._hits(each, query.k, rankings, asked, known) for each in found]
        return [SearchResult(each, clock.timings_ms, name) for each in hits]

    def judge(self, query: Query, relevant: Ids) -> Judged | None:
        """What was found for a query, as features, and which of it is relevant: to learn a ranking from."""
        items, table = self.measured(query)
        return (table, np.isin(items, relevant)) if len(items) else None

    def measured(self, query: Query) -> tuple[Ids, Floats]:
        """(n,) items found for a query, as they are before any ranker, and (n, features); none without a text."""
        clock = _Clock()
        permitted = self.snapshot.permitted(query.kinds, query.allowed, query.excluded)
        rankings, asked = self._rankings(query, query.text.strip(), self.depth, permitted, clock)
        _, items = _fused(rankings)
        if asked is None or not len(items):
            return np.zeros(0, dtype=np.int64), np.zeros((0, len(features.NAMES)))
        items = items[: self.depth]
        return items, self._features(items, rankings, asked, query)[0]

    def _rankings(
        self, query: Query, text: str, depth: int, permitted: Mask | None, clock: _Clock
    ) -> tuple[list[_Ranking], _Text | None]:
        passages, frames = self.snapshot.passage_ids(permitted), self.snapshot.frame_ids(permitted)
        rankings: list[_Ranking] = []
        asked = self._asked(text, clock) if text else None
        if asked is not None:
            with clock.part("dense"):
                rankings += self._dense(asked.vectors, depth, passages)
            with clock.part("lexical"):
                rankings += self._lexical(asked, depth, permitted, passages)
        if query.images and self.weights.image and self._has_images(frames):
            with clock.part("encode_images"):
                vectors = self.image_encoder.encode(query.images)
            with clock.part("image"):
                rankings.append(self._images("image", self.weights.image, vectors, depth, frames))
        if text and self.weights.text_to_image and self.image_encoder.aligned and self._has_images(frames):
            with clock.part("encode_joint"):
                joint = self._joint(text)
            with clock.part("image"):
                rankings.append(self._images("text_to_image", self.weights.text_to_image, joint, depth, frames))
        return rankings, asked

    def _asked(self, text: str, clock: _Clock) -> _Text:
        """Of the same text as before, what was found out then: a case is searched once for each kind of item."""
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        before = self._before
        if before is not None and before[0] == digest:
            return before[1]
        asked = self._ask(text, clock)
        self._before = (digest, asked)
        return asked

    def _ask(self, text: str, clock: _Clock) -> _Text:
        with clock.part("encode"):
            vectors = encode_queries(self.text_encoder, self._windows(text))
        with clock.part("lexical"):
            return _Text(vectors, self.snapshot.lexical.scores(text), self.snapshot.item_lexical.scores(text))

    def _joint(self, text: str) -> Vectors:
        try:
            return self.image_encoder.encode_text([text])
        except AlignmentError:
            # The alignment was taken away in the meantime; the words still find what they find.
            return np.zeros((0, self.image_encoder.dimension), dtype=np.float32)

    def _windows(self, text: str) -> list[str]:
        """The text as it is, or cut where it is longer than the encoder's window."""
        if len(text.encode()) <= self.text_encoder.max_tokens:
            return [text]
        pieces = split(text, token_offsets=self.text_encoder.token_offsets, max_tokens=self.text_encoder.max_tokens)
        return [piece.text for piece in pieces]

    def _dense(self, vectors: Vectors, depth: int, allowed: Ids | None) -> list[_Ranking]:
        if not self.weights.dense:
            return []
        found = _best_of_all(*self.snapshot.text.search(vectors, depth, allowed), depth)
        return [_pooled("dense", self.weights.dense, self.snapshot.passages, *found)]

    def _lexical(self, asked: _Text, depth: int, permitted: Mask | None, allowed: Ids | None) -> list[_Ranking]:
        rankings = []
        if self.weights.lexical:
            lexical = self.snapshot.item_lexical
            scores, items = lexical.top(asked.item_scores, depth, self.snapshot.item_ids(permitted))
            rankings.append(_Ranking("lexical", self.weights.lexical, items, scores, items))
        if self.weights.passage:
            found = self.snapshot.lexical.top(asked.passage_scores, depth, allowed)
            rankings.append(_pooled("passage", self.weights.passage, self.snapshot.passages, *found))
        return rankings

    def _images(self, name: str, weight: float, vectors: Vectors, depth: int, allowed: Ids | None) -> _Ranking:
        found = _best_of_all(*self.snapshot.images.search(vectors, depth, allowed), depth)
        return _pooled(name, weight, self.snapshot.frames, *found)

    def _has_images(self, frames: Ids | None) -> bool:
        return bool(len(self.snapshot.images) if frames is None else len(frames))

    def _ranked(
        self, items: Ids, rankings: Sequence[_Ranking], asked: _Text, query: Query, rankers: Sequence[Ranker]
    ) -> list[_Found]:
        table, cosines = self._features(items, rankings, asked, query)
        found = []
        for ranker in rankers:
            scores = ranker.scores(table, features.NAMES)
            # What is equally good stays in the order of the fusion.
            order = np.argsort(-scores.round(9), kind="stable")
            found.append(_Found(items[order], softmax(scores)[order].astype(np.float32), scores[order], cosines))
        return found

    def _features(self, items: Ids, rankings: Sequence[_Ranking], asked: _Text, query: Query) -> tuple[Floats, Vectors]:
        """(n, features) of the items, and the cosine of every passage of theirs (-inf for all other passages)."""
        snapshot = self.snapshot
        own = [snapshot.passage_rows_of(item) for item in items.tolist()]
        cosines = self._cosines(np.concatenate(own), asked.vectors)
        closeness = np.zeros(len(snapshot.items), dtype=np.float32)
        closeness[snapshot.worded] = asked.item_scores
        rows = np.searchsorted(snapshot.items, items)
        known = {
            "lexical": closeness[rows],
            "dense": _highest(cosines, own),
            "passage": _highest(asked.passage_scores, own),
        }
        measured = {name: scores for name, scores in known.items() if getattr(self.weights, name)}
        for ranking in rankings:
            if ranking.name in _IMAGE:
                measured[ranking.name] = _scores_of(items, ranking)
        seen = snapshot.permitted((), query.allowed, query.excluded)
        return features.table(snapshot, rows, measured, closeness, seen), cosines

    def _cosines(self, rows: Ids, vectors: Vectors) -> Vectors:
        table = self.snapshot.passages
        cosines = np.full(len(table.ids), -np.inf, dtype=np.float32)
        if len(rows):
            wanted = table.ids[rows]
            values, ids = _best_of_all(*self.snapshot.text.search(vectors, len(wanted), wanted), len(wanted))
            cosines[table.rows(ids)] = values
        return cosines

    def _hits(
        self,
        found: _Found,
        k: int,
        rankings: Sequence[_Ranking],
        asked: _Text | None,
        passages: dict[int, tuple[int, ...]],
    ) -> list[Hit]:
        """`passages` are those of items that were among the hits of another ranker."""
        by_name = {ranking.name: ranking for ranking in rankings}
        hits = []
        for place, (item, score) in enumerate(zip(found.items[:k].tolist(), found.scores[:k].tolist(), strict=True)):
            places = {r.name: int(at[0]) for r in rankings if len(at := np.flatnonzero(r.items == item))}
            known = {name: float(by_name[name].scores[at]) for name, at in places.items() if name in _SHOWN}
            frames = [int(by_name[name].found_by[places[name]]) for name in _IMAGE if name in places]
            own = self.snapshot.passage_rows_of(item)
            if asked is not None:
                known["rerank"] = float(found.linear[place])
                # An inverted index may have missed all of an item's passages.
                if len(own) and np.isfinite(cosine := found.cosines[own].max()):
                    known["dense"] = float(cosine)
                if item not in passages:
                    passages[item] = self._passages_of(own, found.cosines, asked)
            hits.append(
                Hit(
                    item=item,
                    kind=self.snapshot.kind_of(item),
                    rank=place + 1,
                    score=score,
                    passages=passages.get(item, ()),
                    image=self.snapshot.image_of(frames[0]) if frames else None,
                    scores=known,
                )
            )
        return hits

    def _passages_of(self, own: Ids, cosines: Vectors, asked: _Text) -> tuple[int, ...]:
        """Of an item its passages, best first; both searches order them."""
        ids, words = self.snapshot.passages.ids[own], asked.passage_scores[own]
        _, best_ids = fusion.reciprocal_rank(
            [best(cosines[own], ids, len(own))[1], best(words, ids, int((words > 0).sum()))[1]]
        )
        return tuple(best_ids[:_PASSAGES].tolist())


def _fused(rankings: Sequence[_Ranking]) -> tuple[Vectors, Ids]:
    weights = [ranking.weight for ranking in rankings]
    return fusion.reciprocal_rank([ranking.items for ranking in rankings], weights, constant=_CONSTANT)


def _highest(scores: Vectors, rows: Sequence[Ids]) -> Vectors:
    """Of each group of rows the highest score, -inf for an empty group."""
    return np.array([scores[own].max() if len(own) else -np.inf for own in rows], dtype=np.float32)


def _scores_of(items: Ids, ranking: _Ranking) -> Vectors:
    known = dict(zip(ranking.items.tolist(), ranking.scores.tolist(), strict=True))
    return np.array([known.get(item, -np.inf) for item in items.tolist()], dtype=np.float32)


def _pooled(name: str, weight: float, table: Table, scores: Vectors, ids: Ids) -> _Ranking:
    """Items by their best row."""
    owners = table.items[table.rows(ids)]
    first = np.sort(np.unique(owners, return_index=True)[1])
    return _Ranking(name, weight, owners[first], scores[first], ids[first])


def _best_of_all(scores: Vectors, ids: Ids, k: int) -> tuple[Vectors, Ids]:
    """One ranking from those of several queries, in which an id counts with its best score."""
    found = ids >= 0
    scores, ids = scores[found], ids[found]
    if not len(ids):
        return scores, ids
    unique, places = np.unique(ids, return_inverse=True)
    highest = np.full(len(unique), -np.inf, dtype=np.float32)
    np.maximum.at(highest, places, scores)
    return best(highest, unique, k)
