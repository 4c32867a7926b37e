"""Patches of the library's images: made once for an encoder, kept compactly, and searched for similar regions.

Nothing here runs on a site that does not ask for it: `build_index --patches` makes them, or an educator on the page.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet

from cdss.accounts.models import User
from cdss.indexing.encoding.embedding import Progress
from cdss.indexing.encoding.encoders import image_encoder
from cdss.indexing.models import PatchEmbedding
from cdss.library.image_files import frame_paths, image_bytes
from cdss.library.models import Case, CaseImage, State
from cdss.library.veils import unveiled
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked, refuse_in
from retrieval.errors import EncoderError, ImageError, UnreadableError

if TYPE_CHECKING:
    from retrieval.regions import Candidate, RegionHit
    from retrieval.types import Box, PatchEncoder, PatchMap, Pixels

logger = logging.getLogger(__name__)
IMAGES_AT_ONCE, CANDIDATES_AT_ONCE = 16, 200
# Frames of one stack that are kept, spread evenly: at most a quarter of a megabyte for an image.
FRAMES = 8


@dataclass(frozen=True, slots=True)
class PatchState:
    """How many of the published images have patches of the encoder that serves."""

    done: int
    total: int

    @property
    def missing(self) -> int:
        return self.total - self.done


def patch_encoder() -> PatchEncoder:
    """Raises EncoderError when the configured encoder has no patches."""
    from retrieval.types import PatchEncoder

    encoder = image_encoder()
    if not isinstance(encoder, PatchEncoder):
        raise EncoderError("The image encoder of this site gives no patches: regions cannot be searched with it.")
    return encoder


def patches_key(encoder: PatchEncoder, *, masked: bool) -> str:
    from retrieval.patches import COMPACT

    return f"{encoder.patches_version}|{COMPACT}|{'masked' if masked else 'whole'}"


def patches_state() -> PatchState:
    keys = _keys(patch_encoder())
    published = CaseImage.objects.filter(case__state=State.PUBLISHED)
    return PatchState(published.filter(patches__encoder__in=keys).distinct().count(), published.count())


def patches_build(*, progress: Progress | None = None) -> int:
    """Makes what is missing of published images, each batch kept, so that an interrupted run goes on; returns of how
    many images. What other encoders left is removed at its end."""
    refuse_in(Mode.READ_ONLY)
    if is_locked(Mode.TEXT_ONLY):
        return 0
    report, encoder = progress or (lambda step, done, total: None), patch_encoder()
    made = 0
    for masked in (False, True):
        key = patches_key(encoder, masked=masked)
        pending = list(
            CaseImage.objects.filter(case__state=State.PUBLISHED, case__collection__mask_overlays=masked)
            .exclude(patches__encoder=key)
            .order_by("pk")
        )
        report("patches", 0, len(pending))
        for start in range(0, len(pending), IMAGES_AT_ONCE):
            made += _keep(pending[start : start + IMAGES_AT_ONCE], encoder, key, masked=masked)
            report("patches", min(start + IMAGES_AT_ONCE, len(pending)), len(pending))
    PatchEmbedding.objects.exclude(encoder__in=_keys(encoder)).delete()
    return made


def frame_pixels(image: Any, frame: int, *, masked: bool) -> Pixels:
    """One frame of a stored image of a case or a consultation, as it is shown.

    Raises ImageError when there is no such frame, or it cannot be read, and LockedError."""
    from cdss.reading import door
    from retrieval.imaging import mask_overlays

    refuse_in(Mode.TEXT_ONLY)
    paths = frame_paths(name=str(image.file), frames=image.frames)
    if not 0 <= frame < len(paths):
        raise ImageError(f"Frame {frame}: this image has {len(paths)}, counted from 0.")
    try:
        pixels = door.picture(image_bytes(paths[frame]))
    except OSError as error:
        raise ImageError(f"The image cannot be opened ({error.strerror}). Import it again.") from error
    except UnreadableError as error:
        raise ImageError(str(error)) from error
    return mask_overlays(pixels) if masked else pixels


def patches_of(pixels: Pixels, *, fine: bool = False) -> PatchMap:
    """Coarse ones are in the compact space of the stored ones."""
    from retrieval.patches import projected

    refuse_in(Mode.TEXT_ONLY)
    (found,) = patch_encoder().patches([pixels], fine=fine)
    return found if fine else projected(found)


def regions_search(
    *, user: User | None, pixels: Pixels, box: Box, excluded: Collection[int], k: int
) -> tuple[list[RegionHit], dict[int, tuple[int, int]]]:
    """Similar regions in other cases this user may search, at most one of a case; and of each hit's id, its image and
    frame. `excluded` are cases. No user is the command line: everything published.

    Raises ImageError for a box without an area on the image."""
    from retrieval.patches import checked_box
    from retrieval.regions import search_regions

    checked_box(box, width=pixels.shape[1], height=pixels.shape[0])
    query = patches_of(pixels)
    cases = Case.objects.citable() if user is None else unveiled(Case.objects.searchable_by(user), user)
    rows = PatchEmbedding.objects.filter(
        encoder__in=_keys(patch_encoder()), image__case_id__in=cases.order_by().values("pk")
    ).exclude(image__case_id__in=list(excluded))
    hits = search_regions(query, box, _candidates(rows), k=k)
    places = PatchEmbedding.objects.filter(pk__in=[hit.id for hit in hits]).values_list("pk", "image_id", "frame")
    found = {pk: (image, frame) for pk, image, frame in places}
    return [hit for hit in hits if hit.id in found], found


def _keys(encoder: PatchEncoder) -> list[str]:
    return [patches_key(encoder, masked=masked) for masked in (False, True)]


def _candidates(rows: QuerySet[PatchEmbedding]) -> Iterator[list[Candidate]]:
    from retrieval.patches import unpacked
    from retrieval.regions import Candidate

    batch: list[Candidate] = []
    fields = ("pk", "image__case_id", "rows", "columns", "image__width", "image__height", "vectors")
    for pk, case, row_count, columns, width, height, data in (
        rows.order_by("pk").values_list(*fields).iterator(CANDIDATES_AT_ONCE)
    ):
        patches = unpacked(bytes(data), rows=row_count, columns=columns, width=width, height=height)
        batch.append(Candidate(pk, case, patches))
        if len(batch) == CANDIDATES_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _keep(images: Sequence[CaseImage], encoder: PatchEncoder, key: str, *, masked: bool) -> int:
    from retrieval.patches import packed

    made = []
    for image in images:
        for frame in _frames(image):
            try:
                (patches,) = encoder.patches([frame_pixels(image, frame, masked=masked)])
            except ImageError:
                logger.warning("image %s cannot be read and was left out of the search by region", image.pk)
                break
            data = packed(patches)
            made.append(
                PatchEmbedding(
                    image=image, frame=frame, encoder=key, rows=patches.rows, columns=patches.columns, vectors=data
                )
            )
    with transaction.atomic():
        # Some may have been deleted, or made by another process, in the meantime.
        alive = set(CaseImage.objects.filter(pk__in=[image.pk for image in images]).values_list("pk", flat=True))
        PatchEmbedding.objects.bulk_create([row for row in made if row.image_id in alive], ignore_conflicts=True)
    return len({row.image_id for row in made})


def _frames(image: CaseImage) -> list[int]:
    from retrieval.images import sample_indices

    return sample_indices(image.frames, FRAMES)
