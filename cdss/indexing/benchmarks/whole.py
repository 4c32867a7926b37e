"""The whole search of a text, encode to fetch, beside LangChain's ensemble of a FAISS and a BM25 retriever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cdss.indexing.benchmarks.data import drawn, plain, question, texts
from cdss.indexing.benchmarks.suite import Bench, Goal, Outcome, Row, Unmeasurable
from cdss.indexing.encoding.encoders import image_encoder, text_encoder
from retrieval.types import Query

if TYPE_CHECKING:
    from retrieval.engine import Engine
    from retrieval.types import Pixels, TextEncoder, Vectors

ITEMS_EVERY = 5
K = 10


def measure(bench: Bench) -> Outcome:
    """Each contender encodes every question itself. Words are drawn at random: the figures are of speed."""
    encoder = plain(text_encoder())
    vectors = _vectors(bench, encoder)
    passages = texts(bench.size, bench.seed)
    engine = engine_of(vectors, passages, encoder)
    parts: dict[str, list[float]] = {}
    contenders: dict[str, Callable[[int], object]] = {
        "ours": lambda turn: _noted(engine, question(turn), parts),
        "encode and FAISS Flat": _bare(vectors, encoder),
    }
    if bench.has("LangChain ensemble", "langchain_classic") and bench.has("LangChain ensemble", "rank_bm25"):
        both = ensemble(vectors, passages, encoder)
        contenders["LangChain ensemble"] = lambda turn: both(question(turn))
    times = bench.interleaved(contenders, turns=bench.queries)
    return Outcome(
        times=times,
        ours="ours",
        against="LangChain ensemble",
        figures={f"{name}, ms": float(np.median(values)) for name, values in parts.items()},
        notes=[
            "LangChain's ensemble: encode, FAISS retriever and BM25 retriever (rank_bm25), fused; it has no filter."
        ],
    )


def engine_of(
    vectors: Vectors, passages: Sequence[str], encoder: TextEncoder, frames: Sequence[Sequence[Pixels]] = ()
) -> Engine:
    """An engine over passages with the ids from 1, five to an item, and images of the first items."""
    from retrieval.engine import Engine
    from retrieval.index.faiss import FaissIndex
    from retrieval.index.lexical import COSINE, LexicalIndex
    from retrieval.index.snapshot import Snapshot, Subjects, Table, describe

    pictures = image_encoder()
    ids = np.arange(1, len(passages) + 1)
    items = (ids - 1) // ITEMS_EVERY + 1
    text, images = FaissIndex(encoder.dimension), FaissIndex(pictures.dimension)
    lexical, item_lexical = LexicalIndex(), LexicalIndex(COSINE)
    text.add(ids, vectors)
    lexical.add(ids, passages)
    whole = [" ".join(passages[start : start + ITEMS_EVERY]) for start in range(0, len(passages), ITEMS_EVERY)]
    item_lexical.add(range(1, len(whole) + 1), whole)
    snapshot = Snapshot(
        describe(text_encoder=encoder, image_encoder=pictures, text=text, images=images),
        kinds=dict.fromkeys(range(1, len(whole) + 1), "case"),
        passages=Table.of(list(zip(ids.tolist(), items.tolist(), strict=True)), 2),
        frames=Table.of([], 3),
        subjects=Subjects.of([]),
        text=text,
        lexical=lexical,
        item_lexical=item_lexical,
        images=images,
    )
    return Engine(snapshot, encoder, pictures)


def _vectors(bench: Bench, encoder: TextEncoder) -> Vectors:
    try:
        vectors = drawn("real", bench.size, bench.queries, bench.seed).passages
    except Unmeasurable:
        vectors = drawn("clustered", bench.size, bench.queries, bench.seed).passages
    if vectors.shape[1] == encoder.dimension:
        return vectors
    random = np.random.default_rng(bench.seed)
    other = random.standard_normal((bench.size, encoder.dimension)).astype(np.float32)
    return other / np.linalg.norm(other, axis=1, keepdims=True)


def _noted(engine: Engine, text: str, parts: dict[str, list[float]]) -> object:
    result = engine.run(Query(text=text, k=K))
    for name, milliseconds in result.timings_ms.items():
        parts.setdefault(name, []).append(milliseconds)
    return result


def _bare(vectors: Vectors, encoder: TextEncoder) -> Callable[[int], object]:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda turn: index.search(encoder.encode([question(turn)]), K)


def ensemble(vectors: Vectors, passages: Sequence[str], encoder: TextEncoder) -> Callable[[str], object]:
    """LangChain's usual stack over passages: encode, FAISS retriever and BM25 retriever, fused."""
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_community.vectorstores import FAISS

    def embed(text: str) -> list[float]:
        # Cut at the window, as sentence-transformers does.
        offsets = encoder.token_offsets(text)
        kept = text[: offsets[encoder.max_tokens - 1][1]] if len(offsets) >= encoder.max_tokens else text
        found: list[float] = encoder.encode([kept])[0].tolist()
        return found

    store = _store(FAISS, vectors, passages, embed)
    words = BM25Retriever.from_texts(list(passages), k=K)
    both = EnsembleRetriever(retrievers=[store.as_retriever(search_kwargs={"k": K}), words], weights=[0.5, 0.5])
    return both.invoke


def _store(kind: Any, vectors: Vectors, passages: Sequence[str], embed: Callable[[str], list[float]]) -> Any:
    """What `from_embeddings` makes, without every number as a Python object on the way: a million would not fit."""
    import faiss
    from langchain_community.docstore.in_memory import InMemoryDocstore
    from langchain_core.documents import Document

    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    documents = {str(place): Document(text) for place, text in enumerate(passages)}
    return kind(embed, index, InMemoryDocstore(documents), dict(enumerate(documents)))


ROWS = [
    Row(
        "search.whole",
        "the whole search of a text",
        measure,
        must={100_000: Goal(ratio=1 / 3)},
        aim={100_000: Goal(ratio=1 / 8)},
        sized=True,
        largest=100_000,
    )
]
