"""The site's cross-encoder, if it has one: loaded at the first search that wants it, and a search never fails by it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings

from cdss.library.models import Passage
from retrieval.errors import EncoderError

if TYPE_CHECKING:
    from retrieval.pairwise import PairStage
    from retrieval.types import Hit, PairScorer

logger = logging.getLogger(__name__)
NOT_USED = "configured, but not used: manage.py check says why"
FAILED = "configured, but it failed on this search"

_lock = threading.Lock()


class Read(NamedTuple):
    """Hits, and the version of the cross-encoder that read them or why none did; empty without one."""

    hits: Sequence[Hit]
    cross_encoder: str


def pair_stage() -> PairStage | None:
    """None without a cross-encoder, or when it cannot be used."""
    if not settings.CROSS_ENCODER:
        return None
    from retrieval.pairwise import PairStage

    with _lock:
        scorer = _scorer(settings.CROSS_ENCODER)
    if scorer is None:
        return None
    return PairStage(
        scorer,
        items=settings.CROSS_ENCODER_ITEMS,
        weight=settings.CROSS_ENCODER_WEIGHT,
        seconds=settings.CROSS_ENCODER_MILLISECONDS / 1000,
    )


def read_again(stage: PairStage | None, text: str, hits: Sequence[Hit]) -> Read:
    if stage is None:
        return Read(hits, NOT_USED if settings.CROSS_ENCODER and text.strip() else "")
    wanted = Passage.objects.filter(pk__in=stage.passages_of(hits))
    try:
        return Read(stage.reranked(text, hits, dict(wanted.values_list("pk", "text"))), stage.scorer.version)
    except EncoderError as error:
        logger.warning("the cross-encoder was not used: %s", error)
        return Read(hits, FAILED)


def cross_encoder_version() -> str:
    """Of the one that takes part in every search by text; empty without one."""
    stage = pair_stage()
    return stage.scorer.version if stage else NOT_USED if settings.CROSS_ENCODER else ""


def cross_encoder_problem() -> str:
    """What is wrong with the one that is set, told from its files without loading it."""
    from retrieval.encoders.cross import local_folder, problem_of

    try:
        return problem_of(local_folder(settings.CROSS_ENCODER, settings.MODELS_ROOT)) if settings.CROSS_ENCODER else ""
    except EncoderError as error:
        return str(error)


def forget() -> None:
    """The next search loads it again: between tests."""
    with _lock:
        _scorer.cache_clear()


@cache
def _scorer(spec: str) -> PairScorer | None:
    from retrieval.encoders import registry

    try:
        return registry.pair_scorer(spec, models_root=settings.MODELS_ROOT, threads=settings.MODEL_THREADS)
    except EncoderError as error:
        logger.warning("searching without the cross-encoder: %s", error)
        return None
