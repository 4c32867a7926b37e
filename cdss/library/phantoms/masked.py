"""Phantoms with the mask of one structure, from the geometry they are drawn with: to measure segmentation on.

Each is bent, turned, scaled and moved by its own seed, so that no two show the structure in the same place or shape.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cdss.library.phantoms.canvas import Array, Canvas
from cdss.library.phantoms.mark import stamp
from cdss.library.phantoms.render import BASES

SIZE = 256
LESION = "lesion"
Draw = Callable[[np.random.Generator], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class MaskedPhantom:
    """Synthetic: `pixels` (height, width, 3) uint8, `mask` (height, width) bool."""

    pixels: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Structure:
    """`area` is a name the anatomy gives one of its areas, or LESION: what the lesion painted."""

    name: str
    base: str
    area: str
    anatomy: Draw = lambda draw: {}
    finish: Mapping[str, Any] = field(default_factory=dict)
    lesion: Draw | None = None


def _phase(level: str) -> Draw:
    return lambda draw: {"level": level, "phase": str(draw.choice(["arterial", "portal", "delayed"]))}


def _brain(look: str) -> Draw:
    return lambda draw: {"look": look, "atrophy": float(draw.uniform(0, 0.8))}


def _nodule(draw: np.random.Generator) -> dict[str, Any]:
    side = draw.choice([-1, 1])
    margin = str(draw.choice(["smooth", "lobulated", "spiculated"]))
    place = {"x": side * draw.uniform(0.38, 0.58), "y": draw.uniform(-0.25, 0.3)}
    return {"kind": "nodule", **place, "r": draw.uniform(0.06, 0.12), "margin": margin}


def _liver_mass(draw: np.random.Generator) -> dict[str, Any]:
    place = {"x": draw.uniform(-0.58, -0.3), "y": draw.uniform(-0.25, 0.2), "r": draw.uniform(0.08, 0.15)}
    return {"kind": "mass", **place, "value": draw.uniform(20, 45), "lobes": 0.1}


def _ring(draw: np.random.Generator) -> dict[str, Any]:
    place = {"x": draw.choice([-1, 1]) * draw.uniform(0.22, 0.42), "y": draw.uniform(-0.45, 0.4)}
    return {"kind": "ring", **place, "r": draw.uniform(0.1, 0.18), "wall": 0.035, "value": 0.95, "centre": 0.2}


STRUCTURES = (
    Structure("lungs, radiograph", "chest_xray", "lungs", lambda draw: {"shift": float(draw.uniform(-0.06, 0.06))}),
    Structure("mediastinum, radiograph", "chest_xray", "mediastinum"),
    Structure("liver, CT", "abdomen", "liver", _phase("liver")),
    Structure("spleen, CT", "abdomen", "spleen", _phase("liver")),
    Structure("left kidney, CT", "abdomen", "left_kidney", _phase("kidneys")),
    Structure("ventricles, CT", "brain", "ventricles", _brain("ct"), {"window": "brain"}),
    Structure("lung nodule, CT", "chest_ct", LESION, lambda draw: {"level": "hilum"}, {"window": "lung"}, _nodule),
    Structure("liver mass, CT", "abdomen", LESION, lambda draw: {"level": "liver"}, {}, _liver_mass),
    Structure("ring lesion, MR", "brain", LESION, _brain("t1c"), {}, _ring),
)


def masked_phantom(structure: Structure, seed: int, *, size: int = SIZE) -> MaskedPhantom:
    """The same structure and seed give the same picture and mask."""
    anatomy, lesions = (importlib.import_module(f"{__package__}.{name}") for name in BASES[structure.base])
    draw = np.random.default_rng([seed, size])
    canvas = _Recorder(size, seed)
    anatomy.anatomy(canvas, **structure.anatomy(draw))
    if structure.lesion is not None:
        chosen = structure.lesion(draw)
        canvas.painted = np.zeros_like(canvas.pixels)
        lesions.LESIONS[chosen.pop("kind")](canvas, **chosen)
        canvas.areas[LESION] = canvas.painted
    _bend(canvas, draw)
    mask = canvas.areas[structure.area] > 0.5
    grey = np.round(stamp(anatomy.finish(canvas, **structure.finish)) * 255).astype(np.uint8)
    return MaskedPhantom(np.repeat(grey[:, :, None], 3, axis=2), mask)


class _Recorder(Canvas):
    """Remembers what was painted since `painted` was set."""

    painted: Array | None = None

    def paint(self, mask: Array, value: float | Array, alpha: float = 1.0) -> None:
        self._note(mask)
        super().paint(mask, value, alpha)

    def add(self, mask: Array, value: float | Array) -> None:
        self._note(mask)
        super().add(mask, value)

    def _note(self, mask: Array) -> None:
        if self.painted is not None:
            self.painted = np.maximum(self.painted, mask)


def _bend(canvas: Canvas, draw: np.random.Generator) -> None:
    turn, scale = np.deg2rad(draw.uniform(-10, 10)), draw.uniform(0.86, 1.08)
    moved_x, moved_y = draw.uniform(-0.07, 0.07, 2)
    x, y = canvas.x - moved_x, canvas.y - moved_y
    from_x = (x * np.cos(turn) + y * np.sin(turn)) / scale
    from_y = (-x * np.sin(turn) + y * np.cos(turn)) / scale
    wave = 0.03
    canvas.warp(
        canvas.x - from_x + wave * canvas.cloud(0.6, "bend across"),
        canvas.y - from_y + wave * canvas.cloud(0.6, "bend along"),
    )
