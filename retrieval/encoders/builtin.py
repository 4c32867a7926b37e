"""The built-in pair as an encoder: the frozen tower, the metric a site taught it, and the map of its text."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.alignment import store
from retrieval.alignment.metric import Metric, unit
from retrieval.alignment.model import Alignment
from retrieval.encoders.image import BATCH, digest, encode_whole
from retrieval.encoders.lite0 import (
    LITE0_BLOCKS,
    LITE0_KERNELS,
    LITE0_PREPROCESSING,
    LITE0_SHA256,
    LITE0_WIDTH,
    joint_model,
    lite0_input,
    lite0_weights,
    stage_features,
)
from retrieval.encoders.lite0_patches import LITE0_PATCHES, patch_map
from retrieval.errors import AlignmentError
from retrieval.types import PatchMap, Pixels, TextEncoder, Vectors

NOT_ALIGNED = "Text cannot search images yet: image and text encoder are not aligned. Run manage.py align_encoders."
FEATURES = "stages1"
BASE = f"builtin-lite0@{LITE0_SHA256[:12]}-{digest(LITE0_PREPROCESSING)[:8]}"
# (n, 3, 224, 224) to (n, sum of LITE0_BLOCKS); an image to the map of its patches.
Lite0Tower = Callable[[Vectors], Vectors]
PatchMaps = Callable[[Pixels, bool], PatchMap]


class Lite0Torch:
    """The image tower in torch, the reference, loaded when it is first asked for. Safe to use from several threads."""

    def __init__(self, threads: int = 1) -> None:
        self._lock = threading.Lock()
        self._threads = threads
        self._loaded: Any = None

    def model(self) -> Any:
        """The open_clip model with the packaged weights.

        Raises:
            EncoderError: they are missing or are not the known ones.
        """
        import torch

        with self._lock:
            if self._loaded is None:
                torch.set_num_threads(self._threads)
                model = joint_model()
                model.visual.trunk.load_state_dict(lite0_weights(), strict=True)
                self._loaded = model.eval().to(memory_format=torch.channels_last)
            return self._loaded

    def features(self, batch: Vectors) -> Vectors:
        """(n, sum of LITE0_BLOCKS) of (n, 3, 224, 224)."""
        import torch

        with torch.inference_mode():
            found: Vectors = stage_features(self.model().visual.trunk, torch.from_numpy(batch)).numpy()
        return found

    def maps(self, image: Pixels, fine: bool) -> PatchMap:
        """See `patch_map`."""
        return patch_map(self.model().visual.trunk, image, fine=fine)

    def network(self) -> Any:
        """A torch module that is `features`, to be exported."""
        import torch

        trunk = self.model().visual.trunk

        class Features(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.trunk = trunk

            def forward(self, batch: torch.Tensor) -> torch.Tensor:
                return stage_features(self.trunk, batch)

        return Features()


class BuiltinImageEncoder:
    """EfficientNet-lite0 and a text encoder as one open_clip model.

    Args:
        text: the text tower.
        alignment: folder of what was learned; the pair works without, for image to image.
        tower: runs the image network; torch, unless another way was prepared.
        maps: makes maps of patches; torch, unless another process does.
        threads: of one pass.

    Raises:
        EncoderError: the packaged weights are missing or are not the known ones.
    """

    widths = LITE0_BLOCKS
    kernels = LITE0_KERNELS

    def __init__(
        self,
        *,
        text: TextEncoder | None = None,
        alignment: Path | None = None,
        tower: Lite0Tower | None = None,
        maps: PatchMaps | None = None,
        threads: int = 1,
    ) -> None:
        self._text = text
        self._folder = alignment
        self._lock = threading.Lock()
        self._torch = Lite0Torch(threads)
        if tower is None:
            # Now, and not at the first image: whoever asks for an encoder hears that its weights are missing.
            self._torch.model()
        self.tower = tower or self._torch.features
        self._maps = maps or self._torch.maps
        self._metric_stamp = store.metric_stamp(alignment) if alignment else None
        self.metric_problem = ""
        self._metric = self._read_metric()
        self._alignment: Alignment | None = None
        self._problem = NOT_ALIGNED
        self._stamp: tuple[int, int] | None = None
        self._refresh()

    @property
    def version(self) -> str:
        """Name, and the first digits of the SHA-256 of weights, of preprocessing and, if there is one, of metric."""
        return f"{self.base}+{self._metric.checksum[:12]}" if self._metric else self.base

    @property
    def base(self) -> str:
        """The version without a metric."""
        return BASE

    @property
    def features_version(self) -> str:
        """What the features a metric is taught on are stored under."""
        return f"{self.base}~{FEATURES}"

    @property
    def dimension(self) -> int:
        return self._metric.dimension if self._metric else LITE0_WIDTH

    @property
    def preprocessing(self) -> str:
        return digest(LITE0_PREPROCESSING)

    @property
    def stale(self) -> bool:
        """Whether another metric was saved since this one was read. It keeps the one it has: its index goes with it."""
        return self._folder is not None and store.metric_stamp(self._folder) != self._metric_stamp

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

    def features(self, images: Sequence[Pixels]) -> Vectors:
        """(n, sum of LITE0_BLOCKS) float32 of RGB uint8 arrays (height, width, 3) of any size.

        Raises:
            EncoderError: an array of another shape or type.
        """
        made = [np.zeros((0, sum(LITE0_BLOCKS)), dtype=np.float32)]
        for start in range(0, len(images), BATCH):
            made.append(self.tower(np.stack([lite0_input(image) for image in images[start : start + BATCH]])))
        return np.ascontiguousarray(np.concatenate(made), dtype=np.float32)

    def plain(self, features: Vectors) -> Vectors:
        """(n, 1280) L2-normalised: the vectors without a metric, from features."""
        end = sum(LITE0_BLOCKS[:LITE0_KERNELS])
        return unit(features[:, end - LITE0_WIDTH : end])

    def vectors(self, features: Vectors) -> Vectors:
        """(n, dimension) float32, L2-normalised, from features."""
        return self._metric.project(features) if self._metric else self.plain(features)

    def taught(self, metric: Metric) -> BuiltinImageEncoder:
        """The same tower with another metric; text cannot search the images of that one yet."""
        other = copy.copy(self)
        other._metric, other._text, other._alignment = metric, None, None
        return other

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """(n, dimension) float32, L2-normalised, of RGB uint8 arrays (height, width, 3) of any size.

        Raises:
            EncoderError: an array of another shape or type.
        """
        return self.vectors(self.features(images))

    @property
    def patches_version(self) -> str:
        """Of the tower alone: what a site teaches the encoder moves no patch."""
        return f"builtin-lite0@{LITE0_SHA256[:12]}~{LITE0_PATCHES}"

    def patches(self, images: Sequence[Pixels], *, fine: bool = False) -> list[PatchMap]:
        """The feature map of each image: patches of 16 of 256 pixels of its longer side, or of 8 of 384 when `fine`.

        Raises:
            EncoderError: an array of another shape or type.
        """
        return [self._maps(image, fine) for image in images]

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised, in the space of the image vectors; a long text counts with all parts.

        Raises:
            AlignmentError: the towers are not aligned, or no longer fit their alignment.
        """
        self._refresh()
        alignment, text = self._alignment, self._text
        if alignment is None or text is None:
            raise AlignmentError(self._problem)
        return unit(alignment.project(texts, encode_whole(text, texts, queries=True)))

    @property
    def _model(self) -> Any:
        return self._torch.model()

    def _read_metric(self) -> Metric | None:
        try:
            return store.load_metric(self._folder, features=self.features_version) if self._folder else None
        except AlignmentError as error:
            # The plain vectors work without it; an index made with it says that it does not fit.
            self.metric_problem = str(error)
            return None

    def _refresh(self) -> None:
        """Take up the alignment in the folder when it is another than the one that was read last."""
        if self._folder is None or self._text is None:
            return
        if store.stamp(self._folder, self._text.version) == self._stamp:
            return
        with self._lock:
            stamp = store.stamp(self._folder, self._text.version)
            try:
                found = store.load(self._folder, image_encoder=self.version, text_encoder=self._text.version)
                self._problem = NOT_ALIGNED
            except AlignmentError as error:
                # Image to image does not need it, so it is said when text is asked for.
                found, self._problem = None, str(error)
            self._alignment, self._stamp = found, stamp
