"""Vectors in the database: made once for an encoder, in batches that are each kept, so that a build can go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Length

from cdss.indexing.models import ImageEmbedding, PassageEmbedding
from cdss.indexing.splitting import encoded_text
from cdss.library.models import CaseImage, LibraryItem, Passage, State
from retrieval.errors import ImageError

if TYPE_CHECKING:
    from retrieval.types import ImageEncoder, Kind, Pixels, TextEncoder, Vectors

logger = logging.getLogger(__name__)
# What is done, how much of it, of how much.
Progress = Callable[[str, int, int], None]
PASSAGES_AT_ONCE = 64
IMAGES_AT_ONCE = 16


def embed_passages(*, encoder: TextEncoder, progress: Progress) -> int:
    """Encodes every published passage that has no vector of this encoder; returns how many."""
    pending = list(
        Passage.objects.filter(item__state=State.PUBLISHED)
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


def frames_of(image: CaseImage, *, masked: bool) -> list[Pixels]:
    from retrieval.imaging import load_pixels, mask_overlays

    path = Path(settings.MEDIA_ROOT) / str(image.file.name)
    frames = load_pixels(path.parent if image.frames > 1 and path.stem == "0000" else path)
    return [mask_overlays(frame) for frame in frames] if masked else frames


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
        alive = set(Passage.objects.filter(pk__in=[row[0] for row in rows]).values_list("pk", flat=True))
        PassageEmbedding.objects.bulk_create([row for row in made if row.passage_id in alive], ignore_conflicts=True)


def _embed_images(images: Sequence[CaseImage], encoder: ImageEncoder, *, masked: bool) -> int:
    frames: list[Pixels] = []
    places: list[tuple[int, int]] = []
    for image in images:
        try:
            loaded = frames_of(image, masked=masked)
        except ImageError:
            # The rest of the library stays searchable; the image is tried again at the next build.
            logger.warning("image %s cannot be read and was left out of the index", image.pk)
            continue
        places += [(image.pk, number) for number in range(len(loaded))]
        frames += loaded
    if not frames:
        return 0
    key = image_key(encoder, masked=masked)
    made = [
        ImageEmbedding(image_id=pk, frame=number, encoder=key, vector=vector.astype("<f4").tobytes())
        for (pk, number), vector in zip(places, encoder.encode(frames), strict=True)
    ]
    with transaction.atomic():
        alive = set(CaseImage.objects.filter(pk__in=[pk for pk, _ in places]).values_list("pk", flat=True))
        ImageEmbedding.objects.bulk_create([row for row in made if row.image_id in alive], ignore_conflicts=True)
    return len({pk for pk, _ in places})


def kinds_of_published() -> dict[int, Kind]:
    rows = LibraryItem.objects.filter(state=State.PUBLISHED).values_list("pk", "kind")
    return {pk: cast("Kind", kind) for pk, kind in rows}
