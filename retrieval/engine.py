"""The search line: encode, search dense and lexical, filter, fuse, pool to items."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from retrieval import fusion
from retrieval.errors import AlignmentError, RetrievalError
from retrieval.index.ranking import best
from retrieval.index.snapshot import Mask, Snapshot, Table, terms_version
from retrieval.passages import split
from retrieval.types import Hit, Ids, ImageEncoder, Query, TextEncoder, Vectors

# Passages of one item that a hit names.
_PASSAGES = 8
# Of reciprocal rank fusion: lists that are pooled to items are short, so that a top rank may weigh more than with 60.
_CONSTANT = 20.0
_IMAGE = ("image", "text_to_image")
_SHOWN = ("lexical", *_IMAGE)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each ranking counts in the fusion. 0 leaves a ranking out, and it is not computed.

    The defaults were measured on teaching cases searched by history, examination and findings.

    Args:
        dense: items by the cosine of their best passage.
        lexical: items by the BM25 of all their words: a case matches by its history and its findings together.
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
    """A query's text as it is searched with."""

    vectors: Vectors
    passage_scores: Vectors


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
        self.depth = depth

    def search(self, query: Query) -> list[Hit]:
        """The best `query.k` items, best first. See `run`."""
        return self.run(query).hits

    def run(self, query: Query) -> SearchResult:
        """Search, with the time of each part.

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
        clock, depth = _Clock(), max(self.depth, 8 * query.k)

        with clock.part("filter"):
            permitted = self.snapshot.permitted(query.kinds, query.allowed, query.excluded)
            passages, frames = self.snapshot.passage_ids(permitted), self.snapshot.frame_ids(permitted)
        if permitted is not None and not permitted.any():
            return SearchResult([], clock.timings_ms, self.snapshot.manifest.name)

        rankings: list[_Ranking] = []
        asked = self._asked(text, clock) if text else None
        if asked is not None:
            with clock.part("dense"):
                rankings += self._dense(asked.vectors, depth, passages)
            with clock.part("lexical"):
                rankings += self._lexical(text, asked.passage_scores, depth, permitted, passages)
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

        with clock.part("fuse"):
            scores, items = fusion.reciprocal_rank(
                [ranking.items for ranking in rankings], [ranking.weight for ranking in rankings], constant=_CONSTANT
            )
        with clock.part("collect"):
            hits = self._hits(items[: query.k], scores[: query.k], rankings, asked)
        return SearchResult(hits, clock.timings_ms, self.snapshot.manifest.name)

    def _asked(self, text: str, clock: _Clock) -> _Text:
        with clock.part("encode"):
            vectors = self.text_encoder.encode(self._windows(text))
        with clock.part("lexical"):
            return _Text(vectors, self.snapshot.lexical.scores(text))

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

    def _lexical(
        self, text: str, passage_scores: Vectors, depth: int, permitted: Mask | None, allowed: Ids | None
    ) -> list[_Ranking]:
        rankings = []
        if self.weights.lexical:
            scores, items = self.snapshot.item_lexical.search(text, depth, self.snapshot.item_ids(permitted))
            rankings.append(_Ranking("lexical", self.weights.lexical, items, scores, items))
        if self.weights.passage:
            found = self.snapshot.lexical.top(passage_scores, depth, allowed)
            rankings.append(_pooled("passage", self.weights.passage, self.snapshot.passages, *found))
        return rankings

    def _images(self, name: str, weight: float, vectors: Vectors, depth: int, allowed: Ids | None) -> _Ranking:
        found = _best_of_all(*self.snapshot.images.search(vectors, depth, allowed), depth)
        return _pooled(name, weight, self.snapshot.frames, *found)

    def _has_images(self, frames: Ids | None) -> bool:
        return bool(len(self.snapshot.images) if frames is None else len(frames))

    def _hits(self, items: Ids, scores: Vectors, rankings: Sequence[_Ranking], asked: _Text | None) -> list[Hit]:
        passages, cosines = self._passages_of(items, asked)
        hits = []
        for rank, (item, score) in enumerate(zip(items.tolist(), scores.tolist(), strict=True), 1):
            found = {r.name: int(place[0]) for r in rankings if len(place := np.flatnonzero(r.items == item))}
            by_name = {r.name: r for r in rankings}
            known = {name: float(by_name[name].scores[place]) for name, place in found.items() if name in _SHOWN}
            frames = [int(by_name[name].found_by[found[name]]) for name in _IMAGE if name in found]
            hits.append(
                Hit(
                    item=item,
                    kind=self.snapshot.kind_of(item),
                    rank=rank,
                    score=score,
                    passages=passages.get(item, ()),
                    image=self.snapshot.image_of(frames[0]) if frames else None,
                    scores=known | ({"dense": cosines[item]} if item in cosines else {}),
                )
            )
        return hits

    def _passages_of(self, items: Ids, asked: _Text | None) -> tuple[dict[int, tuple[int, ...]], dict[int, float]]:
        """Of each item its passages, best first, and the cosine of the closest; both searches order them."""
        if asked is None:
            return {}, {}
        table = self.snapshot.passages
        rows = {item: own for item in items.tolist() if len(own := self.snapshot.passage_rows_of(item))}
        if not rows:
            return {}, {}
        wanted = table.ids[np.concatenate(list(rows.values()))]
        cosines, ids = _best_of_all(*self.snapshot.text.search(asked.vectors, len(wanted), wanted), len(wanted))
        dense = np.full(len(table.ids), -np.inf, dtype=np.float32)
        dense[table.rows(ids)] = cosines
        passages: dict[int, tuple[int, ...]] = {}
        closest: dict[int, float] = {}
        for item, own in rows.items():
            _, best_ids = fusion.reciprocal_rank(
                [
                    best(dense[own], table.ids[own], len(own))[1],
                    best(asked.passage_scores[own], table.ids[own], int((asked.passage_scores[own] > 0).sum()))[1],
                ]
            )
            passages[item] = tuple(best_ids[:_PASSAGES].tolist())
            # An inverted index may have missed all of an item's passages.
            closest |= {item: float(cosine)} if np.isfinite(cosine := dense[own].max()) else {}
        return passages, closest


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
