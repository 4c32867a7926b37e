"""Vectors in the database: made once for an encoder, in batches that are each kept, so that a build can go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from django.db import transaction
from django.db.models.functions import Length

from cdss.indexing.encoding.claims import encode_claimed
from cdss.indexing.encoding.frame_features import features_embed, features_key, frames_key, stored_features
from cdss.indexing.encoding.pixels import frames_of_all
from cdss.indexing.models import ImageEmbedding, PassageEmbedding
from cdss.indexing.splitting import encoded_text
from cdss.library.models import CaseImage, LibraryItem, Passage, State
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked
from retrieval.types import KINDS

if TYPE_CHECKING:
    from retrieval.types import ImageEncoder, Kind, TextEncoder, Vectors

# What is done, how much of it, of how much.
Progress = Callable[[str, int, int], None]
PASSAGES_AT_ONCE = 64
IMAGES_AT_ONCE = 16


def embed_passages(
    *, encoder: TextEncoder, progress: Progress, kinds: Sequence[Kind] = KINDS, wait: bool = True
) -> int:
    """Encodes every published passage of these kinds that has no vector of this encoder; returns how many it did.

    Several workers may do so at once, each passage is encoded by one; without `wait` the rest is left to the others.
    """
    passages = Passage.objects.filter(item__state=State.PUBLISHED, item__kind__in=kinds)

    def pending(among: Sequence[int] | None) -> list[int]:
        asked = passages if among is None else passages.filter(pk__in=among)
        missing = asked.exclude(embeddings__encoder=encoder.version).order_by(Length("text"), "pk")
        return list(missing.values_list("pk", flat=True))

    def encode(ids: list[int]) -> None:
        rows = Passage.objects.filter(pk__in=ids).order_by(Length("text"), "pk")
        _embed_passages(list(rows.values_list("pk", "item__title", "text")), encoder)

    return encode_claimed(
        what="passages",
        encoder=encoder.version,
        pending=pending,
        at_once=PASSAGES_AT_ONCE,
        encode=encode,
        progress=partial(progress, "passages"),
        wait=wait,
    )


def embed_images(*, encoder: ImageEncoder, progress: Progress, wait: bool = True) -> int:
    """Encodes the frames of every published image that has none of this encoder; returns how many images it did."""
    if is_locked(Mode.TEXT_ONLY):
        return 0
    return sum(_embed_all(encoder, progress, masked=masked, wait=wait) for masked in (False, True))


def _embed_all(encoder: ImageEncoder, progress: Progress, *, masked: bool, wait: bool) -> int:
    key = image_key(encoder, masked=masked)
    images = CaseImage.objects.filter(case__state=State.PUBLISHED, case__collection__mask_overlays=masked)
    # What gives no frame stays without a vector: once is enough.
    tried: set[int] = set()

    def pending(among: Sequence[int] | None) -> list[int]:
        asked = images if among is None else images.filter(pk__in=among)
        missing = asked.exclude(embeddings__encoder=key).order_by("pk").values_list("pk", flat=True)
        return [pk for pk in missing if pk not in tried]

    def encode(ids: list[int]) -> None:
        tried.update(ids)
        _embed_images(list(CaseImage.objects.filter(pk__in=ids).order_by("pk")), encoder, masked=masked)

    return encode_claimed(
        what="images",
        encoder=key,
        pending=pending,
        at_once=IMAGES_AT_ONCE,
        encode=encode,
        progress=partial(progress, "images"),
        wait=wait,
    )


def image_key(encoder: ImageEncoder, *, masked: bool) -> str:
    return frames_key(encoder.version, encoder.preprocessing, masked=masked)


def vector_of(data: bytes | memoryview) -> Vectors:
    return np.frombuffer(data, dtype="<f4").astype(np.float32)


def _embed_passages(rows: Sequence[tuple[int, str, str]], encoder: TextEncoder) -> None:
    vectors = encoder.encode([encoded_text(title, text, encoder) for _, title, text in rows])
    made = [
        PassageEmbedding(passage_id=pk, encoder=encoder.version, vector=vector.astype("<f4").tobytes())
        for (pk, _, _), vector in zip(rows, vectors, strict=True)
    ]
    with transaction.atomic():
        # Some may have been edited away, or encoded by another process, in the meantime.
        there = Passage.objects.select_for_update(no_key=True).filter(pk__in=[row[0] for row in rows]).order_by("pk")
        alive = set(there.values_list("pk", flat=True))
        PassageEmbedding.objects.bulk_create([row for row in made if row.passage_id in alive], ignore_conflicts=True)


def _embed_images(images: Sequence[CaseImage], encoder: ImageEncoder, *, masked: bool) -> int:
    places, vectors = _vectors_of(images, encoder, masked=masked)
    if not places:
        return 0
    key = image_key(encoder, masked=masked)
    made = [
        ImageEmbedding(image_id=pk, frame=number, encoder=key, vector=vector.astype("<f4").tobytes())
        for (pk, number), vector in zip(places, vectors, strict=True)
    ]
    with transaction.atomic():
        there = CaseImage.objects.select_for_update(no_key=True).filter(pk__in=[pk for pk, _ in places]).order_by("pk")
        alive = set(there.values_list("pk", flat=True))
        ImageEmbedding.objects.bulk_create([row for row in made if row.image_id in alive], ignore_conflicts=True)
    return len({pk for pk, _ in places})


def _vectors_of(
    images: Sequence[CaseImage], encoder: ImageEncoder, *, masked: bool
) -> tuple[list[tuple[int, int]], Vectors]:
    """Frames, as image and number, and their vectors; from stored features where the encoder has such."""
    from retrieval.types import TeachableImageEncoder

    if isinstance(encoder, TeachableImageEncoder):
        features_embed(images=images, encoder=encoder, masked=masked)
        places, features = stored_features(
            key=features_key(encoder, masked=masked), width=sum(encoder.widths), images=[image.pk for image in images]
        )
        return places, encoder.vectors(features)
    places, frames = frames_of_all(images, masked=masked)
    return places, encoder.encode(frames)


def kinds_of_published() -> dict[int, Kind]:
    rows = LibraryItem.objects.filter(state=State.PUBLISHED).values_list("pk", "kind")
    return {pk: cast("Kind", kind) for pk, kind in rows}
