"""The pixels of stored images, as an encoder takes them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cdss.library.models import CaseImage
from retrieval.errors import ImageError

if TYPE_CHECKING:
    from retrieval.types import Pixels

logger = logging.getLogger(__name__)


def frames_of(image: CaseImage, *, masked: bool) -> list[Pixels]:
    from cdss.library.intake import stored_pixels
    from retrieval.imaging import mask_overlays

    frames = stored_pixels(image)
    return [mask_overlays(frame) for frame in frames] if masked else frames


def frames_of_all(images: Sequence[CaseImage], *, masked: bool) -> tuple[list[tuple[int, int]], list[Pixels]]:
    """Image and number of each frame, and its pixels."""
    places: list[tuple[int, int]] = []
    frames: list[Pixels] = []
    for image in images:
        try:
            loaded = frames_of(image, masked=masked)
        except ImageError:
            # The rest of the library stays searchable; the image is tried again at the next build.
            logger.warning("image %s cannot be read and was left out of the index", image.pk)
            continue
        places += [(image.pk, number) for number in range(len(loaded))]
        frames += loaded
    return places, frames
