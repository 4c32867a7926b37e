"""Two text encoders on the same held-out cases and the same library: by meaning alone, and by the whole search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cdss.indexing.encoding.embedding import vector_of
from cdss.indexing.engine import engine_of
from cdss.indexing.models import PassageEmbedding
from cdss.indexing.taught.lessons import Held
from cdss.library.ids import ids_of
from cdss.library.models import LibraryItem, Passage
from retrieval.types import Ids, Kind, Query, Vectors

if TYPE_CHECKING:
    from retrieval.adaptation.compare import Figure
    from retrieval.index.snapshot import Snapshot
    from retrieval.types import ImageEncoder, TextEncoder

DENSE, WHOLE, GENERAL = "meaning alone", "whole search", "texts that taught nothing"
TOPICAL: tuple[Kind, ...] = ("literature",)
SEARCHED: tuple[Kind, ...] = ("literature", "guideline")
# Of the whole search, that a rank is looked for in.
DEPTH = 50
# Passages of texts that taught nothing, each to find another of its own text.
GENERAL_QUESTIONS = 200
FEWEST_GENERAL = 20


def figures_of(
    held: Sequence[Held],
    *,
    encoders: tuple[TextEncoder, TextEncoder],
    images: ImageEncoder,
    snapshot: Snapshot,
    taught: frozenset[int],
    seed: int,
) -> list[Figure]:
    """Of the serving and the taught encoder, in this order, whose passages of SEARCHED kinds have their vectors.

    Args:
        held: cases neither has seen.
        encoders: the two.
        images: the image encoder of the snapshot.
        snapshot: of the serving one.
        taught: documents that taught.
        seed: of what is drawn.
    """
    from retrieval.adaptation.compare import compared

    old, new = (_Table(encoder) for encoder in encoders)
    groups = np.array([case.group for case in held], dtype=np.int64)
    figures = [
        compared(DENSE, _by_meaning(held, old), _by_meaning(held, new), groups),
        compared(
            WHOLE,
            _by_search(held, snapshot, old.encoder, images),
            _by_search(held, _with_vectors(snapshot, new), new.encoder, images),
            groups,
        ),
    ]
    rows = _general_rows(old, taught, seed)
    if len(rows) >= FEWEST_GENERAL:
        figures.append(compared(GENERAL, _by_sibling(rows, old), _by_sibling(rows, new), old.items[rows]))
    return figures


class _Table:
    """The stored vectors of one encoder, of the curated documents."""

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder
        stored = PassageEmbedding.objects.filter(
            encoder=encoder.version,
            passage__item__in=LibraryItem.objects.published().filter(kind__in=SEARCHED, collection__reference=False),
        ).order_by("passage_id")
        rows = list(stored.values_list("passage_id", "passage__item_id", "passage__item__kind", "vector"))
        self.ids: Ids = np.array([row[0] for row in rows], dtype=np.int64)
        self.items: Ids = np.array([row[1] for row in rows], dtype=np.int64)
        self.topical = np.array([row[2] in TOPICAL for row in rows], dtype=bool)
        self.vectors: Vectors = (
            np.stack([vector_of(row[3]) for row in rows]) if rows else np.zeros((0, encoder.dimension), np.float32)
        )


def _by_meaning(held: Sequence[Held], table: _Table) -> list[int | None]:
    """Rank of the first wanted document, each by its closest passage."""
    from retrieval.adaptation.train import rank_of_best

    items, places = np.unique(table.items[table.topical], return_inverse=True)
    vectors = table.vectors[table.topical]
    ranks: list[int | None] = []
    for case in held:
        closest = np.full(len(items), -np.inf, dtype=np.float32)
        np.maximum.at(closest, places, (vectors @ _asked(case.question, table.encoder).T).max(axis=1))
        wanted = np.flatnonzero(np.isin(items, list(case.wanted)))
        ranks.append(rank_of_best(closest, wanted) if len(wanted) else None)
    return ranks


def _asked(text: str, encoder: TextEncoder) -> Vectors:
    """As the engine asks: a text longer than the window in parts."""
    from retrieval.passages import split

    pieces = split(text, token_offsets=encoder.token_offsets, max_tokens=encoder.max_tokens)
    return encoder.encode([piece.text for piece in pieces])


def _by_search(
    held: Sequence[Held], snapshot: Snapshot, encoder: TextEncoder, images: ImageEncoder
) -> list[int | None]:
    engine = engine_of(snapshot, encoder, images)
    published = LibraryItem.objects.published().filter(collection__reference=False).order_by()
    allowed = ids_of(published)
    ranks = []
    for case in held:
        query = Query(text=case.question, kinds=TOPICAL, k=DEPTH, allowed=allowed, excluded=case.excluded)
        hits = engine.search(query)
        ranks.append(next((hit.rank for hit in hits if hit.item in case.wanted), None))
    return ranks


def _with_vectors(snapshot: Snapshot, table: _Table) -> Snapshot:
    """The same library under the other encoder; of the other kinds nothing is asked."""
    from retrieval.index.faiss import FaissIndex

    text = FaissIndex(table.encoder.dimension)
    known = np.isin(table.ids, snapshot.passages.ids)
    text.add(table.ids[known], table.vectors[known])
    return snapshot.under(table.encoder, text)


def _general_rows(table: _Table, taught: frozenset[int], seed: int) -> Ids:
    """Passages of documents that taught nothing and have several."""
    owners, places, sizes = np.unique(table.items, return_inverse=True, return_counts=True)
    usable = (sizes > 1) & ~np.isin(owners, list(taught))
    rows = np.flatnonzero(usable[places])
    return np.sort(np.random.default_rng(seed).permutation(rows)[:GENERAL_QUESTIONS])


def _by_sibling(rows: Ids, table: _Table) -> list[int | None]:
    """Rank of the first other passage of the same document, asked with a passage without its title."""
    from retrieval.adaptation.train import rank_of_best

    ids = table.ids[rows].tolist()
    texts = dict(Passage.objects.filter(pk__in=ids).values_list("pk", "text"))
    ranks: list[int | None] = []
    for row, pk in zip(rows.tolist(), ids, strict=True):
        scores = (table.vectors @ _asked(texts[pk], table.encoder).T).max(axis=1)
        others = np.arange(len(scores)) != row
        wanted = np.flatnonzero((table.items == table.items[row])[others])
        ranks.append(rank_of_best(scores[others], wanted))
    return ranks
