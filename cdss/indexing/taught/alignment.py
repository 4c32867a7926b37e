"""The joint space of images and text, learned from the library's own pictures and what is said of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from cdss.audit.services import record
from cdss.indexing.encoding.embedding import Progress, embed_images, image_key, vector_of
from cdss.indexing.encoding.encoders import forget, image_encoder, text_encoder
from cdss.indexing.engine import forget_engine
from cdss.indexing.models import ImageEmbedding, IndexVersion
from cdss.indexing.services import index_build
from cdss.indexing.taught.metric import metric_teach
from cdss.library.models import CaseImage, State
from cdss.library.quarantines import in_quarantine
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from retrieval.errors import AlignmentError

if TYPE_CHECKING:
    from retrieval.alignment.model import Alignment, Report
    from retrieval.alignment.pairs import Pairs
    from retrieval.alignment.teach import Lesson, Taught
    from retrieval.types import ImageEncoder, TeachableImageEncoder, TextEncoder, Vectors

TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Described:
    """An image and what is said of it; the first text is the one its alignment is judged by."""

    image: int
    case: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aligned:
    """What `align_encoders` learned.

    Args:
        text: of the map of text into the space of the images; None where it could not be fitted.
        text_problem: why it could not.
        images: what the metric is worth; None where there are no labels to teach one.
        promoted: whether that metric serves from now on.
        index: name of the index made with it.
    """

    text: Report | None
    text_problem: str = ""
    images: Lesson | None = None
    promoted: bool = False
    index: str = ""


def encoders_align(*, progress: Progress | None = None) -> Aligned | None:
    """Teaches the metric of images, then fits the text encoder to their space; None when they are one model already.

    A metric that is no better on cases it was not taught on is not taken. With one that is, the index is made anew,
    from stored features. Raises AlignmentError with neither labels nor enough described images, or with an image
    encoder that cannot be aligned.
    """
    refuse_in(Mode.TEXT_ONLY)
    refuse_in(Mode.READ_ONLY)
    from retrieval.types import TeachableImageEncoder

    report = progress or (lambda step, done, total: None)
    images, texts = image_encoder(), text_encoder()
    if images.aligned and _alignment_of(images) == "native":
        return None
    if _alignment_of(images) is None:
        raise AlignmentError(
            f"The image encoder {images.version} cannot be aligned with text. Set CDSS_IMAGE_ENCODER=builtin."
        )
    lesson = metric_teach(encoder=images, progress=report) if isinstance(images, TeachableImageEncoder) else None
    promoted = lesson is not None and lesson.taught.lesson.better
    if lesson and promoted and isinstance(images, TeachableImageEncoder):
        images = _promote(images, lesson.taught, report)
        vectors = lesson.crossed
    else:
        embed_images(encoder=images, progress=report)
        vectors = _unseen_vectors(images, report)
    saved, problem = _fit_text(vectors, images, texts, report)
    learned = lesson.taught.lesson if lesson else None
    if saved is None and not promoted:
        raise AlignmentError(problem)
    forget()
    forget_engine()
    details = {"checksum": saved.checksum, **asdict(saved.report)} if saved else {}
    record(action="library.aligned", details={"image_encoder": images.version, "promoted": promoted, **details})
    index = index_build(progress=report).name if promoted and IndexVersion.objects.exists() else ""
    return Aligned(saved.report if saved else None, problem, learned, promoted, index)


def _promote(current: TeachableImageEncoder, taught: Taught, progress: Progress) -> ImageEncoder:
    """The metric serves from here on. Its vectors are made before it does, so that the index follows at once."""
    from retrieval.alignment.store import checksummed, save_metric

    embed_images(encoder=current.taught(checksummed(taught.metric)), progress=progress)
    save_metric(taught.metric, taught.lesson, alignment_folder())
    forget()
    return image_encoder()


def _fit_text(
    vectors: dict[int, Vectors], images: ImageEncoder, texts: TextEncoder, progress: Progress
) -> tuple[Alignment | None, str]:
    """The fitted map, or why there is none."""
    from retrieval.alignment.fit import fit
    from retrieval.alignment.store import save

    pairs = library_pairs(images, texts, progress, vectors=vectors)
    try:
        fitted = fit(pairs, image_encoder=images.version, text_encoder=texts.version)
    except AlignmentError as error:
        return None, str(error)
    return save(fitted, alignment_folder()), ""


def text_align(*, texts: TextEncoder, progress: Progress) -> Alignment | None:
    """The map of this text encoder into the space of the images, before it serves; that of the other one stays.

    None where text cannot search images anyway, or there is one already.
    """
    from retrieval.alignment import store

    images = image_encoder()
    if not images.aligned or _alignment_of(images) == "native":
        return None
    try:
        if store.load(alignment_folder(), image_encoder=images.version, text_encoder=texts.version) is not None:
            return None
    except AlignmentError:
        # Fitted for another pair, which is why it is fitted anew.
        pass
    return _fit_text(_unseen_vectors(images, progress), images, texts, progress)[0]


def alignment_folder() -> Path:
    return Path(settings.MODELS_ROOT) / "alignment"


def described_images() -> list[Described]:
    """The published images that anything is said of."""
    images = (
        CaseImage.objects.filter(case__state=State.PUBLISHED)
        .exclude(in_quarantine("case__"))
        .select_related("case")
        .order_by("pk")
    )
    return [
        Described(image.pk, image.case_id, texts) for image in images.iterator(500) if (texts := image_texts(image))
    ]


def image_texts(image: CaseImage) -> tuple[str, ...]:
    """What an image is and shows, then each of the parts alone: different words for one picture teach more than one."""
    about = " ".join(filter(None, (image.modality, image.sequence, image.plane, image.region, image.location)))
    findings = image.case.findings.strip()
    shown = image.caption.strip() or findings
    whole = ". ".join(filter(None, (about, shown)))
    return tuple(dict.fromkeys(filter(None, (whole, image.caption.strip(), about, findings))))


def _alignment_of(encoder: ImageEncoder) -> str | None:
    alignment: str | None = getattr(encoder, "alignment", None)
    return alignment


def library_pairs(
    images: ImageEncoder, texts: TextEncoder, progress: Progress, *, vectors: dict[int, Vectors] | None = None
) -> Pairs:
    """What an alignment is fitted on: the described images, each with its vector by a metric not taught on its case."""
    from retrieval.alignment.pairs import Pairs
    from retrieval.encoders.image import encode_whole

    vectors = _unseen_vectors(images, progress) if vectors is None else vectors

    described = [each for each in described_images() if each.image in vectors]
    said = [text for each in described for text in each.texts]
    distinct = list(dict.fromkeys(said))
    progress("texts", 0, len(distinct))
    encoded: dict[str, Vectors] = {}
    for start in range(0, len(distinct), TEXTS_AT_ONCE):
        chunk = distinct[start : start + TEXTS_AT_ONCE]
        encoded.update(zip(chunk, encode_whole(texts, chunk), strict=True))
        progress("texts", start + len(chunk), len(distinct))
    return Pairs(
        images=_stacked([vectors[each.image] for each in described], images.dimension),
        texts=_stacked([encoded[text] for text in said], texts.dimension),
        described=np.repeat(np.arange(len(described)), [len(each.texts) for each in described]),
        cases=np.array([each.case for each in described], dtype=np.int64),
        said=said,
    )


def _unseen_vectors(images: ImageEncoder, progress: Progress) -> dict[int, Vectors]:
    """Images that taught the metric are found better than new ones: they are no measure."""
    from retrieval.types import TeachableImageEncoder

    if isinstance(images, TeachableImageEncoder) and images.version != images.base:
        lesson = metric_teach(encoder=images, progress=progress)
        if lesson is not None and lesson.taught.metric.dimension == images.dimension:
            return lesson.crossed
    return _image_vectors(images)


def _image_vectors(encoder: ImageEncoder) -> dict[int, Vectors]:
    """One vector per image: of a stack, the mean of its frames."""
    frames: dict[int, list[Vectors]] = defaultdict(list)
    for masked in (False, True):
        rows = ImageEmbedding.objects.filter(
            encoder=image_key(encoder, masked=masked), image__case__collection__mask_overlays=masked
        )
        for image, vector in rows.values_list("image_id", "vector").iterator(500):
            frames[image].append(vector_of(vector))
    means = {image: np.mean(vectors, axis=0) for image, vectors in frames.items()}
    return {image: mean / max(float(np.linalg.norm(mean)), 1e-12) for image, mean in means.items()}


def _stacked(vectors: list[Vectors], dimension: int) -> Vectors:
    return np.stack(vectors).astype(np.float32) if vectors else np.zeros((0, dimension), dtype=np.float32)
