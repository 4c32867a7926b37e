"""Vector search beside the engines that are commonly used, over the same vectors and the same questions."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cdss.indexing.benchmarks.data import Drawn, Kind, drawn, recall
from cdss.indexing.benchmarks.suite import Bench, Goal, Outcome, Row

if TYPE_CHECKING:
    from retrieval.index.faiss import FaissIndex
    from retrieval.types import Vectors

K = 10
# Of hnswlib and Chroma: a search as wide as this finds what is asked for on either set.
_EF = 64
# A graph over more vectors than this takes longer to build than the rest of the run together.
_GRAPHS_UP_TO = 100_000
# Questions each answers in a row.
_TOGETHER = 10
Search = Callable[["Vectors"], list[int]]
# Seconds that making an index took, by kind and size.
made: dict[tuple[str, int], float] = {}


def measure(bench: Bench, kind: Kind) -> Outcome:
    """Milliseconds of one question, and of every contender the share of the exact ten that it finds."""
    data = drawn(kind, bench.size, bench.queries, bench.seed)
    index = index_of(kind, bench.size, bench.queries, bench.seed)
    contenders: dict[str, Search] = {"ours": partial(_ours, index), "FAISS Flat": _flat(data)}
    if bench.size > _GRAPHS_UP_TO:
        bench.left_out("LangChain FAISS", "its documents as Python objects take more memory than the machine has")
    elif bench.has("LangChain FAISS", "langchain_community"):
        contenders["LangChain FAISS"] = _langchain(data)
    if bench.size > _GRAPHS_UP_TO:
        bench.left_out("hnswlib, Chroma", f"graphs are built up to {_GRAPHS_UP_TO:,} vectors")
    else:
        if bench.has("hnswlib", "hnswlib"):
            contenders["hnswlib"] = _hnswlib(data)
        if bench.has("Chroma", "chromadb"):
            contenders["Chroma"] = _chroma(bench, data)
    answers: dict[str, dict[int, list[int]]] = {name: {} for name in contenders}

    def ask(name: str, turn: int) -> None:
        answers[name][turn] = contenders[name](data.questions[turn])

    times = bench.interleaved(
        {name: partial(ask, name) for name in contenders}, turns=len(data.questions), together=_TOGETHER
    )
    expected = list(answers["FAISS Flat"].values())
    figures = {f"recall of {name}": recall(list(found.values()), expected) for name, found in answers.items()}
    # What the others left in the caches is theirs.
    figures["ms of ours as the first after another"] = float(np.median(times["ours"][::_TOGETHER]))
    if "hnswlib" in times:
        figures["times hnswlib"] = float(np.median(times["ours"]) / np.median(times["hnswlib"]))
    against = "LangChain FAISS" if bench.size <= _GRAPHS_UP_TO and "LangChain FAISS" in contenders else "FAISS Flat"
    return Outcome(
        times=times,
        ours="ours",
        against=against,
        figures=figures,
        notes=[f"Ours is {index.kind}, k = {K}; each answers {_TOGETHER} in a row.", *tuning_of(index)],
    )


@lru_cache(maxsize=1)
def index_of(kind: Kind, size: int, questions: int, seed: int) -> FaissIndex:
    """Our index over what `drawn` gives, made once for the rows that follow each other."""
    passages, start = drawn(kind, size, questions, seed).passages, time.perf_counter()
    index = built(passages)
    # Asked for its kind, it waits no longer: what it needs is trained, added and measured.
    kind_made = index.kind
    made[kind_made, size] = time.perf_counter() - start
    return index


def built(vectors: Vectors) -> FaissIndex:
    """Our index over vectors with the ids 0 to n - 1."""
    from retrieval.index.faiss import FaissIndex

    index = FaissIndex(vectors.shape[1])
    index.add(np.arange(len(vectors)), vectors)
    return index


def tuning_of(index: FaissIndex) -> list[str]:
    """What was measured when it was made, in words."""
    found = index.tuning
    if found is None:
        return []
    effort = found.effort
    return [
        f"Set when it was made: {effort.probes} lists visited, {effort.candidates} candidates for each hit,"
        f" {effort.filtered} allowed ones scored; recall {found.recall:.3f} of {found.questions} passages as questions."
    ]


def _ours(index: FaissIndex, question: Vectors) -> list[int]:
    found: list[int] = index.search(question[None], K)[1][0].tolist()
    return found


def _flat(data: Drawn) -> Search:
    import faiss

    index: Any = faiss.IndexFlatIP(data.passages.shape[1])
    index.add(data.passages)
    return lambda question: index.search(question[None], K)[1][0].tolist()


def _langchain(data: Drawn) -> Search:
    # What its retriever does with a question that is encoded already: the nearest, and their documents.
    from langchain_community.vectorstores import FAISS

    pairs = zip(map(str, range(len(data.passages))), data.passages.tolist(), strict=True)
    store = FAISS.from_embeddings(list(pairs), lambda text: [], distance_strategy="MAX_INNER_PRODUCT")

    def search(question: Vectors) -> list[int]:
        return [int(document.page_content) for document in store.similarity_search_by_vector(question.tolist(), K)]

    return search


def _hnswlib(data: Drawn) -> Search:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=data.passages.shape[1])
    index.init_index(max_elements=len(data.passages), M=16, ef_construction=200)
    index.add_items(data.passages, np.arange(len(data.passages)), num_threads=len(os.sched_getaffinity(0)))
    index.set_ef(_EF)
    index.set_num_threads(1)
    return lambda question: index.knn_query(question, K)[0][0].tolist()


def _chroma(bench: Bench, data: Drawn) -> Search:
    import chromadb

    client = chromadb.PersistentClient(
        path=tempfile.mkdtemp(dir=bench.folder), settings=chromadb.Settings(anonymized_telemetry=False)
    )
    collection = client.get_or_create_collection("passages", configuration={"hnsw": {"space": "ip", "ef_search": _EF}})
    for start in range(0, len(data.passages), 5000):
        part = data.passages[start : start + 5000]
        collection.add(ids=[str(start + place) for place in range(len(part))], embeddings=part)

    def search(question: Vectors) -> list[int]:
        found = collection.query(query_embeddings=[question], n_results=K, include=[])
        return [int(identifier) for identifier in found["ids"][0]]

    return search


def _row(kind: Kind, words: str) -> Row:
    found = {"recall of ours": 0.98}
    return Row(
        f"vectors.{kind}",
        f"vector search, {words}",
        partial(measure, kind=kind),
        must={100_000: Goal(ratio=1 / 40, least=found), 1_000_000: Goal(ratio=1 / 300, least=found)},
        aim={100_000: Goal(least=found, most={"times hnswlib": 2.0}), 1_000_000: Goal(value=0.25, least=found)},
        sized=True,
    )


ROWS = [_row("real", "the site's passages"), _row("clustered", "clusters drawn at random")]
