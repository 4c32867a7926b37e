"""The joint space of images and text, learned from the library's own pictures and what is said of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from cdss.audit.services import record
from cdss.indexing.embedding import Progress, embed_images, image_key, vector_of
from cdss.indexing.encoders import forget, image_encoder, text_encoder
from cdss.indexing.engine import forget_engine
from cdss.indexing.models import ImageEmbedding
from cdss.library.models import CaseImage, State
from retrieval.errors import AlignmentError

if TYPE_CHECKING:
    from retrieval.align import Pairs, Report
    from retrieval.types import ImageEncoder, TextEncoder, Vectors

TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Described:
    """An image and what is said of it; the first text is the one its alignment is judged by."""

    image: int
    case: int
    texts: tuple[str, ...]


def encoders_align(*, progress: Progress | None = None) -> Report | None:
    """Fits the text encoder to the image encoder and stores the result; None when they are one model already.

    Raises AlignmentError with too few described images, or with an image encoder that cannot be aligned.
    """
    from retrieval import align

    report = progress or (lambda step, done, total: None)
    images, texts = image_encoder(), text_encoder()
    if images.aligned and _alignment_of(images) == "native":
        return None
    if _alignment_of(images) is None:
        raise AlignmentError(
            f"The image encoder {images.version} cannot be aligned with text. Set CDSS_IMAGE_ENCODER=builtin."
        )
    embed_images(encoder=images, progress=report)
    fitted = align.fit(library_pairs(images, texts, report), image_encoder=images.version, text_encoder=texts.version)
    saved = align.save(fitted, alignment_folder())
    forget()
    forget_engine()
    record(action="library.aligned", details={"checksum": saved.checksum, **asdict(saved.report)})
    return saved.report


def alignment_folder() -> Path:
    return Path(settings.MODELS_ROOT) / "alignment"


def described_images() -> list[Described]:
    """The published images that anything is said of."""
    images = CaseImage.objects.filter(case__state=State.PUBLISHED).select_related("case").order_by("pk")
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


def library_pairs(images: ImageEncoder, texts: TextEncoder, progress: Progress) -> Pairs:
    """What an alignment is fitted on."""
    from retrieval import align
    from retrieval.encoders.image import encode_whole

    vectors = _image_vectors(images)
    described = [each for each in described_images() if each.image in vectors]
    said = [text for each in described for text in each.texts]
    distinct = list(dict.fromkeys(said))
    progress("texts", 0, len(distinct))
    encoded: dict[str, Vectors] = {}
    for start in range(0, len(distinct), TEXTS_AT_ONCE):
        chunk = distinct[start : start + TEXTS_AT_ONCE]
        encoded.update(zip(chunk, encode_whole(texts, chunk), strict=True))
        progress("texts", start + len(chunk), len(distinct))
    return align.Pairs(
        images=_stacked([vectors[each.image] for each in described], images.dimension),
        texts=_stacked([encoded[text] for text in said], texts.dimension),
        described=np.repeat(np.arange(len(described)), [len(each.texts) for each in described]),
        cases=np.array([each.case for each in described], dtype=np.int64),
    )


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
