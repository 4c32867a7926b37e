"""In the child: the mask in a DICOM segmentation (SEG)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval import dicom
from retrieval.errors import UnreadableError
from retrieval.images import Limits
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File
from retrieval.types import Mask

if TYPE_CHECKING:
    from pydicom import Dataset

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
MOST_BYTES = 20 * 1024 * 1024
MOST_FRAMES = 64


def mask(args: Mapping[str, Any], file: File) -> Part:
    """One bit a pixel."""
    size = {"width": args["width"], "height": args["height"]}
    found = covered(file.whole(), limits=Limits(**args["limits"]), uid=args["uid"], **size)
    return Part({}, [np.packbits(found).tobytes()])


def covered(data: bytes, *, limits: Limits, uid: str, width: int, height: int) -> Mask:
    """What any segment covers of the picture with this UID, (height, width). Raises UnreadableError."""
    if len(data) > MOST_BYTES:
        raise UnreadableError(
            f"This file has more than {MOST_BYTES // 1024 // 1024} MB, which no mask of one image has."
        )
    if not dicom.is_dicom(data):
        raise UnreadableError("This is not a DICOM file. Choose a DICOM segmentation (SEG).")
    dataset = dicom.parse(data, limits=limits)
    _check(dataset, width, height)
    import highdicom.seg

    found = highdicom.seg.Segmentation.from_dataset(dataset, copy=False)
    if uid not in {uids[2] for uids in found.get_source_image_uids()}:
        raise UnreadableError("This segmentation was made on another image. Open the image it belongs to.")
    planes = found.get_pixels_by_source_instance(source_sop_instance_uids=[uid])
    return np.asarray((planes[0] > 0).any(axis=-1), dtype=bool)


def _check(dataset: Dataset, width: int, height: int) -> None:
    if str(dataset.get("SOPClassUID", "")) != SEGMENTATION:
        raise UnreadableError("This DICOM file is not a segmentation (SEG).")
    try:
        size = int(dataset.Columns), int(dataset.Rows)
        frames = int(dataset.get("NumberOfFrames") or 1)
        stored = len(dataset.PixelData)
    except (AttributeError, TypeError, ValueError) as error:
        raise UnreadableError("This segmentation declares no usable size. Export it again from its source.") from error
    if size != (width, height):
        raise UnreadableError(f"This segmentation is {size[0]} × {size[1]} pixels; the image is {width} × {height}.")
    if frames > MOST_FRAMES or stored > MOST_BYTES:
        raise UnreadableError(f"This segmentation has {frames} frames; at most {MOST_FRAMES} are read for one image.")
