"""Building, checking and searching the index."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from django.db import transaction
from django.db.models import QuerySet

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.indexing import splitting
from cdss.indexing.assembly import assemble
from cdss.indexing.changes import changes_pending, changes_settle
from cdss.indexing.embedding import Progress, embed_images, embed_passages
from cdss.indexing.encoders import encoders_of, image_encoder, text_encoder
from cdss.indexing.engine import get_engine
from cdss.indexing.generations import KEPT, generations
from cdss.indexing.helpers import helping
from cdss.indexing.models import IndexVersion, PassageSplit
from cdss.indexing.pairs import pair_stage, read_again
from cdss.indexing.pieces import pieces
from cdss.indexing.pruning import leftovers_prune
from cdss.indexing.tiers import MOST_REFERENCE, behind
from cdss.library.models import CaseImage, LibraryItem, Passage, State
from cdss.library.veils import unveiled
from cdss.locks.models import Mode
from cdss.locks.modes import LockedError, is_locked, refuse_in
from cdss.ranking.serving import active_weights
from retrieval.errors import IndexUnusableError
from retrieval.rerank import Ranker
from retrieval.types import Floats, Hit, Ids, Query

if TYPE_CHECKING:
    from retrieval.engine import Engine, SearchResult
    from retrieval.index.snapshot import Snapshot
    from retrieval.manifest import Manifest
    from retrieval.pairwise import PairStage
    from retrieval.types import ImageEncoder, TextEncoder

ITEMS_AT_ONCE = 200


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
    if query.allowed is not None or not visible.reference.size:
        return _searched(engine, query, visible.all, rankers)[0]
    (chosen,) = _searched(engine, query, np.setdiff1d(visible.all, visible.reference), rankers)
    (behind_it,) = _searched(engine, replace(query, k=min(query.k, MOST_REFERENCE)), visible.reference, rankers)
    return replace(chosen, hits=behind(chosen.hits, behind_it.hits, k=query.k))


def reference_ids() -> Ids:
    """Items of the reference collections."""
    items = LibraryItem.objects.filter(collection__reference=True, state=State.PUBLISHED).order_by()
    return np.fromiter(items.values_list("pk", flat=True).iterator(10_000), dtype=np.int64)


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
    return [_searched(engine, query, visible.all, rankers, by_pairs=by_pairs) for query in queries]


def search_measured(*, user: User | None, query: Query) -> tuple[Ids, Floats]:
    """What is found, before any ranking, and its features: to learn a ranking from."""
    return _engine_for([query]).measured(replace(query, allowed=_visible(user).all))


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


def passages_refresh(*, items: Iterable[LibraryItem], encoder: TextEncoder | None = None) -> int:
    """Makes the passages of items whose text changed; returns of how many."""
    encoder = encoder or text_encoder()
    changed = 0
    for chunk in pieces(items, ITEMS_AT_ONCE):
        splits = PassageSplit.objects.in_bulk([item.pk for item in chunk])
        stored = Counter(Passage.objects.filter(item__in=chunk).order_by().values_list("item_id", flat=True))
        pages = splitting.pages_of(chunk)
        for item in chunk:
            changed += splitting.refresh_item(
                item=item,
                split=splits.get(item.pk),
                stored=stored[item.pk],
                pages=pages.get(item.pk, []),
                encoder=encoder,
            )
    return changed


def library_encode(*, workers: int = 1, progress: Progress | None = None) -> tuple[int, int]:
    """Encodes passages and images that have no vector, beside whoever else does so; returns of how many this one did.

    Comes back when the rest is in the hands of other workers.
    """
    refuse_in(Mode.READ_ONLY)
    report = progress or (lambda step, done, total: None)
    with helping(workers - 1):
        passages = embed_passages(encoder=text_encoder(), progress=report, wait=False)
        return passages, embed_images(encoder=image_encoder(), progress=report, wait=False)


def index_build(*, rebuild: bool = False, workers: int = 1, progress: Progress | None = None) -> IndexVersion:
    """Brings the published index up to date with the database; encodes only what has no vector yet.

    `rebuild` makes it from the stored vectors anew instead of from the version before. Nothing changed, nothing is
    written. An interrupted build goes on where it was. What an encoder before the previous one left is removed.
    """
    with only_builder():
        return index_make(
            texts=text_encoder(), images=image_encoder(), rebuild=rebuild, workers=workers, progress=progress
        )


def index_make(
    *,
    texts: TextEncoder,
    images: ImageEncoder,
    rebuild: bool = False,
    keep: Sequence[str] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> IndexVersion:
    """As `index_build`, with these encoders, for who is the only builder already; vectors of those to keep stay."""
    refuse_in(Mode.READ_ONLY)
    noted = changes_pending()
    report = progress or (lambda step, done, total: None)
    passages_refresh(items=_published(), encoder=texts)
    with helping(workers - 1):
        embed_passages(encoder=texts, progress=report)
        embed_images(encoder=images, progress=report)
    current = IndexVersion.objects.first()
    base = None if rebuild or current is None else _usable(current, texts, images)
    snapshot, changed = assemble(texts, images, base)
    unchanged = current is not None and base is not None and not changed
    version = current if current is not None and unchanged else generations().publish(snapshot, _register)
    changes_settle(noted)
    leftovers_prune(keep=keep)
    return version


def index_verify() -> IndexVersion:
    """The newest version, every checksum verified. Raises IndexUnusableError with what is wrong and the remedy."""
    version = IndexVersion.objects.first()
    if version is None:
        raise IndexUnusableError("There is no index yet. Run manage.py build_index.")
    _require(generations().verify(version), *encoders_of(version.text_encoder))
    return version


def index_repair(*, progress: Progress | None = None) -> IndexVersion:
    """At start-up: the newest version if it is whole, else a new one from the stored vectors; leftovers are removed."""
    index_clean()
    try:
        return index_verify()
    except IndexUnusableError:
        if is_of_another_encoder(IndexVersion.objects.first()):
            # Nothing is damaged: to encode the whole library anew is for an administrator to decide.
            raise
        return index_build(rebuild=True, progress=progress)


def is_of_another_encoder(version: IndexVersion | None) -> bool:
    if version is None:
        return False
    texts, images = encoders_of(version.text_encoder)
    return (version.text_encoder, version.image_encoder) != (texts.version, images.version)


class _Visible(NamedTuple):
    all: Ids
    reference: Ids


def _visible(user: User | None) -> _Visible:
    items = LibraryItem.objects
    seen = items.citable() if user is None else unveiled(items.searchable_by(user), user)
    rows = list(seen.order_by().values_list("pk", "collection__reference").iterator(10_000))
    reference = (pk for pk, is_reference in rows if is_reference)
    return _Visible(
        np.fromiter((pk for pk, _ in rows), dtype=np.int64, count=len(rows)), np.fromiter(reference, dtype=np.int64)
    )


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


def _register(manifest: Manifest, sha256: str) -> IndexVersion:
    with transaction.atomic():
        version = IndexVersion.objects.create(
            name=manifest.name,
            text_encoder=manifest.text_encoder,
            image_encoder=manifest.image_encoder,
            passages=manifest.passages,
            images=manifest.images,
            manifest_sha256=sha256,
        )
        details = {"name": version.name, "passages": version.passages, "images": version.images}
        record(action="index.publish", obj=version, details=details)
    return version


def index_clean(*, keep: int = KEPT) -> None:
    """Removes old versions and what interrupted writers left; what the newest rows name stays."""
    generations().clean(keep=keep, rows=max(1, keep))


def index_snapshot(
    version: IndexVersion, texts: TextEncoder, images: ImageEncoder, *, changing: bool = False
) -> Snapshot:
    """A version to be searched, or the base of the next one.

    Raises IndexUnusableError when it is damaged or was made with other encoders.
    """
    snapshot = generations().load(version, changing=changing)
    _require(snapshot.manifest, texts, images)
    return snapshot


def _require(manifest: Manifest, texts: TextEncoder, images: ImageEncoder) -> None:
    from retrieval.index.snapshot import terms_version

    manifest.require(
        text_encoder=texts.version,
        image_encoder=images.version,
        image_preprocessing=images.preprocessing,
        terms=terms_version(),
    )


def _usable(version: IndexVersion, texts: TextEncoder, images: ImageEncoder) -> Snapshot | None:
    try:
        return index_snapshot(version, texts, images, changing=True)
    except IndexUnusableError:
        return None


def only_builder() -> AbstractContextManager[None]:
    """Nobody else makes an index meanwhile. Not to be asked for twice at once."""
    return generations().only_builder()


def _published() -> Iterator[LibraryItem]:
    """In pieces that are read to their end: a query that is still open while something is written makes SQLite refuse
    the writing at once when somebody else has written meanwhile."""
    pks = list(LibraryItem.objects.filter(state=State.PUBLISHED).order_by("pk").values_list("pk", flat=True))
    for piece in pieces(pks, ITEMS_AT_ONCE):
        yield from LibraryItem.objects.filter(pk__in=piece).order_by("pk")
