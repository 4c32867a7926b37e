"""Boxes to search with: where a phantom's finding is, and two ways of choosing one where nobody has drawn any."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from cdss.library.phantoms.canvas import gaussian_blur
from cdss.library.phantoms.render import Scene, render
from cdss.library.phantoms.scenes import load_scenes

if TYPE_CHECKING:
    from retrieval.types import Box, PatchMap, Pixels

# Grey values that the finding changes, of 255, to be seen.
SEEN = 18
# Of each side of the image.
CENTRE, ODD = 0.5, 0.32


@dataclass(frozen=True, slots=True)
class Finding:
    """A picture of the demonstration library, the box of its finding, and what kinds of finding it is."""

    case: str
    pixels: Pixels
    box: Box
    kinds: frozenset[tuple[str, str]]


def demonstration_findings() -> list[Finding]:
    """The finding is what differs from the same phantom drawn without it."""
    root = Path(settings.DEMO_ROOT)
    return [_finding(scene, root) for scene in load_scenes(root / "demo_scenes.json")]


def centre_box(patches: PatchMap) -> Box:
    from retrieval.types import Box

    width, height = patches.width * CENTRE, patches.height * CENTRE
    return Box((patches.width - width) / 2, (patches.height - height) / 2, width, height)


def odd_box(patches: PatchMap) -> Box:
    """The window, away from the rim, whose patches are least like those at the mirrored place: no finding is known."""
    from retrieval.types import Box

    mirrored = patches.vectors[:, ::-1]
    best = np.full((patches.rows, patches.columns), -1.0)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            beside = np.roll(mirrored, (down, across), axis=(0, 1))
            best = np.maximum(best, (patches.vectors * beside).sum(axis=-1))
    rows, columns = (max(1, round(count * ODD)) for count in best.shape)
    sums = np.lib.stride_tricks.sliding_window_view(1.0 - best, (rows, columns)).mean(axis=(2, 3))
    margins = [min(2, (count - 1) // 2) for count in sums.shape]
    inner = np.full(sums.shape, -1.0)
    place = tuple(slice(margin, count - margin) for margin, count in zip(margins, sums.shape, strict=True))
    inner[place] = sums[place]
    top, left = np.unravel_index(int(inner.argmax()), inner.shape)
    width, height = patches.width / patches.columns, patches.height / patches.rows
    return Box(float(left) * width, float(top) * height, columns * width, rows * height)


def _finding(scene: Scene, root: Path) -> Finding:
    from retrieval.imaging import load_pixels
    from retrieval.types import Box

    (pixels,) = load_pixels(root / scene.file)
    without = np.asarray(render(scene, with_lesions=False), dtype=float)
    changed = gaussian_blur(np.abs(pixels[..., 0].astype(float) - without), 1.5) > SEEN
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    left, top = float(columns[0]), float(rows[0])
    box = Box(left, top, float(columns[-1]) + 1 - left, float(rows[-1]) + 1 - top)
    kinds = frozenset((scene.base, str(lesion["kind"])) for lesion in scene.lesions)
    return Finding(Path(scene.file).stem.rsplit("_", 1)[0], pixels, box, kinds)
