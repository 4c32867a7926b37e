"""The nearest image by metrics that were not taught on the case that asks: what a new image would find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cdss.evaluation.cases import KnownImage
from cdss.evaluation.workbench import Workbench
from cdss.indexing.encoding.encoders import image_encoder
from cdss.indexing.taught.metric import image_features, unseen_metrics
from retrieval.types import Ids, TeachableImageEncoder, Vectors


def taught_encoder() -> TeachableImageEncoder | None:
    """The site's encoder, when a metric serves that the library has taught it."""
    encoder = image_encoder()
    return encoder if isinstance(encoder, TeachableImageEncoder) and encoder.version != encoder.base else None


def unseen_nearest(
    bench: Workbench, asking: Sequence[tuple[int, KnownImage]], cases: Mapping[int, int]
) -> dict[int, int | None]:
    """By the row in `asking`, for images of the library that taught the metric: the nearest image of a case that is
    not left out. The others are asked of the product itself, which has not seen them."""
    encoder = taught_encoder()
    if encoder is None:
        return {}
    features = image_features(encoder=encoder, progress=bench.progress)
    images = np.array([image for image in features if image in cases], dtype=np.int64)
    owners = np.array([cases[image] for image in images.tolist()], dtype=np.int64)
    shown: Vectors = np.stack([features[image] for image in images.tolist()])
    place_of = {image: row for row, image in enumerate(images.tolist())}
    found: dict[int, int | None] = {}
    for unseen in bench.each(list(unseen_metrics(encoder=encoder, features=features)), "metrics"):
        vectors = unseen.metric.project(shown) if unseen.metric else encoder.plain(shown)
        for row, (place, image) in enumerate(asking):
            if image.stored is None or image.stored.pk not in place_of or cases[image.stored.pk] not in unseen.cases:
                continue
            scores = vectors[place_of[image.stored.pk]] @ vectors.T
            found[row] = _best(scores, images, np.isin(owners, bench.excluded[place]))
    return found


def _best(scores: Vectors, images: Ids, left_out: np.ndarray) -> int | None:
    scores = np.where(left_out, -np.inf, scores)
    best = int(scores.argmax())
    return int(images[best]) if np.isfinite(scores[best]) else None
