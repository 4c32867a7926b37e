"""Searching the library: what a user may see, found and put in order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import QuerySet

from cdss.accounts.models import User
from cdss.indexing.encoding.pairs import pair_stage, read_again
from cdss.indexing.engine import get_engine
from cdss.indexing.tiers import MOST_REFERENCE, behind
from cdss.indexing.versions.pieces import pieces
from cdss.library.ids import ids_of
from cdss.library.models import CaseImage, Collection, LibraryItem, Passage, State
from cdss.library.veils import unveiled
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError, is_locked
from cdss.ranking.serving import active_weights
from retrieval.rerank import Ranker
from retrieval.types import Floats, Hit, Ids, Query

if TYPE_CHECKING:
    from retrieval.engine import Engine, SearchResult
    from retrieval.pairwise import PairStage


@dataclass(frozen=True, slots=True)
class Found:
    """What a search of the library returned, and what answered it."""

    hits: Sequence[Hit]
    index_version: str
    text_encoder: str
    image_encoder: str
    timings_ms: dict[str, float]
    # Its version, or why it took no part; empty where none is set.
    cross_encoder: str = ""


def search_library(*, user: User | None, query: Query) -> Found:
    """Searches what this user may see and is published. No user is the command line: everything published."""
    engine, visible, rankers = _engine_for([query]), _visible(user), [active_weights().search]
    reference = np.intersect1d(visible, reference_ids(), assume_unique=True)
    if query.allowed is not None or not reference.size:
        return _searched(engine, query, visible, rankers)[0]
    (chosen,) = _searched(engine, query, np.setdiff1d(visible, reference, assume_unique=True), rankers)
    (behind_it,) = _searched(engine, replace(query, k=min(query.k, MOST_REFERENCE)), reference, rankers)
    return replace(chosen, hits=behind(chosen.hits, behind_it.hits, k=query.k))


def reference_ids() -> Ids:
    """Items of the reference collections."""
    collections = list(Collection.objects.filter(reference=True).values_list("pk", flat=True))
    return ids_of(LibraryItem.objects.filter(collection__in=collections, state=State.PUBLISHED))


def library_breadth(*, beside: Ids) -> int:
    """Of how many diagnoses the published index tells, these items aside."""
    return get_engine().snapshot.breadth(beside)


def search_library_each(*, user: User | None, queries: Sequence[Query], by_pairs: bool = True) -> list[Found]:
    """Several searches of one index version, with what the user may see asked of the database once.

    `by_pairs=False` leaves the cross-encoder out, where the order matters less than the time.
    """
    rankers = [active_weights().search]
    return [found for (found,) in search_library_under(user=user, queries=queries, rankers=rankers, by_pairs=by_pairs)]


def search_library_under(
    *, user: User | None, queries: Sequence[Query], rankers: Sequence[Ranker], by_pairs: bool = True
) -> list[list[Found]]:
    """For each query, what is found under each of these rankers, from one search."""
    engine, visible = _engine_for(queries), _visible(user)
    return [_searched(engine, query, visible, rankers, by_pairs=by_pairs) for query in queries]


def search_measured(*, user: User | None, query: Query) -> tuple[Ids, Floats]:
    """What is found, before any ranking, and its features: to learn a ranking from."""
    return _engine_for([query]).measured(replace(query, allowed=_visible(user)))


def _engine_for(queries: Sequence[Query]) -> Engine:
    """The engine of this process, without its images while the site is locked to text. Raises LockedError."""
    if not is_locked(Mode.TEXT_ONLY):
        return get_engine()
    if any(query.images for query in queries):
        raise LockedError(Mode.TEXT_ONLY)
    return _reading_alone(get_engine())


def _searched(
    engine: Engine, query: Query, allowed: Ids, rankers: Sequence[Ranker], *, by_pairs: bool = True
) -> list[Found]:
    permitted = allowed if query.allowed is None else np.intersect1d(query.allowed, allowed)
    wanted = by_pairs and bool(query.text.strip())
    stage = pair_stage() if wanted else None
    # What is read again may come from beyond the last place that was asked for.
    deep = replace(query, allowed=permitted, k=max(query.k, stage.items) if stage else query.k)
    return [_read(engine, query, stage, wanted=wanted, result=result) for result in engine.run_each(deep, rankers)]


def _read(engine: Engine, query: Query, stage: PairStage | None, *, wanted: bool, result: SearchResult) -> Found:
    started = time.perf_counter()
    hits, version = read_again(stage, query.text if wanted else "", _still_there(result.hits))
    timings = {"pairs": (time.perf_counter() - started) * 1000} if stage else {}
    manifest = engine.snapshot.manifest
    return Found(
        hits=hits[: query.k],
        index_version=result.index_version,
        text_encoder=manifest.text_encoder,
        image_encoder=manifest.image_encoder,
        timings_ms={**result.timings_ms, **timings},
        cross_encoder=version,
    )


def _reading_alone(engine: Engine) -> Engine:
    """The same engine, where no image takes part: neither the query's nor, by the joint space, a stored one."""
    alone = copy(engine)
    alone.weights = replace(engine.weights, image=0.0, text_to_image=0.0)
    return alone


def _visible(user: User | None) -> Ids:
    items = LibraryItem.objects
    return ids_of(items.citable() if user is None else unveiled(items.searchable_by(user), user))


def _still_there(hits: Sequence[Hit]) -> list[Hit]:
    """Without the passages and images that were edited away since the index was made, and ranked anew."""
    wanted = [passage for hit in hits for passage in hit.passages]
    passages = _existing(Passage.objects.all(), wanted)
    images = _existing(CaseImage.objects.all(), [hit.image for hit in hits if hit.image is not None])
    kept = [
        replace(
            hit,
            passages=tuple(passage for passage in hit.passages if passage in passages),
            image=hit.image if hit.image in images else None,
        )
        for hit in hits
    ]
    kept = [hit for hit in kept if hit.passages or hit.image is not None]
    return [replace(hit, rank=rank) for rank, hit in enumerate(kept, 1)]


def _existing(rows: QuerySet[Any], ids: Sequence[int]) -> set[int]:
    return {pk for piece in pieces(ids) for pk in rows.filter(pk__in=piece).values_list("pk", flat=True)}
