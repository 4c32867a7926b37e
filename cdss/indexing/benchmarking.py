"""How fast a whole search is beside its bare parts and beside LangChain's retriever, all in one run.

Words and vectors of the passages are drawn at random: the figures are of speed, not of finding the right thing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from cdss.indexing.encoders import image_encoder, text_encoder
from retrieval.types import Query

if TYPE_CHECKING:
    from retrieval.engine import Engine
    from retrieval.types import TextEncoder, Vectors

ITEMS_EVERY = 5
PASSAGE_WORDS = 120
CLUSTERS = 2000
SUBJECTS = ("Well-marginated mass", "Filling defect", "Ring-enhancing lesion", "Patchy consolidation", "Lucent line")
PLACES = ("left upper lobe", "right pulmonary artery", "temporal lobe", "distal radius", "renal cortex", "spleen")
COURSES = ("two weeks of fever and cough", "sudden dyspnoea", "a fall on the hand", "headache with vomiting")


@dataclass(frozen=True, slots=True)
class Figures:
    p50_ms: float
    p95_ms: float


def run(*, passages: int, queries: int, seed: int = 7) -> dict[str, Any]:
    """Every engine answers each query once, in a turning order, so that a slow moment of the machine hits all alike."""
    random = np.random.default_rng(seed)
    # Without its memory: otherwise the first to be asked would pay for the others.
    encoder = _plain(text_encoder())
    vectors, texts = _vectors(passages, encoder.dimension, random), _texts(passages, random)
    engine = _engine(vectors, texts, encoder)
    contenders: dict[str, Callable[[str], object]] = {"bare": _bare(vectors, encoder)}
    parts: dict[str, list[float]] = {}
    contenders["engine"] = lambda text: _noted(engine, text, parts)
    if find_spec("langchain_community"):
        contenders["langchain"] = _langchain(vectors, texts, encoder)
    times = _timed(contenders, [_query(number) for number in range(queries)])
    figures = {name: _figures(measured) for name, measured in times.items()}
    return {
        "passages": passages,
        "queries": queries,
        "text_encoder": encoder.version,
        "milliseconds": {name: {"p50": f.p50_ms, "p95": f.p95_ms} for name, f in figures.items()},
        "engine_parts_p50": {name: round(float(np.median(values)), 3) for name, values in parts.items()},
        "ratios": _ratios(figures),
    }


def _timed(contenders: Mapping[str, Callable[[str], object]], queries: Sequence[str]) -> dict[str, list[float]]:
    names = list(contenders)
    for name in names:
        contenders[name]("a first question, which is not counted")
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn, text in enumerate(queries):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            start = time.perf_counter()
            contenders[name](text)
            times[name].append((time.perf_counter() - start) * 1000)
    return times


def _figures(milliseconds: Sequence[float]) -> Figures:
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return Figures(round(float(p50), 3), round(float(p95), 3))


def _ratios(figures: Mapping[str, Figures]) -> dict[str, dict[str, float]]:
    engine = figures["engine"]
    return {
        f"engine/{name}": {"p50": round(engine.p50_ms / f.p50_ms, 3), "p95": round(engine.p95_ms / f.p95_ms, 3)}
        for name, f in figures.items()
        if name != "engine"
    }


def _noted(engine: Engine, text: str, parts: dict[str, list[float]]) -> object:
    result = engine.run(Query(text=text))
    for name, milliseconds in result.timings_ms.items():
        parts.setdefault(name, []).append(milliseconds)
    return result


def _bare(vectors: Vectors, encoder: TextEncoder) -> Callable[[str], object]:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda text: index.search(encoder.encode([text]), 10)


def _langchain(vectors: Vectors, texts: Sequence[str], encoder: TextEncoder) -> Callable[[str], object]:
    # The only place outside cdss.reasoning that knows of LangChain: it is what we are compared with.
    from langchain_community.vectorstores import FAISS

    def embed(text: str) -> list[float]:
        return [float(value) for value in encoder.encode([text])[0]]

    store = FAISS.from_embeddings(list(zip(texts, vectors.tolist(), strict=True)), embed)
    retriever = store.as_retriever(search_kwargs={"k": 10})
    return lambda text: retriever.invoke(text)


def _plain(encoder: TextEncoder) -> TextEncoder:
    from retrieval.encoders.memo import RememberingTextEncoder

    return encoder.encoder if isinstance(encoder, RememberingTextEncoder) else encoder


def _engine(vectors: Vectors, texts: Sequence[str], encoder: TextEncoder) -> Engine:
    from retrieval.engine import Engine
    from retrieval.index.faiss import FaissIndex
    from retrieval.index.lexical import COSINE, LexicalIndex
    from retrieval.index.snapshot import Snapshot, Subjects, Table, describe

    pictures = image_encoder()
    ids = np.arange(1, len(texts) + 1)
    items = (ids - 1) // ITEMS_EVERY + 1
    text, images = FaissIndex(encoder.dimension), FaissIndex(pictures.dimension)
    lexical, item_lexical = LexicalIndex(), LexicalIndex(COSINE)
    text.add(ids, vectors)
    lexical.add(ids, texts)
    whole = {item: " ".join(texts[(item - 1) * ITEMS_EVERY : item * ITEMS_EVERY]) for item in np.unique(items).tolist()}
    item_lexical.add(list(whole), list(whole.values()))
    snapshot = Snapshot(
        describe(text_encoder=encoder, image_encoder=pictures, text=text, images=images),
        kinds=dict.fromkeys(whole, "case"),
        passages=Table.of(list(zip(ids.tolist(), items.tolist(), strict=True)), 2),
        frames=Table.of([], 3),
        subjects=Subjects.of([]),
        text=text,
        lexical=lexical,
        item_lexical=item_lexical,
        images=images,
    )
    return Engine(snapshot, encoder, pictures)


def _vectors(count: int, dimension: int, random: np.random.Generator) -> Vectors:
    centres = random.standard_normal((min(CLUSTERS, count), dimension))
    vectors = centres[random.integers(0, len(centres), count)] + 0.5 * random.standard_normal((count, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _texts(count: int, random: np.random.Generator) -> list[str]:
    known = " ".join((*SUBJECTS, *PLACES, *COURSES)).split()
    vocabulary = np.array([*known, *(f"word{number}" for number in range(30_000))])
    # Frequencies of words as in real text (Zipf).
    weights = 1 / np.arange(1, len(vocabulary) + 1)
    drawn = random.choice(vocabulary, (count, PASSAGE_WORDS), p=weights / weights.sum())
    return [" ".join(words) for words in drawn]


def _query(number: int) -> str:
    subject, place = SUBJECTS[number % len(SUBJECTS)], PLACES[number % len(PLACES)]
    course = COURSES[number % len(COURSES)]
    return f"{20 + number} year old with {course}. {subject} of {10 + number} mm in the {place}, no effusion."
