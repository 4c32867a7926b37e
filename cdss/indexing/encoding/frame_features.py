"""What the image tower sees in a frame, kept: another metric makes other vectors of it without encoding anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from cdss.indexing.encoding.pixels import frames_of_all
from cdss.indexing.models import ImageEmbedding
from cdss.library.models import CaseImage

if TYPE_CHECKING:
    from retrieval.types import TeachableImageEncoder, Vectors


def frames_key(version: str, preprocessing: str, *, masked: bool) -> str:
    """What the vectors of a frame are stored under: they depend on more than the weights."""
    return f"{version}|{preprocessing[:12]}|{'masked' if masked else 'whole'}"


def features_key(encoder: TeachableImageEncoder, *, masked: bool) -> str:
    return frames_key(encoder.features_version, encoder.preprocessing, masked=masked)


def features_embed(*, images: Sequence[CaseImage], encoder: TeachableImageEncoder, masked: bool) -> int:
    """Makes and stores the features of those of the images that have none; returns of how many frames."""
    key = features_key(encoder, masked=masked)
    known = set(
        ImageEmbedding.objects.filter(image__in=[image.pk for image in images], encoder=key)
        .order_by()
        .values_list("image_id", flat=True)
    )
    places, frames = frames_of_all([image for image in images if image.pk not in known], masked=masked)
    if not frames:
        return 0
    made = [
        # Half precision changes a cosine by less than a millionth.
        ImageEmbedding(image_id=pk, frame=number, encoder=key, vector=row.astype("<f2").tobytes())
        for (pk, number), row in zip(places, encoder.features(frames), strict=True)
    ]
    with transaction.atomic():
        alive = set(CaseImage.objects.filter(pk__in=[pk for pk, _ in places]).values_list("pk", flat=True))
        ImageEmbedding.objects.bulk_create([row for row in made if row.image_id in alive], ignore_conflicts=True)
    return len(made)


def stored_features(
    *, key: str, width: int, images: Sequence[int] | None = None
) -> tuple[list[tuple[int, int]], Vectors]:
    """Image and number of each frame, and their features: of these images, or of all."""
    found = ImageEmbedding.objects.filter(encoder=key).order_by("image_id", "frame")
    if images is not None:
        found = found.filter(image__in=images)
    rows = list(found.values_list("image_id", "frame", "vector"))
    if not rows:
        return [], np.zeros((0, width), dtype=np.float32)
    features = np.stack([np.frombuffer(data, dtype="<f2") for _, _, data in rows]).astype(np.float32)
    return [(image, frame) for image, frame, _ in rows], features
