"""LangChain's FAISS retriever, which the product is compared with. The only module here that knows of LangChain."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np

from cdss.indexing.encoding.embedding import vector_of
from cdss.indexing.encoding.encoders import text_encoder
from cdss.indexing.models import PassageEmbedding
from retrieval.types import Ids, Vectors

NOT_INSTALLED = (
    "langchain-community is not installed: the comparison with LangChain's retriever is left out. "
    "make bench installs it beside the environment."
)
ROWS_AT_ONCE = 500


def is_installed() -> bool:
    return find_spec("langchain_community") is not None


def langchain_rankings(vectors: Vectors, *, allowed: Ids | None, depth: int) -> list[Ids] | None:
    """Passages, best first, for every query vector; None when LangChain's retriever is not installed."""
    if not is_installed():
        return None
    stored = _passages(allowed)
    return retrieved({str(passage): vector for passage, vector in stored.items()}, vectors, depth=depth)


def retrieved(stored: Mapping[str, Vectors], vectors: Vectors, *, depth: int) -> list[Ids]:
    """Ids of the nearest stored vectors, through `FAISS.as_retriever`, which is given the queries' own vectors."""
    from langchain_community.vectorstores import FAISS
    from langchain_core.embeddings import Embeddings

    class Known(Embeddings):
        """The text of a query is its number: it was encoded once, for every method."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [stored[text].tolist() for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return [float(value) for value in vectors[int(text)]]

    if not stored:
        return [np.zeros(0, dtype=np.int64) for _ in vectors]
    pairs = [(name, vector.tolist()) for name, vector in stored.items()]
    retriever = FAISS.from_embeddings(pairs, Known()).as_retriever(search_kwargs={"k": min(depth, len(pairs))})
    return [
        np.array([int(document.page_content) for document in retriever.invoke(str(number))], dtype=np.int64)
        for number in range(len(vectors))
    ]


def _passages(allowed: Ids | None) -> dict[int, Vectors]:
    rows = PassageEmbedding.objects.filter(encoder=text_encoder().version).order_by("passage_id")
    kept = None if allowed is None else set(allowed.tolist())
    return {
        passage: vector_of(vector)
        for passage, vector in rows.values_list("passage_id", "vector").iterator(ROWS_AT_ONCE)
        if kept is None or passage in kept
    }
