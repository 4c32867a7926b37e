"""Building and checking the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from django.db import transaction

from cdss.audit.services import record
from cdss.indexing import splitting
from cdss.indexing.encoding.embedding import Progress, embed_images, embed_passages
from cdss.indexing.encoding.encoders import encoders_of, image_encoder, text_encoder
from cdss.indexing.encoding.helpers import helping
from cdss.indexing.models import IndexVersion, PassageSplit
from cdss.indexing.versions.assembly import assemble
from cdss.indexing.versions.changes import changes_pending, changes_settle
from cdss.indexing.versions.generations import KEPT, generations
from cdss.indexing.versions.pieces import pieces
from cdss.indexing.versions.pruning import leftovers_prune
from cdss.library.models import LibraryItem, Passage, State
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from retrieval.errors import IndexUnusableError

if TYPE_CHECKING:
    from retrieval.index.snapshot import Snapshot
    from retrieval.manifest import Manifest
    from retrieval.types import ImageEncoder, TextEncoder

ITEMS_AT_ONCE = 200


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
    """Removes old versions and what interrupted writers left; what the newest row names stays."""
    generations().clean(keep=keep)


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
