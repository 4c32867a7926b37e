"""Where a training stands, on the disk: after a kill it goes on from there, to the same weights."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.alignment.files import Tensors, read_manifest, read_tensors, save_tensors
from retrieval.errors import AdaptationError, AlignmentError

FORMAT, KIND = 1, "training"
_PARTS = ("weight", "first", "second", "best")


@dataclass(slots=True)
class Standing:
    """How far a training has come.

    Args:
        step: steps done.
        history: of each whole epoch, how well unseen cases are found (`train.Unseen`).
        weights: by name, as they are.
        first: AdamW's running mean of each gradient.
        second: AdamW's running mean of its square.
        best: the weights after the best epoch so far.
    """

    step: int = 0
    history: list[float] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    first: dict[str, NDArray[Any]] = field(default_factory=dict)
    second: dict[str, NDArray[Any]] = field(default_factory=dict)
    best: dict[str, NDArray[Any]] = field(default_factory=dict)


class Checkpoint:
    """A folder that holds one training's standing, or none.

    Args:
        folder: of the training; made when something is kept.
        begun_with: what it was begun with, as a hash; the standing of another training is not gone on from.
    """

    def __init__(self, folder: Path, begun_with: str) -> None:
        self._folder = folder
        self._begun_with = begun_with

    def keep(self, standing: Standing) -> None:
        """Raises AdaptationError when the folder cannot be written; what was kept before stays."""
        parts = zip(_PARTS, (standing.weights, standing.first, standing.second, standing.best), strict=True)
        tensors: Tensors = {f"{part}.{name}": value for part, named in parts for name, value in named.items()}
        about = {
            "format": FORMAT,
            "begun_with": self._begun_with,
            "step": standing.step,
            "history": standing.history,
        }
        try:
            save_tensors(self._folder, KIND, tensors, about)
        except AlignmentError as error:
            raise AdaptationError(str(error)) from error

    def found(self) -> Standing | None:
        """What was kept; None when there is nothing, or nothing whole that was begun the same way."""
        try:
            about = read_manifest(self._folder, KIND, version=FORMAT)
            if about.get("begun_with") != self._begun_with:
                return None
            tensors = read_tensors(self._folder, about)
            standing = Standing(int(about["step"]), [float(value) for value in about["history"]])
        except (AlignmentError, KeyError, TypeError, ValueError):
            return None
        for name, value in tensors.items():
            part, _, weight = name.partition(".")
            kept = dict(zip(_PARTS, (standing.weights, standing.first, standing.second, standing.best), strict=True))
            if part not in kept:
                return None
            kept[part][weight] = np.array(value)
        return standing

    def clear(self) -> None:
        """It is done: nothing is kept any longer."""
        shutil.rmtree(self._folder, ignore_errors=True)
