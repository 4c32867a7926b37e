"""Decoded DICOM pixels as RGB: the greyscale and colour pipeline.

Follows PS3.3 C.7.6.3 (image pixel), C.11.1 (modality LUT), C.11.2 (VOI LUT).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.dicom_values import functional_group, number, sequence
from retrieval.images import by_bands, stretch
from retrieval.types import Pixels, StoredFrame

Array = NDArray[Any]


def shown(pixels: Array, dataset: Any, index: int, *, photometric: str, bits: int) -> Pixels:
    """One decoded frame as it is shown, (height, width, 3) uint8 RGB.

    Args:
        pixels: (height, width) stored values, or (height, width, 3 or 4) colour.
        dataset: where the modality, VOI and palette tables are.
        index: the frame, for per-frame functional groups.
        photometric: the photometric interpretation after decoding.
        bits: bits stored per sample.
    """
    if pixels.ndim == 3:
        return _colour(pixels, bits)
    if photometric == "PALETTE COLOR":
        return _palette(pixels, dataset)
    grey = _grey(pixels, dataset, index)
    if photometric == "MONOCHROME1":
        grey = np.invert(grey)
    return np.repeat(grey[:, :, None], 3, axis=2)


def full_depth(pixels: Array, dataset: Any, index: int, *, photometric: str, bits: int) -> StoredFrame:
    """One decoded frame as it was stored, with what makes modality values of it.

    Greys stay as they are up to 16 bits; deeper ones and tables of the modality are laid on 16 bits. Colour becomes
    8-bit RGB. Arguments are those of `shown`.
    """
    if pixels.ndim == 3 or photometric == "PALETTE COLOR":
        colour = _palette(pixels, dataset) if pixels.ndim == 2 else _colour(pixels, bits)
        return StoredFrame(np.ascontiguousarray(colour), 1.0, 0.0)
    if sequence(dataset, "ModalityLUTSequence"):
        return _requantised(_modality_values(pixels, dataset, index), 1.0, 0.0)
    source = functional_group(dataset, index, "PixelValueTransformationSequence") or dataset
    slope = number(source, "RescaleSlope", 1.0) or 1.0
    intercept = number(source, "RescaleIntercept", 0.0)
    if pixels.dtype.itemsize > 2 or pixels.dtype.kind == "f":
        return _requantised(pixels, slope, intercept)
    return StoredFrame(np.ascontiguousarray(_within(pixels, bits)), slope, intercept)


def _within(pixels: Array, bits: int) -> Array:
    """Bits above those stored may hold overlays: they are no part of the value."""
    spare = pixels.dtype.itemsize * 8 - bits
    if spare <= 0:
        return pixels
    return (pixels << spare) >> spare


def _requantised(values: Array, slope: float, intercept: float) -> StoredFrame:
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    whole = bool(np.array_equal(finite, np.rint(finite)))
    step = 1.0 if whole and high - low <= 65535 else (high - low) / 65535 or 1.0
    stored = np.rint((finite - low) / step).astype(np.uint16)
    return StoredFrame(stored, slope * step, intercept + slope * low)


def _colour(pixels: Array, bits: int) -> Pixels:
    colour = pixels[:, :, :3]
    if colour.dtype == np.uint8:
        return np.ascontiguousarray(colour)
    top = max(float(2 ** min(bits, 32) - 1), 1.0)
    return _bytes(colour.astype(np.float32) * (255.0 / top))


def _bytes(values: Array) -> Pixels:
    clipped: Pixels = np.clip(values, 0.0, 255.0).astype(np.uint8)
    return clipped


def _palette(pixels: Array, dataset: Any) -> Pixels:
    from pydicom.pixels.processing import apply_color_lut

    colour = apply_color_lut(pixels, dataset)[:, :, :3]
    # Many 16-bit tables hold 8-bit colours.
    wide = colour.dtype != np.uint8 and int(colour.max()) > 255
    return np.ascontiguousarray(colour >> 8 if wide else colour).astype(np.uint8)


def _grey(pixels: Array, dataset: Any, index: int) -> Pixels:
    if sequence(dataset, "VOILUTSequence"):
        return _voi_table(_modality_values(pixels, dataset, index), dataset)

    def values(part: Array) -> Array:
        return _modality_values(part, dataset, index)

    window = _window(dataset, index)
    if window is not None:
        shown = by_bands(pixels, lambda part: _windowed(values(part), *window))
        if _shows_something(shown, pixels):
            return shown
    return stretch(pixels, ignore=_padding(pixels, dataset), convert=values)


def _modality_values(pixels: Array, dataset: Any, index: int) -> Array:
    from pydicom.pixels.processing import apply_modality_lut

    if sequence(dataset, "ModalityLUTSequence"):
        table: Array = apply_modality_lut(pixels, dataset)
        return table.astype(np.float32)
    source = functional_group(dataset, index, "PixelValueTransformationSequence") or dataset
    slope = number(source, "RescaleSlope", 1.0) or 1.0
    return pixels.astype(np.float32) * np.float32(slope) + np.float32(number(source, "RescaleIntercept", 0.0))


def _voi_table(values: Array, dataset: Any) -> Pixels:
    from pydicom.pixels.processing import apply_voi

    shown: Array = apply_voi(np.clip(values, -(2**31), 2**31 - 129).astype(np.int32), dataset)
    depth = int(sequence(dataset, "VOILUTSequence")[0].LUTDescriptor[2])
    return _bytes(shown.astype(np.float32) * (255.0 / (2**depth - 1)))


def _window(dataset: Any, index: int) -> tuple[float, float, str] | None:
    source = functional_group(dataset, index, "FrameVOILUTSequence") or dataset
    center, width = number(source, "WindowCenter", None), number(source, "WindowWidth", None)
    if center is None or width is None or width <= 0:
        return None
    return center, width, str(source.get("VOILUTFunction") or "LINEAR")


def _windowed(values: Array, center: float, width: float, function: str) -> Pixels:
    if function == "SIGMOID":
        exponent = np.clip(-4.0 * (values - center) / width, -60, 60)
        return (255.0 / (1.0 + np.exp(exponent))).astype(np.uint8)
    if function == "LINEAR" and width > 1:
        center, width = center - 0.5, width - 1.0
    return (np.clip((values - center) / width + 0.5, 0.0, 1.0) * 255.0).astype(np.uint8)


def _shows_something(shown: Pixels, pixels: Array) -> bool:
    """A window that leaves a varied image all black or all white was meant for other values."""
    return int(shown.min()) != int(shown.max()) or float(pixels.min()) == float(pixels.max())


def _padding(pixels: Array, dataset: Any) -> NDArray[np.bool_] | None:
    padding = number(dataset, "PixelPaddingValue", None)
    return None if padding is None else np.asarray(pixels == padding)
