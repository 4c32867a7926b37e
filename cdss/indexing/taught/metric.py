"""The metric of images, taught on the labels of the library: modality and region, plane, location, diagnosis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import QuerySet

from cdss.indexing.encoding.embedding import IMAGES_AT_ONCE, Progress
from cdss.indexing.encoding.frame_features import features_embed, features_key, stored_features
from cdss.indexing.taught.grouping import groups_of
from cdss.library.models import CaseImage, State
from cdss.library.quarantines import in_quarantine

if TYPE_CHECKING:
    from retrieval.alignment.metric import Metric
    from retrieval.alignment.teach import Library, Taught
    from retrieval.types import Ids, TeachableImageEncoder, Vectors


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was taught, and the vector of each image by a metric that was not taught on its case."""

    taught: Taught
    crossed: dict[int, Vectors]


@dataclass(frozen=True, slots=True)
class Unseen:
    """A metric, if there is one, and the cases it was not taught on."""

    cases: set[int]
    metric: Metric | None


def metric_teach(*, encoder: TeachableImageEncoder, progress: Progress) -> Lesson | None:
    """A metric of the published images; None where their labels teach none. Synthetic cases teach nothing."""
    from retrieval.alignment.teach import teach

    features = image_features(encoder=encoder, progress=progress)
    images = [image for image in _teaching() if image.pk in features]
    if not images:
        return None
    progress("metric", 0, 1)
    library = _library(images, np.stack([features[image.pk] for image in images]), encoder)
    taught = teach(library, widths=encoder.widths, kernels=encoder.kernels, features=encoder.features_version)
    progress("metric", 1, 1)
    if taught is None:
        return None
    crossed = {image.pk: vector for image, vector in zip(images, taught.crossed, strict=True)}
    others = [pk for pk in features if pk not in crossed]
    if others:
        crossed |= dict(zip(others, taught.metric.project(np.stack([features[pk] for pk in others])), strict=True))
    return Lesson(taught, crossed)


def unseen_metrics(*, encoder: TeachableImageEncoder, features: Mapping[int, Vectors]) -> Iterator[Unseen]:
    """Metrics of the library, each with the cases it was not taught on; every case that teaches is in one of them."""
    from retrieval.alignment.teach import folds, teach

    images = [image for image in _teaching() if image.pk in features]
    if not images:
        return
    library = _library(images, np.stack([features[image.pk] for image in images]), encoder)
    for known, unseen in folds(library.groups):
        taught = teach(
            library.only(known),
            widths=encoder.widths,
            kernels=encoder.kernels,
            features=encoder.features_version,
            measured=False,
        )
        yield Unseen({images[row].case_id for row in unseen}, taught.metric if taught else None)


def image_features(*, encoder: TeachableImageEncoder, progress: Progress) -> dict[int, Vectors]:
    """The features of every published image, of a stack the mean of its frames; what is missing is made and kept."""
    frames: dict[int, list[Vectors]] = defaultdict(list)
    for masked in (False, True):
        images = list(_published().filter(case__collection__mask_overlays=masked))
        progress("features", 0, len(images))
        for start in range(0, len(images), IMAGES_AT_ONCE):
            features_embed(images=images[start : start + IMAGES_AT_ONCE], encoder=encoder, masked=masked)
            progress("features", min(start + IMAGES_AT_ONCE, len(images)), len(images))
        wanted = {image.pk for image in images}
        places, rows = stored_features(key=features_key(encoder, masked=masked), width=sum(encoder.widths))
        for (image, _), row in zip(places, rows, strict=True):
            if image in wanted:
                frames[image].append(row)
    return {image: np.mean(rows, axis=0, dtype=np.float32) for image, rows in frames.items()}


def _teaching() -> QuerySet[CaseImage]:
    return _published().filter(case__synthetic=False)


def _published() -> QuerySet[CaseImage]:
    return (
        CaseImage.objects.filter(case__state=State.PUBLISHED)
        .exclude(in_quarantine("case__"))
        .select_related("case")
        .order_by("pk")
    )


def _library(images: list[CaseImage], features: Vectors, encoder: TeachableImageEncoder) -> Library:
    from retrieval.alignment.teach import Library

    return Library(
        features=features,
        plain=encoder.plain(features),
        groups=_groups(images),
        sources=[image.case.source_name for image in images],
        labels={
            "modality and region": [
                f"{image.modality} {image.region}".lower() if image.modality and image.region else ""
                for image in images
            ],
            "plane": [image.plane.lower() for image in images],
            "location": [image.location.lower() for image in images],
            "diagnosis": [image.case.diagnosis.strip().lower() for image in images],
        },
    )


def _groups(images: list[CaseImage]) -> Ids:
    """One number for all images of a patient, of a case, and of cases that share a picture."""
    keys = []
    for image in images:
        own = [f"case {image.case_id}", f"picture {image.sha256}"]
        if image.case.source_group:
            own.append(f"patient {image.case.source_group}")
        keys.append(own)
    return groups_of(keys)
