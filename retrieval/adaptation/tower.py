"""A sentence-transformers model whose upper layers can be taught."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.encoders.text import load_model
from retrieval.machine import BFLOAT16, processor_flags
from retrieval.types import Vectors

if TYPE_CHECKING:
    from torch import Tensor

# Texts of like length go through the model together: padding is work for nothing.
AT_ONCE = 8
_LAYER = re.compile(r"\.(?:layer|layers|h|block)\.(\d+)\.")


class Tower:
    """A model in a local folder, with the weights that training may change.

    Args:
        folder: of the model, with safetensors weights.
        tokens: of a text that are read, at most.
        frozen: share of the lower layers that stay as they are, and with them the table of words.
        threads: threads of one pass.

    Raises:
        EncoderError: the folder holds no such model.
    """

    def __init__(self, folder: Path, *, tokens: int, frozen: float, threads: int = 1) -> None:
        # Nothing is dropped at random: an epoch over texts of one library is too short to learn them by heart.
        self._model = load_model(folder, threads).eval()
        self._window = self._model.max_seq_length
        self._model.max_seq_length = min(tokens, self._window or tokens)
        every = dict(self._model.named_parameters())
        layers = 1 + max((int(found[1]) for name in every if (found := _LAYER.search(name))), default=-1)
        for name, weight in every.items():
            weight.requires_grad_(_is_taught(name, round(frozen * layers), layers))
        # Whether a step multiplies in bfloat16: where the machine can, it takes half the time.
        self.half = bool(BFLOAT16 & processor_flags())
        # In one order for good: a checkpoint names them.
        self.weights: dict[str, Any] = {name: every[name] for name in sorted(every) if every[name].requires_grad}

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """(n, dimension), L2-normalised, with their gradients."""
        import torch

        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        parts = [
            self._model(self._model.preprocess([texts[row] for row in order[start : start + AT_ONCE]]))[
                "sentence_embedding"
            ]
            for start in range(0, len(order), AT_ONCE)
        ]
        found = torch.nn.functional.normalize(torch.cat(parts), dim=-1)
        return found[torch.from_numpy(np.argsort(np.array(order)))]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised."""
        import torch

        with torch.inference_mode():
            return np.ascontiguousarray(self.vectors(texts).numpy(), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """The whole model as a sentence-transformers folder with safetensors weights."""
        self._model.max_seq_length = self._window
        self._model.save(str(folder), create_model_card=False, safe_serialization=True)


def _is_taught(name: str, frozen: int, layers: int) -> bool:
    if not layers or not frozen:
        return True
    found = _LAYER.search(name)
    return "embeddings." not in name if found is None else int(found[1]) >= frozen
