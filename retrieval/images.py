"""What every image reader shares: the header, the limits, the sampling of frames, the way to 8 bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ImageError
from retrieval.types import Pixels

MEGABYTE = 1024 * 1024
TOO_MUCH = "Reading this image takes more memory than one file may take. Upload a smaller export of it."
# Pixels that are worked on at once.
BAND = 2_000_000
Convert = Callable[[NDArray[Any]], NDArray[Any]]
# Frames of a stack that are encoded; the best one counts.
MAX_FRAMES = 8


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the header of an image declares, read without decoding.

    Args:
        format: PNG, JPEG, TIFF, BMP, WEBP or DICOM.
        width: in pixels.
        height: in pixels.
        frames: pages, slices or animation frames.
        bits: stored bits per sample.
    """

    format: str
    width: int
    height: int
    frames: int
    bits: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before it is decoded.

    Args:
        max_bytes: of the file, and of a deflated DICOM dataset after inflation.
        max_pixels: of one frame, width × height; also the budget for all sampled frames together.
        max_frames: declared in the file.
    """

    max_bytes: int = 200 * MEGABYTE
    max_pixels: int = 64_000_000
    max_frames: int = 20_000

    def frames_within(self, header: ImageHeader, wanted: int) -> int:
        """How many frames of this size may be decoded: `wanted`, or fewer when they are large, at least one."""
        return max(1, min(wanted, self.max_pixels // max(1, header.width * header.height)))


def check_size(header: ImageHeader, limits: Limits) -> None:
    """Refuse an image by its header.

    Raises:
        ImageError: no pixels, too many pixels, or too many frames; the message holds both numbers.
    """
    pixels = header.width * header.height
    if header.width < 1 or header.height < 1:
        raise ImageError(f"This image declares {header.width} × {header.height} pixels: there is nothing to show.")
    if pixels > limits.max_pixels:
        raise ImageError(
            f"This image is {header.width:,} × {header.height:,} pixels ({pixels / 1e6:,.0f} megapixels); "
            f"at most {limits.max_pixels / 1e6:,.0f} are accepted. Upload a smaller export of it."
        )
    if header.frames > limits.max_frames:
        raise ImageError(
            f"This file declares {header.frames:,} frames; at most {limits.max_frames:,} are accepted. "
            "Upload the relevant slices alone."
        )


def check_bytes(size: int, limits: Limits) -> None:
    """Refuse a file by its size in bytes.

    Raises:
        ImageError: empty, or more than `limits.max_bytes`.
    """
    if size == 0:
        raise ImageError("This file is empty. Choose the image file again.")
    if size > limits.max_bytes:
        raise ImageError(
            f"This file has {size / MEGABYTE:,.0f} MB; at most {limits.max_bytes / MEGABYTE:,.0f} MB are accepted. "
            "Upload a smaller export of it."
        )


def check_file(path: Path, *, limits: Limits) -> None:
    """Refuse a file by its size, before it is opened.

    Raises:
        ImageError: missing, empty, or over `limits.max_bytes`.
    """
    try:
        check_bytes(path.stat().st_size, limits)
    except OSError as error:
        raise ImageError(f"{path.name}: this file cannot be opened ({error.strerror}).") from error


def sample_indices(frames: int, wanted: int) -> list[int]:
    """`wanted` indices spread evenly over `frames`, both ends included; the middle one when only one is wanted."""
    if wanted >= frames:
        return list(range(frames))
    if wanted <= 1:
        return [frames // 2]
    return [round(index * (frames - 1) / (wanted - 1)) for index in range(wanted)]


def stretch(values: NDArray[Any], *, ignore: NDArray[np.bool_] | None = None, convert: Convert | None = None) -> Pixels:
    """Greys of any depth to uint8 between their 0.5 and 99.5 percentiles, same shape.

    Args:
        values: any numeric array; what is not finite counts as 0.
        ignore: pixels that do not count for the percentiles, such as padding.
        convert: what is shown of the values, element by element; float32.
    """

    def finite(part: NDArray[Any]) -> NDArray[np.float32]:
        shown = part.astype(np.float32) if convert is None else convert(part)
        filled: NDArray[np.float32] = np.nan_to_num(shown, nan=0.0, posinf=0.0, neginf=0.0)
        return filled

    counted = values.reshape(-1) if ignore is None or bool(ignore.all()) else values[~ignore]
    # A million pixels are enough for a percentile.
    counted = finite(counted[:: max(1, counted.size // 1_000_000)])
    low, high = (float(value) for value in np.percentile(counted, (0.5, 99.5)))
    if high <= low:
        ends = [(float(part.min()), float(part.max())) for part in map(finite, _bands(values))]
        low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if high <= low:
        return np.full(values.shape, 0 if high <= 0 else 128, dtype=np.uint8)
    return by_bands(values, lambda part: np.clip((finite(part) - low) / (high - low), 0.0, 1.0) * 255.0)


def by_bands(values: NDArray[Any], make: Convert) -> Pixels:
    """What `make` does element by element, as uint8, in bands: a large picture is not held several times as floats."""
    shown: Pixels = np.empty(values.shape, dtype=np.uint8)
    for part, made in zip(_bands(shown), map(make, _bands(values)), strict=True):
        part[...] = made.astype(np.uint8)
    return shown


def _bands(values: NDArray[Any]) -> list[NDArray[Any]]:
    step = max(1, BAND * len(values) // max(1, values.size))
    return [values[top : top + step] for top in range(0, len(values), step)]
