"""DICOM files as RGB frames: bounded parsing, decoding of sampled frames.

A file is hostile until proven
otherwise: parsing is metered, inflation is bounded, and sizes are checked in the header and in the compressed
codestream before anything is decoded. Every function takes bytes and returns values, so that a caller can run it in
a child process.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from retrieval.codestream import codestream_size
from retrieval.dicom_pixels import full_depth, shown
from retrieval.errors import ImageError
from retrieval.images import TOO_MUCH, ImageHeader, Limits, check_size, sample_indices
from retrieval.types import Pixels, StoredFrame

if TYPE_CHECKING:
    from pydicom import Dataset

DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

# Each element costs two to three reads: room for a hundred thousand elements, far above any real header.
MAX_READS = 300_000
INFLATE_CHUNK = 1024 * 1024
# Real studies deflate by 2 to 20; past this size a higher ratio is a bomb.
BOMB_RATIO = 100
BOMB_BYTES = 32 * 1024 * 1024
CUT_OFF = "This DICOM file is cut off: it ends before its contents do. Export or send it again from its source."
UNREADABLE = (
    "The pixels of this DICOM file cannot be decoded: they are truncated, damaged, or compressed in a way that "
    "is not supported. Export the image again, uncompressed."
)
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def is_dicom(data: bytes) -> bool:
    """Whether the bytes look like a DICOM file, with or without the 128-byte preamble."""
    if data[128:132] == b"DICM":
        return True
    group, element = struct.unpack("<HH", data[:4]) if len(data) >= 12 else (0, 0)
    return (group in (0x0002, 0x0008) and element < 0x0100) or data[:3] == b"\x00\x08\x00"


def parse(data: bytes, *, limits: Limits, whole: bool = False) -> Dataset:
    """The dataset of a DICOM file, pixels not yet decoded.

    Args:
        data: the whole file.
        limits: `max_bytes` bounds a deflated dataset after inflation as well.
        whole: refuse a file that ends inside an element, of which a part could be read.

    Raises:
        ImageError: not DICOM, damaged, or larger inside than allowed.
    """
    pydicom = _pydicom()
    source = _Metered(_inflated(data, limits))
    with _refusing("This DICOM file cannot be read. Export it again from its source."):
        try:
            dataset: Dataset = pydicom.dcmread(source, force=True)
        finally:
            if whole and source.is_cut_off:
                raise ImageError(CUT_OFF)
        # Everything has been read: the file itself is not held beside its values.
        dataset.buffer = None
        _name_transfer_syntax(dataset)
    if len(dataset) == 0:
        raise ImageError("This is not an image file: it holds no DICOM elements. Upload PNG, JPEG, TIFF or DICOM.")
    return dataset


def header(dataset: Dataset) -> ImageHeader:
    """Format, size, frames and bits as the header declares them.

    Raises:
        ImageError: the dataset has no pixels (a report, a plan, a structure set) or declares no size.
    """
    if not any(keyword in dataset for keyword in PIXEL_KEYWORDS):
        raise ImageError("This DICOM file holds no pixels (a report or plan, perhaps). Upload the images themselves.")
    with _refusing("This DICOM file declares no usable image size. Export it again from its source."):
        height, width = int(dataset.Rows), int(dataset.Columns)
        frames = max(1, int(dataset.get("NumberOfFrames") or 1))
        bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
        samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples not in (1, 3, 4) or not 1 <= bits <= 64:
        raise ImageError(f"This DICOM file declares {samples} samples of {bits} bits per pixel, which no image has.")
    return ImageHeader(format="DICOM", width=width, height=height, frames=frames, bits=bits)


def frames(dataset: Dataset, *, limits: Limits, max_frames: int) -> list[Pixels]:
    """Evenly sampled frames, each (height, width, 3) uint8 RGB, windowed as the file says or by percentiles.

    Raises:
        ImageError: refused by size, truncated, or in an encoding that cannot be decoded.
    """
    found = header(dataset)
    check_size(found, limits)
    indices = sample_indices(found.frames, limits.frames_within(found, max_frames))
    with _refusing(UNREADABLE):
        return [_frame(dataset, index, found, limits) for index in indices]


def stored_frame(dataset: Dataset, index: int, *, limits: Limits) -> StoredFrame:
    """One frame at full depth, not windowed: what a viewer and a measurement need.

    Args:
        dataset: as `parse` returns it.
        index: of the frame, from 0.
        limits: as for `frames`.

    Raises:
        ImageError: refused by size, truncated, or in an encoding that cannot be decoded.
    """
    found = header(dataset)
    check_size(found, limits)
    if not 0 <= index < found.frames:
        raise ImageError(f"There is no frame {index} among {found.frames}.")
    with _refusing(UNREADABLE):
        pixels, photometric = _decoded(dataset, index, found, limits)
        return full_depth(pixels, dataset, index, photometric=photometric, bits=found.bits)


class _Metered(io.BytesIO):
    """Bytes that refuse to be read in more pieces than a real header has."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads = 0
        # Whether a piece ended before it was whole.
        self.is_cut_off = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ImageError("The header of this DICOM file has too many elements. Export the image again.")
        piece = super().read(size)
        self.is_cut_off |= 0 < len(piece) < (size or 0)
        return piece


@cache
def _pydicom() -> Any:
    import pydicom
    from pydicom import config

    # Validation warnings quote header values, and those are patients' data.
    config.settings.reading_validation_mode = config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    return pydicom


@contextmanager
def _refusing(message: str) -> Iterator[None]:
    """Turn whatever the parser or a decoder raises into one ImageError, without the values it quotes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(TOO_MUCH) from error
    except Exception as error:
        raise ImageError(f"{message} ({type(error).__name__})") from None


def _inflated(data: bytes, limits: Limits) -> bytes:
    """The same file with a deflated dataset written out plainly, inflated within limits."""
    if data[128:132] != b"DICM" or DEFLATED.encode() not in data[132:2048]:
        return data
    meta, start = _file_meta(data)
    if str(meta.get("TransferSyntaxUID", "")) != DEFLATED:
        return data
    meta_bytes = data[:start].replace(_uid_element(DEFLATED), _uid_element(EXPLICIT_LITTLE), 1)
    return meta_bytes + _inflate(data[start:], limits)


def _file_meta(data: bytes) -> tuple[Dataset, int]:
    from pydicom.filereader import read_dataset

    stream = _Metered(data)
    stream.seek(132)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 0x0002)
    return meta, stream.tell()


def _uid_element(uid: str) -> bytes:
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", len(value)) + value


def _inflate(data: bytes, limits: Limits) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    parts, size, pending = [], 0, data
    while pending and not inflater.eof:
        part = inflater.decompress(pending, INFLATE_CHUNK)
        pending = inflater.unconsumed_tail
        size += len(part)
        consumed = len(data) - len(pending)
        if size > limits.max_bytes or (size > BOMB_BYTES and size > BOMB_RATIO * consumed):
            raise ImageError("This compressed DICOM file is far larger inside than outside. Export it uncompressed.")
        parts.append(part)
    if not inflater.eof:
        raise ImageError("This compressed DICOM file is truncated. Export it again from its source.")
    return b"".join(parts)


def _name_transfer_syntax(dataset: Any) -> None:
    """Some writers leave the transfer syntax out; the parser found the encoding, so name it."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    if not getattr(dataset, "file_meta", None):
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" in dataset.file_meta:
        return
    implicit, little = dataset.original_encoding
    plain = EXPLICIT_LITTLE if little else EXPLICIT_BIG
    dataset.file_meta.TransferSyntaxUID = UID(IMPLICIT_LITTLE if implicit else plain)


def _frame(dataset: Any, index: int, found: ImageHeader, limits: Limits) -> Pixels:
    pixels, photometric = _decoded(dataset, index, found, limits)
    return shown(pixels, dataset, index, photometric=photometric, bits=found.bits)


def _decoded(dataset: Any, index: int, found: ImageHeader, limits: Limits) -> tuple[Any, str]:
    from pydicom.pixels import get_decoder

    _check_codestream(dataset, index, found, limits)
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    # A view where the file holds the values as they are: a large picture is not held twice.
    pixels, properties = decoder.as_array(dataset, index=index, view_only=True)  # type: ignore[arg-type]
    return pixels, str(properties.get("photometric_interpretation", ""))


def _check_codestream(dataset: Any, index: int, found: ImageHeader, limits: Limits) -> None:
    """A compressed frame says its own size; a decoder believes that one, not the header's."""
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    from pydicom.encaps import get_frame

    frame = get_frame(dataset.PixelData, index, number_of_frames=found.frames)
    size = codestream_size(frame)
    if size is None:
        return
    width, height = size
    if width * height > max(found.width * found.height, 1) * 2 or width * height > limits.max_pixels:
        raise ImageError(
            f"The compressed frame is {width:,} × {height:,} pixels where the header says "
            f"{found.width:,} × {found.height:,}. Export the image again from its source."
        )
