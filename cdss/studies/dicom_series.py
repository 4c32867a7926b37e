"""A series as DICOM files again, de-identified: what its presentation states and reports refer to."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cdss.studies.dicom_write import image_dataset
from cdss.studies.errors import StudyError
from cdss.studies.frame_files import TYPES
from cdss.studies.models import Series
from cdss.studies.shown import Shown
from retrieval.dicom_objects import file_bytes

if TYPE_CHECKING:
    from pydicom import Dataset

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
        for frame in range(shown.frames):
            archive.writestr(f"series-{series.pk}/{frame + 1:05}.dcm", _file(shown, series, frame))
            yield written.drain()
    yield written.drain()


def _file(shown: Shown, series: Series, frame: int) -> bytes:
    dataset = image_dataset(shown, frame)
    _add_place(dataset, series, frame)
    _add_pixels(dataset, shown, series, frame)
    return file_bytes(dataset)


def _add_place(dataset: Dataset, series: Series, frame: int) -> None:
    dataset.InstanceNumber, dataset.SeriesNumber = frame + 1, series.position + 1
    dataset.FrameOfReferenceUID = series.frame_of_reference
    position = series.frame_facts[frame]["position"]
    if position and series.orientation:
        dataset.ImagePositionPatient = [_decimal(part) for part in position]
        dataset.ImageOrientationPatient = [_decimal(part) for part in series.orientation]
    if series.letters:
        dataset.PatientOrientation = series.letters
    if series.laterality:
        dataset.ImageLaterality = series.laterality
    if series.spacing_at_detector and "PixelSpacing" in dataset:
        dataset.ImagerPixelSpacing = dataset.PixelSpacing
        del dataset.PixelSpacing


def _add_pixels(dataset: Dataset, shown: Shown, series: Series, frame: int) -> None:
    kind = TYPES[series.pixels]
    bits = kind.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = 1 if kind.kind == "i" else 0
    if series.pixels == "rgb8":
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    else:
        dataset.PhotometricInterpretation = "MONOCHROME1" if series.inverted else "MONOCHROME2"
        fact = series.frame_facts[frame]
        dataset.RescaleSlope, dataset.RescaleIntercept = _decimal(fact["slope"]), _decimal(fact["intercept"])
        if series.unit == "HU":
            dataset.RescaleType = "HU"
        if series.windows:
            dataset.WindowCenter = [_decimal(window[0]) for window in series.windows]
            dataset.WindowWidth = [_decimal(window[1]) for window in series.windows]
    data = shown.stored(frame).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)


def _decimal(value: float) -> str:
    """As a DICOM decimal string, which has room for sixteen characters."""
    for digits in range(15, 0, -1):
        if len(text := format(value, f".{digits}g")) <= 16:
            return text
    return "0"


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
