"""Patch features of any open_clip image tower: the tokens of a vision transformer, or its last feature map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from retrieval.encoders.image import checked
from retrieval.errors import EncoderError
from retrieval.types import PatchMap, Pixels


def token_map(visual: Any, settings: Mapping[str, Any], image: Pixels, *, name: str) -> PatchMap:
    """The last layer's tokens, L2-normalised, of the part of the input that holds the image.

    The image is scaled to fit the input whole and laid at its top left: nothing is cropped away, and tokens of the
    empty rest are dropped.

    Args:
        visual: an open_clip image tower.
        settings: its preprocessing: `size`, `mean`, `std`.
        image: RGB uint8 (height, width, 3).
        name: of the encoder, for the error.

    Raises:
        EncoderError: the tower gives no map of patches, or an array of another shape or type.
    """
    import torch

    height, width = checked(image).shape[:2]
    size = settings["size"]
    across, along = (size, size) if isinstance(size, int) else (int(size[1]), int(size[0]))
    scale = min(across / width, along / height)
    shown_width, shown_height = max(1, round(width * scale)), max(1, round(height * scale))
    resized = Image.fromarray(image).resize((shown_width, shown_height), Image.Resampling.BICUBIC)
    mean, std = (np.asarray(settings[key], dtype=np.float32) for key in ("mean", "std"))
    pixels = np.zeros((along, across, 3), dtype=np.float32)
    pixels[:shown_height, :shown_width] = (np.asarray(resized, dtype=np.float32) / 255.0 - mean) / std
    batch = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
    with torch.inference_mode():
        tokens = _last_map(visual, batch, name)
    rows = max(1, round(shown_height / along * tokens.shape[0]))
    columns = max(1, round(shown_width / across * tokens.shape[1]))
    kept = tokens[:rows, :columns]
    lengths = np.linalg.norm(kept, axis=-1, keepdims=True)
    return PatchMap(np.ascontiguousarray(kept / np.maximum(lengths, 1e-12), dtype=np.float32), width, height)


def _last_map(visual: Any, batch: Any, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(rows, columns, d)."""
    try:
        found = visual.forward_intermediates(batch, indices=1, intermediates_only=True, output_fmt="NCHW")
        last = found["image_intermediates"][-1][0]
    except (AttributeError, KeyError, TypeError, IndexError, AssertionError, NotImplementedError) as error:
        raise EncoderError(
            f"The image encoder {name} gives no map of its patches: regions cannot be searched with it. "
            "Choose a vision transformer or builtin."
        ) from error
    tokens: np.ndarray[Any, np.dtype[np.float32]] = last.float().permute(1, 2, 0).numpy()
    return tokens
