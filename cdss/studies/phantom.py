"""A synthetic chest CT as a volume in Hounsfield units: no patient's, and each slice says so."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cdss.library.phantoms.mark import MARGIN, mark_bitmap

Slice = NDArray[np.int16]
Array = NDArray[np.float64]
SIZE, SLICES = 256, 60
PIXEL_MM, STEP_MM = 1.4, 4.0
AIR, LUNG, FAT, MUSCLE, BLOOD, BONE, MARROW = -1000.0, -850.0, -100.0, 50.0, 45.0, 700.0, 180.0
NOISE = 14.0
# In mm from the middle: right of the patient (left in the picture), behind the middle, low in the chest.
NODULE = (-78.0, 28.0, -48.0)
# Its radius.
NODULE_MM = 11.0


def chest_slices(*, slices: int = SLICES, size: int = SIZE, seed: int = 7) -> Iterator[Slice]:
    """Axial slices from the lowest up, each (size, size), the same for the same arguments."""
    random = np.random.default_rng(seed)
    span = (np.arange(size) + 0.5 - size / 2) * PIXEL_MM * SIZE / size
    x, y = np.meshgrid(span, span)
    vessels = _vessels(random)
    for number in range(slices):
        z = (number + 0.5 - slices / 2) * STEP_MM * SLICES / slices
        values = _slice(x, y, z, vessels)
        values += random.normal(0, NOISE, values.shape)
        yield _stamped(np.clip(np.rint(values), -1024, 3071).astype(np.int16))


def _slice(x: Array, y: Array, z: float, vessels: Array) -> Array:
    values = np.full_like(x, AIR)
    shrink = 1 - 0.12 * max(0.0, z / 120) ** 2
    _paint(values, _ball(x, y, 0, 5, 165 * shrink, 118 * shrink), FAT)
    _paint(values, _ball(x, y, 0, 6, 152 * shrink, 106 * shrink), MUSCLE)
    _ribs(values, x, y, z, shrink)
    height = np.clip(1 - (z / 135) ** 2, 0.05, 1) ** 0.5
    lungs = np.maximum(
        _ball(x, y, -72 * shrink, 2, 56 * height * shrink, 88 * height),
        _ball(x, y, 74 * shrink, 4, 52 * height * shrink, 86 * height),
    )
    _paint(values, lungs, LUNG)
    _paint_vessels(values, x, y, z, vessels, lungs)
    if z < -10:
        low = min(1.0, (-10 - z) / 45)
        _paint(values, _ball(x, y, 26, -28, 58 * low, 44 * low), BLOOD)
    if z < -70:
        # The dome of the liver.
        low = min(1.0, (-70 - z) / 40)
        _paint(values, _ball(x, y, -70, -4, 62 * low, 72 * low), 60.0)
    _paint(values, _ball(x, y, 30 + z * 0.04, 52, 12, 12), BLOOD)
    _paint(values, _ball(x, y, -20, -24, 15, 15), BLOOD if z > -30 else MUSCLE)
    if z > -50:
        _paint(values, _ball(x, y, 0, 18, 9, 9) if z > 0 else np.maximum(*_bronchi(x, y, z)), AIR)
    _spine(values, x, y, z)
    _nodule(values, x, y, z)
    return values


def _ball(x: Array, y: Array, at_x: float, at_y: float, across: float, down: float) -> Array:
    """An ellipse with an edge as soft as a scanner's."""
    if across <= 0 or down <= 0:
        return np.zeros_like(x)
    away = np.sqrt(((x - at_x) / across) ** 2 + ((y - at_y) / down) ** 2)
    edge = min(across, down)
    return np.clip((1 - away) * edge / 1.6 + 0.5, 0, 1)


def _paint(values: Array, mask: Array, value: float) -> None:
    values += mask * (value - values)


def _ribs(values: Array, x: Array, y: Array, z: float, shrink: float) -> None:
    away = np.sqrt((x / (143 * shrink)) ** 2 + ((y - 6) / (98 * shrink)) ** 2)
    ring = np.clip((0.045 - np.abs(away - 1)) * 60, 0, 1)
    angle = np.arctan2(y - 6, np.abs(x) + 1e-9)
    # Ribs run down and forward: each crosses a slice in a piece of its own.
    _paint(values, ring * np.clip(np.cos(angle * 5.5 + z / 9) * 5 - 2.4, 0, 1), BONE)
    if z > -60:
        _paint(values, _ball(x, y, 0, -92 * shrink, 16, 5), BONE * 0.7)


def _spine(values: Array, x: Array, y: Array, z: float) -> None:
    disc = abs(z % 28 - 14) > 11.5
    _paint(values, _ball(x, y, 0, 68, 21, 17), BONE if not disc else 90.0)
    _paint(values, _ball(x, y, 0, 68, 18.5, 14.5), MARROW if not disc else 80.0)
    _paint(values, _ball(x, y, 0, 94, 13, 10), BONE * 0.8)
    _paint(values, _ball(x, y, 0, 91, 8, 7), 30.0)


def _bronchi(x: Array, y: Array, z: float) -> tuple[Array, Array]:
    away, wide = 12 - z * 0.55, max(2.5, 7 + z * 0.06)
    return _ball(x, y, -away, 16, wide, wide), _ball(x, y, away, 16, wide, wide)


def _vessels(random: np.random.Generator) -> Array:
    """Where vessels leave the hilum and where they end, in mm, and how wide they begin."""
    count = 60
    side = np.where(np.arange(count) % 2, 1.0, -1.0)
    start = np.stack([side * 32, np.full(count, 14.0), np.full(count, -8.0)], 1)
    end = np.stack(
        [side * random.uniform(60, 118, count), random.uniform(-62, 78, count), random.uniform(-95, 95, count)], 1
    )
    return np.concatenate([start, end, random.uniform(2.6, 5.2, (count, 1))], 1)


def _paint_vessels(values: Array, x: Array, y: Array, z: float, vessels: Array, lungs: Array) -> None:
    mask = np.zeros_like(x)
    for vessel in vessels:
        start, end, wide = vessel[:3], vessel[3:6], vessel[6]
        along = (z - start[2]) / (end[2] - start[2]) if end[2] != start[2] else 2.0
        if 0 <= along <= 1:
            at = start + (end - start) * along
            radius = wide * (1 - 0.75 * along)
            mask = np.maximum(mask, _ball(x, y, at[0], at[1], radius * 1.3, radius))
    _paint(values, mask * lungs, 20.0)


def _nodule(values: Array, x: Array, y: Array, z: float) -> None:
    """Fat and calcification like popcorn, with a smooth edge: a hamartoma as it is taught."""
    reach = NODULE_MM**2 - (z - NODULE[2]) ** 2
    if reach <= 0:
        return
    radius = reach**0.5
    _paint(values, _ball(x, y, NODULE[0], NODULE[1], radius, radius), 35.0)
    for dx, dy in ((-5, 3), (2, 6)):
        _paint(values, _ball(x, y, NODULE[0] + dx, NODULE[1] + dy, radius * 0.3, radius * 0.26), -80.0)
    for dx, dy, dz, size in ((4, -3, 1, 3.0), (-1, -5, -3, 2.4), (5, 2, 3, 2.4), (0, 0, 5, 2.2), (-5, -3, 0, 2.2)):
        near = size**2 - ((z - NODULE[2] - dz) / 2) ** 2
        if near > 0:
            _paint(values, _ball(x, y, NODULE[0] + dx, NODULE[1] + dy, near**0.5, near**0.5), 480.0)


def _stamped(slice_: Slice) -> Slice:
    bitmap = mark_bitmap()
    height, width = bitmap.shape
    bottom = slice_.shape[0] - MARGIN
    slice_[bottom - height : bottom, MARGIN : MARGIN + width][bitmap > 0] = 300
    return slice_
