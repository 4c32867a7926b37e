"""A series as DICOM files again, de-identified: what its presentation states and reports refer to."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from cdss.library.dicom_header import REGIONS, VIEWS
from cdss.studies.dicom_write import decimal, image_dataset
from cdss.studies.errors import StudyError
from cdss.studies.frame_files import TYPES
from cdss.studies.instances import UNITS
from cdss.studies.models import Series
from cdss.studies.shown import Shown
from retrieval.dicom_objects import file_bytes

if TYPE_CHECKING:
    from pydicom import Dataset

# The words of headers for the words that are kept of them.
BODY_PARTS = {region: code for code, region in reversed(REGIONS.items())}
VIEW_CODES = {view: code for code, view in reversed(VIEWS.items())}
UNIT_CODES, NO_UNIT = {unit: code for code, unit in UNITS.items()}, "UNSPECIFIED"
MULTIFRAME = (
    "These frames came in files of several frames, which cannot be put together again as they were. "
    "Take the originals from where they came from."
)


def series_zip(shown: Shown) -> Iterator[bytes]:
    """A ZIP, in pieces as it grows. Raises StudyError before the first one."""
    if not isinstance(shown.row, Series) or any(fact["number"] for fact in shown.facts):
        raise StudyError(MULTIFRAME)
    return _pieces(shown, shown.row)


def _pieces(shown: Shown, series: Series) -> Iterator[bytes]:
    written = _Drained()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for frame, data in enumerate(series_files(shown)):
            archive.writestr(f"series-{series.pk}/{frame + 1:05}.dcm", data)
            yield written.drain()
    yield written.drain()


def series_files(shown: Shown, *, shows_no_text: bool = False) -> Iterator[bytes]:
    """Each frame of a series as a file of its own, one after the other."""
    series = cast(Series, shown.row)
    bits = _bits(shown, series)
    return (_file(shown, series, frame, bits, shows_no_text) for frame in range(shown.frames))


def placed_dataset(shown: Shown, frame: int) -> Dataset:
    """The header of a frame of a series with its place in space, without its pixels."""
    dataset = image_dataset(shown, frame)
    _add_place(dataset, cast(Series, shown.row), frame)
    return dataset


def slice_spacing(shown: Shown) -> float:
    """From a slice to the next, in mm; 0 where that is not known."""
    placed = [fact["position"] for fact in shown.facts if fact["position"]]
    if len(placed) < 2 or not cast(Series, shown.row).orientation:
        return 0.0
    return float(min(math.dist(one, other) for one, other in pairwise(placed)))


def _file(shown: Shown, series: Series, frame: int, bits: int, shows_no_text: bool) -> bytes:
    dataset = placed_dataset(shown, frame)
    _add_pixels(dataset, shown, series, frame, bits)
    if shows_no_text:
        dataset.BurnedInAnnotation = "NO"
    return file_bytes(dataset)


def _bits(shown: Shown, series: Series) -> int:
    """As many as the scanner stored, where every value still fits: a place that was covered may not."""
    kind = TYPES[series.pixels]
    whole = kind.itemsize * 8
    if series.pixels == "rgb8" or series.bits >= whole:
        return whole
    signed = kind.kind == "i"
    low, high = (-(1 << series.bits - 1), (1 << series.bits - 1) - 1) if signed else (0, (1 << series.bits) - 1)
    ranges = ((pixels.min(), pixels.max()) for pixels in map(shown.stored, range(shown.frames)))
    return series.bits if all(low <= least and most <= high for least, most in ranges) else whole


def _add_place(dataset: Dataset, series: Series, frame: int) -> None:
    dataset.InstanceNumber, dataset.SeriesNumber = frame + 1, series.position + 1
    dataset.FrameOfReferenceUID = series.frame_of_reference
    dataset.BodyPartExamined = BODY_PARTS.get(series.region, "")
    if series.frame_time is not None:
        dataset.FrameTime = decimal(series.frame_time)
    if position := series.frame_facts[frame]["position"]:
        dataset.ImagePositionPatient = [decimal(part) for part in position]
    if series.orientation:
        dataset.ImageOrientationPatient = [decimal(part) for part in series.orientation]
    elif series.plane in VIEW_CODES:
        dataset.ViewPosition = VIEW_CODES[series.plane]
    if series.letters:
        dataset.PatientOrientation = series.letters
    if series.laterality:
        dataset.ImageLaterality = series.laterality
    if series.spacing_at_detector and "PixelSpacing" in dataset:
        dataset.ImagerPixelSpacing = dataset.PixelSpacing
        del dataset.PixelSpacing


def _add_pixels(dataset: Dataset, shown: Shown, series: Series, frame: int, bits: int) -> None:
    kind = TYPES[series.pixels]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = kind.itemsize * 8, bits, bits - 1
    dataset.PixelRepresentation = 1 if kind.kind == "i" else 0
    if series.pixels == "rgb8":
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    else:
        dataset.PhotometricInterpretation = "MONOCHROME1" if series.inverted else "MONOCHROME2"
        fact = series.frame_facts[frame]
        if series.unit or (fact["slope"], fact["intercept"]) != (1.0, 0.0):
            dataset.RescaleSlope, dataset.RescaleIntercept = decimal(fact["slope"]), decimal(fact["intercept"])
            dataset.RescaleType = UNIT_CODES.get(series.unit, NO_UNIT)
    if series.windows:
        dataset.WindowCenter = [decimal(window[0]) for window in series.windows]
        dataset.WindowWidth = [decimal(window[1]) for window in series.windows]
    data = shown.stored(frame).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)


class _Drained(io.RawIOBase):
    """What is written to it is taken away piece by piece."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def drain(self) -> bytes:
        joined = b"".join(self.parts)
        self.parts.clear()
        return joined
