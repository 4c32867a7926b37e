"""The plain methods a suite's figures stand beside, on the same queries, index and encoder.

They are not made by the engine, so that what it learns does not move them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cdss.evaluation.langchain_baseline import langchain_rankings
from cdss.indexing.encoding.encoders import text_encoder
from cdss.indexing.engine import get_engine
from cdss.library.ids import ids_of
from cdss.library.models import LibraryItem
from retrieval.fusion import reciprocal_rank
from retrieval.types import Ids, Kind, Vectors

if TYPE_CHECKING:
    from retrieval.index.lexical import LexicalIndex
    from retrieval.index.snapshot import Snapshot
    from retrieval.types import TextEncoder

BM25, DENSE, FUSION, LANGCHAIN = "bm25", "dense", "fusion", "langchain"
# Of each ranking, before it is fused. An item has several passages, of which the best one counts.
DEPTH = 100
PASSAGES_PER_ITEM = 4
TEXTS_AT_ONCE = 64

Rankings = Sequence[Ids]


def plain_rankings(
    texts: Sequence[str], vectors: Vectors, *, kinds: Sequence[Kind], excluded: Sequence[Ids]
) -> Mapping[str, Rankings]:
    """Items, best first, of every baseline for every text. Without LangChain its own is not there."""
    snapshot = get_engine().snapshot
    published = ids_of(LibraryItem.objects.published())
    words = _bm25()
    lexical: list[Ids] = []
    dense: list[Ids] = []
    for text, vector, left_out in zip(texts, vectors, excluded, strict=True):
        permitted = snapshot.permitted(kinds, published, left_out)
        items, passages = snapshot.item_ids(permitted), snapshot.passage_ids(permitted)
        lexical.append(words.search(text, DEPTH, items)[1])
        found = snapshot.text.search(vector[None], DEPTH * PASSAGES_PER_ITEM, passages)[1][0]
        dense.append(_items(snapshot, found[found >= 0])[:DEPTH])
    fused = [reciprocal_rank(pair)[1] for pair in zip(lexical, dense, strict=True)]
    rankings: dict[str, Rankings] = {BM25: lexical, DENSE: dense, FUSION: fused}
    allowed = snapshot.permitted(kinds, published, None)
    chains = langchain_rankings(vectors, allowed=snapshot.passage_ids(allowed), depth=DEPTH * PASSAGES_PER_ITEM)
    if chains is not None:
        rankings[LANGCHAIN] = [
            _without(_items(snapshot, found), left_out) for found, left_out in zip(chains, excluded, strict=True)
        ]
    return rankings


def _bm25() -> LexicalIndex:
    """Of whole items of every kind. The index that is published may weigh their words otherwise."""
    from retrieval.index.lexical import BM25 as WEIGHTING
    from retrieval.index.lexical import LexicalIndex

    rows = list(LibraryItem.objects.published().order_by("pk").values_list("pk", "title", "text"))
    index = LexicalIndex(WEIGHTING)
    index.add([pk for pk, *_ in rows], [f"{title}\n{text}" for _, title, text in rows])
    return index


def encoded(texts: Sequence[str]) -> Vectors:
    """Each text once, cut to the encoder's window as a plain retriever cuts it."""
    encoder = text_encoder()
    cut = [_cut(text, encoder) for text in texts]
    pieces = [encoder.encode(cut[start : start + TEXTS_AT_ONCE]) for start in range(0, len(cut), TEXTS_AT_ONCE)]
    return np.concatenate(pieces) if pieces else np.zeros((0, encoder.dimension), dtype=np.float32)


def _cut(text: str, encoder: TextEncoder) -> str:
    offsets = encoder.token_offsets(text)
    return text if len(offsets) <= encoder.max_tokens else text[: offsets[encoder.max_tokens - 1][1]]


def _items(snapshot: Snapshot, passages: Ids) -> Ids:
    """The items of passages, each where its first passage stands."""
    owners = snapshot.passages.items[snapshot.passages.rows(passages)]
    return np.asarray(owners[np.sort(np.unique(owners, return_index=True)[1])], dtype=np.int64)


def _without(items: Ids, left_out: Ids) -> Ids:
    return items[~np.isin(items, left_out)]
