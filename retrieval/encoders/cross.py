"""A cross-encoder of sentence-transformers: reads a query and a passage together and says how well they fit.

Only a local folder with safetensors weights is read, and nothing is ever fetched. A model that needs its own code is
refused. Source: Nogueira and Cho, "Passage Re-ranking with BERT", 2019 (arXiv:1901.04085).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.encoders.text import folder_digest
from retrieval.errors import EncoderError
from retrieval.types import Floats

# Of query and passage together; the memory of an attention grows with its square.
_LONGEST = 512
_ARCHITECTURE = "ForSequenceClassification"
_REMEDY = "Give the folder of a sentence-transformers CrossEncoder that was saved with safetensors weights."


class CrossEncoderScorer:
    """Scores pairs of a query and a passage. Safe to use from several threads, one at a time.

    Args:
        folder: the model, with safetensors weights, of one label.
        name: how the version names it.
        threads: threads of one forward pass.
        batch_size: pairs scored at once; the time limit is looked at between batches.

    Raises:
        EncoderError: the folder holds no such model.
    """

    def __init__(self, folder: Path, *, name: str, threads: int = 1, batch_size: int = 8) -> None:
        if problem := problem_of(folder):
            raise EncoderError(problem)
        self._model = _load(folder, threads)
        self._batch_size = batch_size
        self._version = f"{name}@{folder_digest(folder)}"
        # A fast tokenizer of one model cannot be used by two threads at once.
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Name and SHA-256 over weights, tokenizer and configuration."""
        return self._version

    def scores(self, query: str, passages: Sequence[str], *, deadline: float) -> Floats:
        """(m,) of the first m passages, the higher the better; m is smaller than asked for when time ran out.

        Args:
            query: what was asked; what is over the window is cut.
            passages: in the order of their importance.
            deadline: a time.monotonic() value.

        Raises:
            EncoderError: the model says something that is no number, or fails.
        """
        found: list[Floats] = []
        with self._lock:
            for start in range(0, len(passages), self._batch_size):
                if time.monotonic() >= deadline:
                    break
                found.append(self._batch(query, passages[start : start + self._batch_size]))
        return np.concatenate(found) if found else np.zeros(0)

    def _batch(self, query: str, passages: Sequence[str]) -> Floats:
        pairs = [(query, passage) for passage in passages]
        try:
            values = self._model.predict(
                pairs, batch_size=self._batch_size, convert_to_numpy=True, show_progress_bar=False
            )
        except (RuntimeError, ValueError, IndexError) as error:
            raise EncoderError(f"The cross-encoder {self._version} failed: {type(error).__name__}.") from error
        scores = np.asarray(values, dtype=np.float64).reshape(len(passages), -1)[:, 0]
        if not np.isfinite(scores).all():
            raise EncoderError(f"The cross-encoder {self._version} gives scores that are no numbers.")
        return scores


def problem_of(folder: Path) -> str:
    """What is wrong with a cross-encoder's folder, told from its files without loading them; empty when nothing is."""
    if not folder.is_dir():
        return f"The cross-encoder {str(folder)!r} is no folder. {_REMEDY}"
    try:
        config: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"{folder} has no config.json that can be read. {_REMEDY}"
    if not isinstance(config, dict):
        return f"{folder} has no config.json that can be read. {_REMEDY}"
    if not any(folder.glob("*.safetensors")):
        return f"{folder} holds no safetensors weights. {_REMEDY}"
    if "auto_map" in config:
        return f"{folder} needs code of its own, which is not run. {_REMEDY}"
    if not any(str(name).endswith(_ARCHITECTURE) for name in config.get("architectures") or ()):
        return f"{folder} is no cross-encoder: its architecture scores no pairs. {_REMEDY}"
    # A configuration names its labels only when there are not two of them.
    if len(config.get("id2label") or (0, 1)) != 1:
        return f"{folder} is no cross-encoder with one score: it has several labels. {_REMEDY}"
    return ""


def local_folder(spec: str, models_root: Path) -> Path:
    """The folder of a setting: itself, or a hub name that lies in `models_root`/hub already. Nothing is fetched.

    Raises:
        EncoderError: a hub name that is not there.
    """
    folder = Path(spec).expanduser()
    if folder.is_dir() or folder.is_absolute() or spec.startswith((".", "~")) or spec.count("/") != 1:
        return folder
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(spec, cache_dir=models_root / "hub", local_files_only=True))
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"The cross-encoder {spec!r} is not in {models_root / 'hub'}, and it is never fetched. {_REMEDY}"
        ) from error


def _load(folder: Path, threads: int) -> Any:
    import torch
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    quiet: Any = logging
    quiet.disable_progress_bar()
    torch.set_num_threads(threads)
    try:
        model = CrossEncoder(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except Exception as error:
        raise EncoderError(
            f"{folder} cannot be loaded as a cross-encoder: {type(error).__name__}. {_REMEDY}"
        ) from error
    positions = int(getattr(model.config, "max_position_embeddings", 0) or _LONGEST)
    model.max_length = min(int(model.max_length or _LONGEST), positions, _LONGEST)
    return model
