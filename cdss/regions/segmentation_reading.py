"""In the child: the mask in a DICOM segmentation (SEG)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def sources(args: Mapping[str, Any], file: File) -> Part:
    """The images that it was made on: UID, and number of the frame or 0."""
    dataset = _checked(file.whole(), Limits(**args["limits"]), args["width"], args["height"])
    return Part({"sources": [list(each) for each in _sources(dataset)]})


def mask(args: Mapping[str, Any], file: File) -> Part:
    """One bit a pixel."""
    dataset = _checked(file.whole(), Limits(**args["limits"]), args["width"], args["height"])
    found = covered(dataset, (args["uid"], args["frame"]))
    return Part({}, [np.packbits(found).tobytes()])


def covered(dataset: Dataset, source: tuple[str, int]) -> Mask:
    """What any segment covers of this source, (height, width). Raises UnreadableError."""
    import highdicom.seg

    found = highdicom.seg.Segmentation.from_dataset(dataset, copy=False)
    mine = [number for number, named in enumerate(_groups(dataset), 1) if source in named]
    pixels = [np.asarray(found.get_stored_frame(number)) for number in mine]
    return np.asarray((np.stack(pixels) > 0).any(axis=0), dtype=bool)


def _sources(dataset: Dataset) -> list[tuple[str, int]]:
    return list(dict.fromkeys(each for named in _groups(dataset) for each in named))


def _groups(dataset: Dataset) -> Iterator[list[tuple[str, int]]]:
    """Of each frame what it was made on."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or [{}]
    for group in dataset.get("PerFrameFunctionalGroupsSequence") or ():
        named = []
        for derived in group.get("DerivationImageSequence") or shared[0].get("DerivationImageSequence") or ():
            for each in derived.get("SourceImageSequence") or ():
                number = each.get("ReferencedFrameNumber") or 0
                named.append((str(each.get("ReferencedSOPInstanceUID") or ""), int(number)))
        yield named


def _checked(data: bytes, limits: Limits, width: int, height: int) -> Dataset:
    if len(data) > MOST_BYTES:
        raise UnreadableError(
            f"This file has more than {MOST_BYTES // 1024 // 1024} MB, which no mask of one image has."
        )
    if not dicom.is_dicom(data):
        raise UnreadableError("This is not a DICOM file. Choose a DICOM segmentation (SEG).")
    dataset = dicom.parse(data, limits=limits)
    _check(dataset, width, height)
    return dataset


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
