"""An index version from what the database holds, from scratch or from the version before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cdss.indexing.encoding.embedding import image_key, kinds_of_published, vector_of
from cdss.indexing.models import ImageEmbedding, PassageEmbedding
from cdss.indexing.subjects import subject_rows
from cdss.indexing.versions.generations import Generations, generations
from cdss.indexing.versions.pieces import pieces
from cdss.library.ids import ids_of
from cdss.library.models import LibraryItem, Passage, State

if TYPE_CHECKING:
    from retrieval.index.lexical import LexicalIndex
    from retrieval.index.snapshot import PublishedVectors, Snapshot, Table, Words
    from retrieval.types import Ids, ImageEncoder, Kind, TextEncoder, Vectors


def assemble(
    text_encoder: TextEncoder, image_encoder: ImageEncoder, base: Snapshot | None, store: Generations | None = None
) -> tuple[Snapshot, bool]:
    """The version the database asks for, and whether it differs from `base`, whose parts are changed into it."""
    from retrieval.index.lexical import COSINE, LexicalIndex
    from retrieval.index.snapshot import Snapshot, Subjects, Table, describe

    store = store or generations()
    passage_rows, frame_rows = _passage_rows(text_encoder), _frame_rows(image_encoder)
    # Read last: what was deleted meanwhile is in none of the tables.
    kinds = kinds_of_published()
    passages = Table.of([row for row in passage_rows if row[1] in kinds], 2)
    frames = Table.of([row for row in frame_rows if row[1] in kinds], 3)
    subjects = Subjects.of(subject_rows(kinds))
    text = base.text if base else store.vectors(text_encoder, of_images=False)
    lexical = _changeable(base.lexical) if base else LexicalIndex()
    item_lexical = _changeable(base.item_lexical) if base else LexicalIndex(COSINE)
    images = base.images if base else store.vectors(image_encoder, of_images=True)

    changed = base is None or kinds_differ(base, passages, frames, kinds) or not subjects.same_as(base.subjects)
    _make_room(text, len(passages.ids))
    _make_room(images, len(frames.ids))
    changed |= _update_text(text, lexical, passages.ids, text_encoder)
    changed |= _update_items(item_lexical, passages, base)
    changed |= _update_images(images, frames.ids)
    passages, frames = _agreeing(passages, frames, text, lexical, item_lexical, images)
    aside = _reference_items()
    changed |= lexical.set_aside(passages.ids[np.isin(passages.items, aside)])
    changed |= item_lexical.set_aside(aside)
    snapshot = Snapshot(
        describe(text_encoder=text_encoder, image_encoder=image_encoder, text=text, images=images),
        kinds={item: kinds[item] for item in np.union1d(passages.items, frames.items).tolist()},
        passages=passages,
        frames=frames,
        subjects=subjects,
        text=text,
        lexical=lexical,
        item_lexical=item_lexical,
        images=images,
    )
    return snapshot, changed


def _agreeing(
    passages: Table,
    frames: Table,
    text: PublishedVectors,
    lexical: LexicalIndex,
    words: LexicalIndex,
    images: PublishedVectors,
) -> tuple[Table, Table]:
    """What was deleted while the parts were read is in some of them. What is in all of them stays; the deletion is
    noted, and the next build has the rest."""
    from retrieval.index.snapshot import Table

    kept = np.isin(passages.ids, text.ids) & np.isin(passages.items, words.ids)
    if not kept.all():
        passages = Table(passages.ids[kept], passages.items[kept], passages.images)
        text.remove(np.setdiff1d(text.ids, passages.ids))
        lexical.remove(np.setdiff1d(lexical.ids, passages.ids))
        words.remove(np.setdiff1d(words.ids, passages.items))
    there = np.isin(frames.ids, images.ids)
    return passages, Table(frames.ids[there], frames.items[there], frames.images[there])


def _changeable(words: Words) -> LexicalIndex:
    from retrieval.index.lexical import LexicalIndex

    if not isinstance(words, LexicalIndex):
        raise TypeError("The base was loaded to be searched: load it to be changed.")
    return words


def _make_room(vectors: object, count: int) -> None:
    """An index that the library has outgrown is made anew, from vectors of full precision."""
    from retrieval.index.faiss import FaissIndex

    if isinstance(vectors, FaissIndex):
        vectors.prepare(count)


def _reference_items() -> Ids:
    """They are found like any other item, but must not change how the words of the library count."""
    return ids_of(LibraryItem.objects.filter(collection__reference=True, state=State.PUBLISHED))


def kinds_differ(base: Snapshot, passages: Table, frames: Table, kinds: Mapping[int, Kind]) -> bool:
    same_tables = all(
        np.array_equal(old, new)
        for old, new in (
            (base.passages.items, passages.items),
            (base.frames.items, frames.items),
            (base.frames.images, frames.images),
        )
    )
    return not same_tables or any(base.kind_of(item) != kinds[item] for item in base.items.tolist())


def _update_text(text: PublishedVectors, lexical: LexicalIndex, wanted: Ids, encoder: TextEncoder) -> bool:
    """The two may differ before: a shared table of vectors goes on from where an interrupted build left it."""
    changed = False
    for index in (text, lexical):
        changed |= index.remove(np.setdiff1d(index.ids, wanted)) > 0
    vectorless, wordless = np.setdiff1d(wanted, text.ids), np.setdiff1d(wanted, lexical.ids)
    for ids in pieces(np.union1d(vectorless, wordless).tolist()):
        stored = PassageEmbedding.objects.filter(passage__in=ids, encoder=encoder.version)
        vectors = dict(stored.values_list("passage_id", "vector"))
        rows = Passage.objects.filter(pk__in=ids).values_list("pk", "item__title", "text")
        found = {pk: f"{title}\n{body}" for pk, title, body in rows if pk in vectors}
        added = _of_these(vectorless, found)
        text.add(added, _stack([vectors[pk] for pk in added.tolist()], text.dimension))
        said = _of_these(wordless, found).tolist()
        lexical.add(said, [found[pk] for pk in said])
    return changed or bool(len(vectorless) or len(wordless))


def _of_these(ids: Ids, found: Collection[int]) -> Ids:
    """Those of `ids`, a million in order perhaps, that are among these few, without going through all of them."""
    few = np.array(sorted(found), dtype=np.int64)
    places = np.minimum(np.searchsorted(ids, few), max(len(ids) - 1, 0))
    return few[ids[places] == few] if len(ids) else ids


def _update_items(lexical: LexicalIndex, passages: Table, base: Snapshot | None) -> bool:
    """An item whose text or title changed has other passages."""
    before = base.passages.ids if base else np.zeros(0, dtype=np.int64)
    new = np.unique(passages.items[~np.isin(passages.ids, before)])
    gone = np.setdiff1d(lexical.ids, passages.items)
    lexical.remove(gone)
    for ids in pieces(new.tolist()):
        rows = list(LibraryItem.objects.filter(pk__in=ids).values_list("pk", "title", "text"))
        lexical.add([row[0] for row in rows], [f"{title}\n{text}" for _, title, text in rows])
    return bool(len(gone) or len(new))


def _update_images(images: PublishedVectors, wanted: Ids) -> bool:
    gone, new = np.setdiff1d(images.ids, wanted), np.setdiff1d(wanted, images.ids)
    images.remove(gone)
    for ids in pieces(new.tolist()):
        rows = list(ImageEmbedding.objects.filter(pk__in=ids).values_list("pk", "vector"))
        images.add(np.array([pk for pk, _ in rows], dtype=np.int64), _stack([row[1] for row in rows], images.dimension))
    return bool(len(gone) or len(new))


def _passage_rows(encoder: TextEncoder) -> list[tuple[int, int]]:
    stored = PassageEmbedding.objects.filter(encoder=encoder.version, passage__item__state=State.PUBLISHED)
    return list(stored.values_list("passage_id", "passage__item_id"))


def _frame_rows(encoder: ImageEncoder) -> list[tuple[int, int, int]]:
    rows: list[tuple[int, int, int]] = []
    for masked in (False, True):
        stored = ImageEmbedding.objects.filter(
            encoder=image_key(encoder, masked=masked),
            image__case__state=State.PUBLISHED,
            image__case__collection__mask_overlays=masked,
        )
        rows += stored.values_list("pk", "image__case_id", "image_id")
    return rows


def _stack(data: Sequence[bytes | memoryview], dimension: int) -> Vectors:
    return np.stack([vector_of(one) for one in data]) if data else np.zeros((0, dimension), dtype=np.float32)
