"""Vectors in the database: made once for an encoder, in batches that are each kept, so that a build can go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from django.db import transaction
from django.db.models.functions import Length

from cdss.indexing.frame_features import features_embed, features_key, stored_features
from cdss.indexing.models import ImageEmbedding, PassageEmbedding
from cdss.indexing.pixels import frames_of_all
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


def embed_passages(*, encoder: TextEncoder, progress: Progress, kinds: Sequence[Kind] = KINDS) -> int:
    """Encodes every published passage of these kinds that has no vector of this encoder; returns how many."""
    pending = list(
        Passage.objects.filter(item__state=State.PUBLISHED, item__kind__in=kinds)
        .exclude(embeddings__encoder=encoder.version)
        .order_by(Length("text"), "pk")
        .values_list("pk", flat=True)
    )
    progress("passages", 0, len(pending))
    for start in range(0, len(pending), PASSAGES_AT_ONCE):
        rows = Passage.objects.filter(pk__in=pending[start : start + PASSAGES_AT_ONCE]).values_list(
            "pk", "item__title", "text"
        )
        _embed_passages(list(rows), encoder)
        progress("passages", min(start + PASSAGES_AT_ONCE, len(pending)), len(pending))
    return len(pending)


def embed_images(*, encoder: ImageEncoder, progress: Progress) -> int:
    """Encodes the frames of every published image that has none of this encoder; returns how many images."""
    done = 0
    if is_locked(Mode.TEXT_ONLY):
        return done
    for masked in (False, True):
        pending = list(
            CaseImage.objects.filter(case__state=State.PUBLISHED, case__collection__mask_overlays=masked)
            .exclude(embeddings__encoder=image_key(encoder, masked=masked))
            .order_by("pk")
        )
        progress("images", 0, len(pending))
        for start in range(0, len(pending), IMAGES_AT_ONCE):
            done += _embed_images(pending[start : start + IMAGES_AT_ONCE], encoder, masked=masked)
            progress("images", min(start + IMAGES_AT_ONCE, len(pending)), len(pending))
    return done


def image_key(encoder: ImageEncoder, *, masked: bool) -> str:
    """What the vectors of an image are stored under: they depend on more than the weights."""
    return f"{encoder.version}|{encoder.preprocessing[:12]}|{'masked' if masked else 'whole'}"


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
