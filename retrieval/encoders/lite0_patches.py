"""Patch features of EfficientNet-lite0: its own feature maps, laid over one grid.

Feature maps of a network trained on photographs as local descriptors: Hariharan et al. 2015 (hypercolumns,
arXiv:1411.5752). Which stages are taken was measured (docs/regions.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from retrieval.encoders.grids import PATCHES, patch_grid
from retrieval.encoders.image import checked
from retrieval.types import PatchMap, Pixels

if TYPE_CHECKING:
    import torch

# Names the two sets of stages below and the resize; another one makes other features.
LITE0_PATCHES = "patches1"
_STRIDE, _STAGES = 16, (3, 4, 5)
_FINE_STRIDE, _FINE_STAGES = 8, (2, 3, 4, 5)
_MEAN, _SCALE = 127.0, 128.0


def patch_map(trunk: Any, image: Pixels, *, fine: bool) -> PatchMap:
    """The stages' maps of timm's EfficientNet-lite0, each L2-normalised, resized to one grid and joined.

    Args:
        trunk: the network.
        image: RGB uint8 (height, width, 3), any size; the whole of it is seen, its sides scaled alike.
        fine: 48 patches along the longer side of stages at strides 8 to 32, else 16 of strides 16 and 32.

    Raises:
        EncoderError: an array of another shape or type.
    """
    import torch

    height, width = checked(image).shape[:2]
    stride, stages = (_FINE_STRIDE, _FINE_STAGES) if fine else (_STRIDE, _STAGES)
    rows, columns = patch_grid(width, height, 3 * PATCHES if fine else PATCHES)
    resized = Image.fromarray(image).resize((columns * stride, rows * stride), Image.Resampling.BICUBIC)
    pixels = (np.asarray(resized, dtype=np.float32) - _MEAN) / _SCALE
    batch = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
    with torch.inference_mode():
        joined = _joined(trunk, batch, stages, (rows, columns))
    return PatchMap(np.ascontiguousarray(joined.numpy(), dtype=np.float32), width, height)


def _joined(trunk: Any, batch: torch.Tensor, stages: tuple[int, ...], grid: tuple[int, int]) -> torch.Tensor:
    import torch
    from torch.nn import functional

    shown = trunk.bn1(trunk.conv_stem(batch.contiguous(memory_format=torch.channels_last)))
    parts = []
    for number, stage in enumerate(trunk.blocks[: max(stages) + 1]):
        shown = stage(shown)
        if number in stages:
            laid = functional.interpolate(shown, size=grid, mode="bilinear", align_corners=False)
            parts.append(functional.normalize(laid[0].permute(1, 2, 0), dim=-1))
    return functional.normalize(torch.cat(parts, dim=-1), dim=-1)
