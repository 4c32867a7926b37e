"""The plain methods of the image suite: the nearest stored vector, by a product of matrices and through LangChain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from cdss.evaluation.baselines import DENSE, LANGCHAIN
from cdss.evaluation.cases import KnownImage
from cdss.evaluation.langchain_baseline import is_installed, retrieved
from cdss.evaluation.workbench import pixels_of
from cdss.indexing.encoding.embedding import image_key, vector_of
from cdss.indexing.encoding.encoders import image_encoder
from cdss.indexing.encoding.frame_features import features_key, stored_features
from cdss.indexing.models import ImageEmbedding
from cdss.library.models import CaseImage
from retrieval.errors import ImageError
from retrieval.imaging import mask_overlays
from retrieval.types import Ids, TeachableImageEncoder, Vectors

# LangChain's retriever cannot leave anything out, so more is asked for.
DEPTH = 100


def nearest_images(
    asking: Sequence[tuple[int, KnownImage]], excluded: Sequence[Ids], cases: Mapping[int, int]
) -> dict[str, list[int | None]]:
    """For each (place of its case, image): the library's nearest image of a case that is not left out."""
    stored = image_vectors(cases)
    images = np.array([image for image, vectors in stored.items() for _ in vectors], dtype=np.int64)
    if not len(images):
        return {}
    owners = np.array([cases[image] for image in images.tolist()], dtype=np.int64)
    vectors = np.stack([vector for vectors in stored.values() for vector in vectors])
    queries = [_vectors_of(image, stored) for _, image in asking]
    found: dict[str, list[int | None]] = {DENSE: []}
    for (place, _), query in zip(asking, queries, strict=True):
        scores = (query @ vectors.T).max(axis=0) if len(query) else np.full(len(images), -np.inf)
        scores[np.isin(owners, excluded[place])] = -np.inf
        best = int(scores.argmax())
        found[DENSE].append(int(images[best]) if np.isfinite(scores[best]) else None)
    if is_installed():
        means = [
            query.mean(axis=0) if len(query) else np.zeros(vectors.shape[1], dtype=np.float32) for query in queries
        ]
        rows = retrieved({str(row): vector for row, vector in enumerate(vectors)}, np.stack(means), depth=DEPTH)
        found[LANGCHAIN] = [
            next((int(images[row]) for row in ranked if owners[row] not in excluded[place]), None)
            for (place, _), ranked in zip(asking, rows, strict=True)
        ]
    return found


def image_vectors(cases: Mapping[int, int]) -> dict[int, list[Vectors]]:
    """The stored vectors of each of these images' frames."""
    found: defaultdict[int, list[Vectors]] = defaultdict(list)
    encoder = image_encoder()
    if isinstance(encoder, TeachableImageEncoder) and encoder.version != encoder.base:
        return _plain_vectors(encoder, cases)
    for masked in (False, True):
        rows = ImageEmbedding.objects.filter(
            encoder=image_key(encoder, masked=masked), image__case__collection__mask_overlays=masked
        ).order_by("image_id", "frame")
        for image, vector in rows.values_list("image_id", "vector").iterator(500):
            if image in cases:
                found[image].append(vector_of(vector))
    return dict(found)


def _plain_vectors(encoder: TeachableImageEncoder, cases: Mapping[int, int]) -> dict[int, list[Vectors]]:
    """What the tower sees, without what the site taught it."""
    found: defaultdict[int, list[Vectors]] = defaultdict(list)
    for masked in (False, True):
        key = features_key(encoder, masked=masked)
        places, features = stored_features(key=key, width=sum(encoder.widths))
        wanted = set(CaseImage.objects.filter(case__collection__mask_overlays=masked).values_list("pk", flat=True))
        for (image, _), vector in zip(places, encoder.plain(features), strict=True):
            if image in cases and image in wanted:
                found[image].append(vector)
    return dict(found)


def _vectors_of(image: KnownImage, stored: Mapping[int, Sequence[Vectors]]) -> Vectors:
    if image.stored is not None:
        known = stored.get(image.stored.pk, ())
        return np.stack(known) if known else np.zeros((0, 0), dtype=np.float32)
    try:
        encoder, frames = image_encoder(), [mask_overlays(frame) for frame in pixels_of(image)]
        if isinstance(encoder, TeachableImageEncoder):
            return encoder.plain(encoder.features(frames))
        return encoder.encode(frames)
    except ImageError:
        return np.zeros((0, 0), dtype=np.float32)
