"""Images as RGB frames for the encoder: PNG, JPEG, TIFF, BMP, WebP and DICOM, 8 and 16 bit.

A header is read and judged before anything is decoded. Every refusal is an ImageError that says what to do.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from retrieval import dicom
from retrieval.codestream import webp_size
from retrieval.errors import ImageError
from retrieval.images import (
    BAND,
    MAX_FRAMES,
    TOO_MUCH,
    Convert,
    ImageHeader,
    Limits,
    check_bytes,
    check_file,
    check_size,
    sample_indices,
    stretch,
)
from retrieval.overlays import mask_overlays
from retrieval.types import Pixels

__all__ = [
    "MAX_FRAMES",
    "ImageHeader",
    "Limits",
    "check_file",
    "embedded_metadata",
    "file_bytes",
    "load_pixels",
    "mask_overlays",
    "probe",
    "read_frames",
]

DEFAULT_LIMITS = Limits()
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
NOT_AN_IMAGE = "This is not an image that can be read. Upload PNG, JPEG, TIFF, BMP, WebP or DICOM."
DAMAGED = "This image is truncated or damaged. Export or download it again."
_guard = threading.Lock()
# Each is a directory that has to be read before the next one is known.
MAX_PAGES = 4000
MIN_IS_WHITE, PHOTOMETRIC_TAG, BITS_TAG = 0, 262, 258


def probe(source: bytes | Path, *, limits: Limits = DEFAULT_LIMITS) -> ImageHeader:
    """What an image is, from its header alone.

    Args:
        source: the whole file, or its path.
        limits: what is refused.

    Raises:
        ImageError: not an image, damaged, without pixels, or over a limit.
    """
    data = _bytes(source, limits)
    if dicom.is_dicom(data):
        header = dicom.header(dicom.parse(data, limits=limits))
        check_size(header, limits)
        return header
    with _opened(data, limits) as image:
        return _header(image, limits)


def read_frames(source: bytes | Path, *, limits: Limits = DEFAULT_LIMITS, max_frames: int = MAX_FRAMES) -> list[Pixels]:
    """Frames as uint8 RGB arrays (height, width, 3); of a stack, `max_frames` sampled evenly.

    Greys deeper than 8 bits are windowed as the file says, or between robust percentiles. Transparency is laid on
    black. Fewer frames come back when they would be more than `limits.max_pixels` together.

    Raises:
        ImageError: not an image, truncated, without pixels, undecodable, or over a limit.
    """
    data = _bytes(source, limits)
    if dicom.is_dicom(data):
        return dicom.frames(dicom.parse(data, limits=limits), limits=limits, max_frames=max_frames)
    with _opened(data, limits) as image:
        header = _header(image, limits)
        indices = sample_indices(header.frames, limits.frames_within(header, max_frames))
        return [_raster_frame(image, index, limits) for index in indices]


def load_pixels(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> list[Pixels]:
    """The frames of an image file, or of every PNG in a folder of frames, in order of name.

    Raises:
        ImageError: missing, empty, or refused by `read_frames`.
    """
    if not path.is_dir():
        return read_frames(path, limits=limits)
    files = sorted(path.glob("*.png"))
    if not files:
        raise ImageError(f"{path.name}: there are no frames in this folder. Import the image again.")
    chosen = [files[index] for index in sample_indices(len(files), MAX_FRAMES)]
    return [frame for file in chosen for frame in read_frames(file, limits=limits, max_frames=1)]


def embedded_metadata(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> int:
    """How many EXIF, XMP, GPS and text entries a PNG, JPEG, TIFF, BMP or WebP carries beside its pixels."""
    with _opened(data, limits) as image:
        texts = getattr(image, "text", {})
        blocks = [key for key in ("xmp", "comment", "photoshop", "XML:com.adobe.xmp") if image.info.get(key)]
        return len(image.getexif()) + len(texts) + len(set(blocks) - set(texts))


def file_bytes(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The content of a file, refused by its size before it is read.

    Raises:
        ImageError: missing, unreadable, empty, or over `limits.max_bytes`.
    """
    check_file(path, limits=limits)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path.name}: this file cannot be opened ({error.strerror}).") from error


def _bytes(source: bytes | Path, limits: Limits) -> bytes:
    if isinstance(source, Path):
        return file_bytes(source, limits=limits)
    check_bytes(len(source), limits)
    return source


@contextmanager
def _opened(data: bytes, limits: Limits) -> Iterator[Image.Image]:
    """An image with its header read and its first frame's size accepted."""
    # WebP allocates its canvas when it is opened, so its size is judged here.
    if (size := webp_size(data)) is not None:
        check_size(ImageHeader("WEBP", *size, frames=1, bits=8), limits)
    _let_pass(limits.max_pixels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large(data, limits)) from error
    except Exception as error:
        raise ImageError(NOT_AN_IMAGE) from error
    with image:
        try:
            yield image
        except ImageError:
            raise
        except MemoryError as error:
            raise ImageError(TOO_MUCH) from error
        except Exception as error:
            raise ImageError(DAMAGED) from error


def _let_pass(pixels: int) -> None:
    """Pillow's own guard stands behind ours, and is one for the whole process: no reader lowers it for another."""
    with _guard:
        if Image.MAX_IMAGE_PIXELS is not None and pixels > Image.MAX_IMAGE_PIXELS:
            Image.MAX_IMAGE_PIXELS = pixels


def _too_large(data: bytes, limits: Limits) -> str:
    size = ""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
        size = f"{width:,} × {height:,} pixels, "
    return (
        f"This image is {size}more than the {limits.max_pixels / 1e6:,.0f} megapixels that are accepted. "
        "Upload a smaller export of it."
    )


def _header(image: Image.Image, limits: Limits) -> ImageHeader:
    name = "JPEG" if image.format == "MPO" else str(image.format)
    header = ImageHeader(name, image.width, image.height, 1, _bits(image))
    check_size(header, limits)
    frames = _tiff_frames(image, limits) if name == "TIFF" else _other_frames(image, name)
    header = ImageHeader(name, image.width, image.height, frames, header.bits)
    check_size(header, limits)
    return header


def _bits(image: Image.Image) -> int:
    if image.format == "TIFF":
        stored = image.tag_v2.get(BITS_TAG, (8,))  # type: ignore[attr-defined]
        return int(stored[0] if isinstance(stored, tuple) else stored)
    return {"1": 1, "F": 32, "I": 16}.get(image.mode, 16 if image.mode.startswith("I;16") else 8)


def _other_frames(image: Image.Image, name: str) -> int:
    # A JPEG's further pictures (MPO) are thumbnails and stereo views, not slices.
    return 1 if name == "JPEG" else int(getattr(image, "n_frames", 1))


def _tiff_frames(image: Image.Image, limits: Limits) -> int:
    """Pages, counted one directory at a time so that an endless chain ends at the limit."""
    count = 0
    while count <= limits.max_frames:
        try:
            image.seek(count)
        except EOFError:
            break
        count += 1
        if count > MAX_PAGES:
            raise ImageError(f"This TIFF file has more than {MAX_PAGES:,} pages. Upload the relevant ones alone.")
    image.seek(0)
    return count


def _raster_frame(image: Image.Image, index: int, limits: Limits) -> Pixels:
    if index or image.tell():
        image.seek(index)
    check_size(ImageHeader(str(image.format), image.width, image.height, 1, 8), limits)
    image.load()
    if image.mode.startswith("I") or image.mode == "F":
        grey = stretch(np.asarray(image), convert=_deep_values(image))
        return np.repeat(grey[:, :, None], 3, axis=2)
    return _array(_upright(image))


def _array(image: Image.Image) -> Pixels:
    """Its own pixels, copied band by band: a large picture is not held three times."""
    pixels = np.empty((image.height, image.width, 3), dtype=np.uint8)
    step = max(1, BAND // max(1, image.width))
    for top in range(0, image.height, step):
        pixels[top : top + step] = np.asarray(image.crop((0, top, image.width, min(image.height, top + step))))
    return pixels


def _deep_values(image: Image.Image) -> Convert:
    """What the stored values mean: greys, or greys the other way round."""
    sign = -1 if getattr(image, "tag_v2", {}).get(PHOTOMETRIC_TAG) == MIN_IS_WHITE else 1
    return lambda part: part.astype(np.float32) * np.float32(sign)


def _upright(image: Image.Image) -> Image.Image:
    turned = image
    ImageOps.exif_transpose(turned, in_place=True)
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        over = turned.convert("RGBA")
        black = Image.new("RGBA", over.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, over).convert("RGB")
    return turned if turned.mode == "RGB" else turned.convert("RGB")
