"""The evidence step and the whole consultation, on the library's own cases, each kept out of its own evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
from django.db.models import Prefetch

from cdss.consultations.evidence import Scope, retrieve
from cdss.consultations.pipeline import Unwatched, consult
from cdss.indexing.benchmarks.data import plain
from cdss.indexing.benchmarks.suite import Bench, Goal, Outcome, Row, Unmeasurable
from cdss.indexing.benchmarks.whole import ensemble
from cdss.indexing.encoding.embedding import vector_of
from cdss.indexing.encoding.encoders import image_encoder, text_encoder
from cdss.indexing.models import ImageEmbedding, PassageEmbedding
from cdss.library.intake import stored_pixels
from cdss.library.models import Case, CaseImage
from cdss.reasoning.types import CaseInput
from retrieval.types import Pixels

MOST_CASES = 60
_K = 10
_numbers = count()
Asked = tuple[CaseInput, list[Pixels], Scope]


def measure_evidence(bench: Bench) -> Outcome:
    """What stands on the page before anything is written: a text and one image, through the database."""
    asked = _asked(bench)
    contenders: dict[str, Callable[[int], object]] = {"ours": lambda turn: _retrieve(asked[turn])}
    if bench.has("LangChain stack", "langchain_classic") and bench.has("LangChain stack", "rank_bm25"):
        contenders["LangChain stack"] = _stack(asked)
    passages = PassageEmbedding.objects.filter(encoder=text_encoder().version).count()
    notes = [
        "The passages of this site. LangChain's stack: encode the text, FAISS and BM25 retrievers fused,"
        " encode the image, FAISS over images; it ranks nothing, asks no permission and reads nothing from a database."
    ]
    times = bench.interleaved(contenders, turns=len(asked))
    return Outcome(times=times, ours="ours", against="LangChain stack", at=95, notes=notes, size=passages)


def measure_consultation(bench: Bench) -> Outcome:
    """From the case to the composer's checked answer, beside the evidence step alone."""
    asked = _asked(bench)
    contenders: dict[str, Callable[[int], object]] = {
        "whole consultation": lambda turn: _consult(asked[turn]),
        "evidence step": lambda turn: _retrieve(asked[turn]),
    }
    times = bench.interleaved(contenders, turns=len(asked))
    return Outcome(times=times, ours="whole consultation", against="evidence step", at=95)


def _asked(bench: Bench) -> list[Asked]:
    images = Prefetch("images", queryset=CaseImage.objects.order_by("pk"))
    cases = Case.objects.published().filter(images__isnull=False).distinct().order_by("pk").prefetch_related(images)
    chosen = [_one(case) for case in cases[: min(bench.queries, MOST_CASES)]]
    if len(chosen) < 2:
        raise Unmeasurable("the library has no cases with images")
    return chosen


def _one(case: Case) -> Asked:
    given = CaseInput(case.age, case.sex, case.history, case.exam, case.findings)
    pixels = [frame for image in case.images.all()[:1] for frame in stored_pixels(image, most=1)]
    return given, pixels, Scope(excluded_source_id=case.source_id)


def _retrieve(asked: Asked) -> object:
    case, pixels, scope = asked
    return retrieve(case=_never_asked(case), pixels=pixels, scope=scope)


def _consult(asked: Asked) -> object:
    case, pixels, scope = asked
    return consult(case=_never_asked(case), load_pixels=lambda: pixels, scope=scope, watch=Unwatched())


def _never_asked(case: CaseInput) -> CaseInput:
    """What a process remembers of a case must not answer for a contender that comes later."""
    return replace(case, history=f"{case.history} ({next(_numbers)})")


def _stack(asked: list[Asked]) -> Callable[[int], object]:
    import faiss

    encoder, pictures = plain(text_encoder()), image_encoder()
    stored = PassageEmbedding.objects.filter(encoder=text_encoder().version).order_by("pk")
    rows = list(stored.values_list("passage__text", "vector"))
    texts = ensemble(np.stack([vector_of(vector) for _, vector in rows]), [text for text, _ in rows], encoder)
    frames = ImageEmbedding.objects.filter(encoder__startswith=pictures.version).values_list("vector", flat=True)
    index = faiss.IndexFlatIP(pictures.dimension)
    index.add(np.stack([vector_of(vector) for vector in frames]))

    def ask(turn: int) -> object:
        case, pixels, _ = asked[turn]
        return texts(case.text), index.search(pictures.encode(pixels), _K) if pixels else None

    return ask


ROWS = [
    Row(
        "consultation.evidence",
        "evidence on the page, text and one image, p95",
        measure_evidence,
        must=Goal(ratio=0.4),
    ),
    Row(
        "consultation.whole",
        "composer consultation beside its evidence step, p95",
        measure_consultation,
        must=Goal(ratio=5.0),
        aim=Goal(ratio=2.0),
    ),
]
