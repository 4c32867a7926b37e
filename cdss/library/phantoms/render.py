"""From a scene, which is data, to a picture."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cdss.library.phantoms.canvas import Canvas
from cdss.library.phantoms.mark import stamp

BASES = {
    "chest_ct": ("chest_ct", "chest_ct_lesions"),
    "chest_xray": ("chest_xray", "chest_xray_lesions"),
    "brain": ("brain", "brain_lesions"),
    "aorta": ("chest_ct", "aorta_lesions"),
    "abdomen": ("abdomen", "abdomen_lesions"),
    "abdomen_xray": ("abdomen_xray", "abdomen_xray"),
    "bone": ("bone", "bone_lesions"),
    "limb": ("limb", "limb"),
    "ultrasound": ("ultrasound", "ultrasound"),
}


@dataclass(frozen=True, slots=True)
class Scene:
    file: str
    base: str
    seed: int
    size: int = 320
    # Where the finding is seen: right, left (of the patient), both or middle.
    side: str = "middle"
    anatomy: Mapping[str, Any] = field(default_factory=dict)
    finish: Mapping[str, Any] = field(default_factory=dict)
    lesions: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Scene":
        if row.get("base") not in BASES:
            raise ValueError(f"{row.get('file')}: no base {row.get('base')!r}; choose one of {', '.join(BASES)}")
        return cls(**{**row, "lesions": tuple(row.get("lesions", ()))})


def render(scene: Scene, *, with_lesions: bool = True) -> Image.Image:
    """The same scene gives the same picture; without lesions, the same anatomy with the same noise."""
    anatomy_module, lesion_module = (importlib.import_module(f"{__package__}.{name}") for name in BASES[scene.base])
    canvas = Canvas(scene.size, scene.seed)
    anatomy_module.anatomy(canvas, **scene.anatomy)
    for lesion in scene.lesions if with_lesions else ():
        kind = lesion["kind"]
        if kind not in lesion_module.LESIONS:
            known = ", ".join(sorted(lesion_module.LESIONS))
            raise ValueError(f"{scene.file}: {scene.base} has no lesion {kind!r}; choose one of {known}")
        lesion_module.LESIONS[kind](canvas, **{key: value for key, value in lesion.items() if key != "kind"})
    pixels = stamp(anatomy_module.finish(canvas, **scene.finish))
    return Image.fromarray(np.round(pixels * 255).astype(np.uint8))


def save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, format="PNG", optimize=True)
