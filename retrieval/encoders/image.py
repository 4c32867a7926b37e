"""Image encoders of open_clip: the built-in pair, or any of its models from a hub, a folder or a checkpoint."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from retrieval.encoders.queries import encode_queries
from retrieval.errors import EncoderError
from retrieval.types import ImageEncoder, PatchMap, Pixels, TextEncoder, Vectors

BUILTIN = "builtin"
NATIVE = "native"
BATCH = 16


def load(
    spec: str, *, models_root: Path, text: TextEncoder | None = None, threads: int = 1, fast: bool = False
) -> ImageEncoder:
    """The image encoder of a setting.

    Args:
        spec: `builtin`, `hf-hub:OWNER/NAME`, `local-dir:FOLDER`, `NAME@CHECKPOINT` or `NAME:TAG` of open_clip.
        models_root: its folder `alignment` holds what `align_encoders` learned; hub weights are kept in `hub`.
        text: the text tower of the built-in pair; without it text cannot search images.
        threads: threads of one forward pass.
        fast: whether the network is run as it was prepared for this site, if it was.

    Raises:
        EncoderError: there is no such model, or its weights cannot be loaded.
    """
    from retrieval.towers import serving

    if spec == BUILTIN:
        from retrieval.encoders.builtin import BuiltinImageEncoder

        tower = serving.builtin_tower(models_root, threads=threads) if fast else None
        return BuiltinImageEncoder(text=text, alignment=models_root / "alignment", tower=tower, threads=threads)
    import torch

    torch.set_num_threads(threads)
    encoder = OpenClipEncoder(spec, cache=models_root / "hub")
    if fast:
        encoder.tower = serving.image_tower(models_root, version=encoder.version, threads=threads)
    return encoder


class OpenClipEncoder:
    """Any open_clip model: its own preprocessing, its own joint space.

    Args:
        spec: `hf-hub:OWNER/NAME`, `local-dir:FOLDER`, `NAME@CHECKPOINT`, `NAME:TAG`.
        cache: where weights from a hub are kept.

    Raises:
        EncoderError: there is no such model, or its weights cannot be loaded.
    """

    def __init__(self, spec: str, *, cache: Path | None = None) -> None:
        name, weights = _name_and_weights(spec)
        self._model, self._tokenizer = _open_clip_model(name, weights, cache)
        self._model.eval()
        # Another way to run the image network: (n, 3, height, width) to (n, dimension), L2-normalised.
        self.tower: Callable[[Vectors], Vectors] | None = None
        self._settings = dict(self._model.visual.preprocess_cfg)
        self._transform = _open_clip_transform(self._settings)
        label = re.sub(r"[^\w.-]+", "-", Path(name).name if name.startswith("local-dir:") else name)[-40:]
        self._version = f"{label}@{state_digest(self._model)[:12]}-{self.preprocessing[:8]}"
        self._dimension = int(self._encode_images([np.zeros((8, 8, 3), dtype=np.uint8)]).shape[1])

    @property
    def version(self) -> str:
        """Name, and the first digits of the SHA-256 of all weights and of the preprocessing."""
        return self._version

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def preprocessing(self) -> str:
        return digest(self._settings)

    @property
    def aligned(self) -> bool:
        return True

    @property
    def alignment(self) -> str:
        """The towers were trained together."""
        return NATIVE

    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """(n, dimension) float32, L2-normalised, of RGB uint8 arrays (height, width, 3) of any size.

        Raises:
            EncoderError: an array of another shape or type.
        """
        if not images:
            return np.zeros((0, self._dimension), dtype=np.float32)
        return self._encode_images(images)

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised; a text over the model's window counts as the mean of its parts."""
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        return np.stack([self._encode_one(text) for text in texts])

    @property
    def patches_version(self) -> str:
        return f"{self._version}~tokens1"

    def patches(self, images: Sequence[Pixels], *, fine: bool = False) -> list[PatchMap]:
        """The patch tokens of a vision transformer, or the last feature map of a convolutional tower.

        Such a tower has one grid: `fine` changes nothing.

        Raises:
            EncoderError: the tower gives no map of patches, or an array is of another shape or type.
        """
        from retrieval.encoders.token_patches import token_map

        return [token_map(self._model.visual, self._settings, image, name=self._version) for image in images]

    def _encode_images(self, images: Sequence[Pixels]) -> Vectors:
        inputs = [self._transform(Image.fromarray(checked(image))).numpy() for image in images]
        if self.tower is None:
            return run(self._model, inputs, width=0)
        starts = range(0, len(inputs), BATCH)
        return np.concatenate([self.tower(np.stack(inputs[start : start + BATCH])) for start in starts])

    def inputs(self, images: Sequence[Pixels]) -> Vectors:
        """(n, 3, height, width) float32: what the image network takes."""
        return np.stack([self._transform(Image.fromarray(checked(image))).numpy() for image in images])

    def from_inputs(self, batch: Vectors) -> Vectors:
        """(n, dimension) float32, L2-normalised, by torch."""
        return run(self._model, list(batch), width=self._dimension)

    def network(self) -> Any:
        """A torch module that is `from_inputs`, to be exported."""
        import torch

        model = self._model

        class Whole(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.visual = model.visual

            def forward(self, batch: torch.Tensor) -> torch.Tensor:
                return torch.nn.functional.normalize(self.visual(batch), dim=-1)

        return Whole()

    def _encode_one(self, text: str) -> Vectors:
        import torch

        tokens = self._tokenizer(_parts_within(text, self._tokenizer))
        with torch.inference_mode():
            parts = self._model.encode_text(tokens, normalize=True)
        mean = parts.float().mean(dim=0).numpy()
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


def checked(image: Pixels) -> Pixels:
    """The image, when it is one an encoder takes.

    Raises:
        EncoderError: not uint8 RGB (height, width, 3), or without pixels.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise EncoderError(
            f"An image of shape {image.shape} and type {image.dtype}: give RGB uint8 (height, width, 3)."
        )
    return image


def encode_whole(encoder: TextEncoder, texts: Sequence[str], *, queries: bool = False) -> Vectors:
    """(n, dimension), L2-normalised, of texts of any length: one over the window is the mean of its windows.

    With `queries` they are asked with and not stored, which may be faster.
    """
    parts = [_windows(text, encoder) for text in texts]
    flat = [part for group in parts for part in group]
    vectors = encode_queries(encoder, flat) if queries else encoder.encode(flat)
    bounds = np.cumsum([0, *(len(group) for group in parts)])
    means = [vectors[start:end].mean(axis=0) for start, end in pairwise(bounds)]
    whole = np.stack(means) if means else np.zeros((0, encoder.dimension), dtype=np.float32)
    lengths = np.linalg.norm(whole, axis=1, keepdims=True)
    return np.asarray(whole / np.maximum(lengths, 1e-12), dtype=np.float32)


def state_digest(model: Any) -> str:
    """SHA-256 over the names, shapes and bytes of all parameters and buffers."""
    import torch

    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _windows(text: str, encoder: TextEncoder) -> list[str]:
    offsets = encoder.token_offsets(text)
    if len(offsets) <= encoder.max_tokens:
        return [text]
    # A piece cut out of a text may come out as a token more than it was within it.
    step = max(1, encoder.max_tokens - 8)
    return [text[offsets[at][0] : offsets[min(at + step, len(offsets)) - 1][1]] for at in range(0, len(offsets), step)]


def run(model: Any, inputs: Sequence[Vectors], *, width: int) -> Vectors:
    """(n, width) float32, L2-normalised, of (3, height, width) inputs through an open_clip model, in batches."""
    import torch

    vectors = [np.zeros((0, width), dtype=np.float32)] if not inputs else []
    with torch.inference_mode():
        for start in range(0, len(inputs), BATCH):
            batch = torch.from_numpy(np.stack(inputs[start : start + BATCH]))
            vectors.append(model.encode_image(batch, normalize=True).float().numpy())
    return np.ascontiguousarray(np.concatenate(vectors), dtype=np.float32)


def digest(settings: Mapping[str, Any]) -> str:
    """SHA-256 of settings as canonical JSON."""
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"), default=list)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _name_and_weights(spec: str) -> tuple[str, str | None]:
    """The open_clip model name, and its checkpoint or tag when the name does not bring them itself."""
    import open_clip

    if spec.startswith(("hf-hub:", "local-dir:")):
        return spec, None
    name, at, checkpoint = spec.partition("@")
    if not at:
        name, _, tag = spec.partition(":")
    if name not in open_clip.list_models():
        raise EncoderError(
            f"The image encoder {spec!r} is none of open_clip's. Write builtin, hf-hub:OWNER/NAME, NAME@CHECKPOINT "
            "or NAME:TAG."
        )
    if at:
        path = Path(checkpoint).expanduser()
        if not path.is_file():
            raise EncoderError(f"The image encoder's checkpoint {checkpoint!r} is no file.")
        return name, str(path)
    tags = open_clip.list_pretrained_tags_by_model(name)
    if tag not in tags:
        known = ", ".join(tags) or "none"
        raise EncoderError(f"{name} has these weights: {known}. Write {name}:TAG or {name}@CHECKPOINT.")
    return name, tag


def _open_clip_model(name: str, weights: str | None, cache_dir: Path | None) -> tuple[Any, Any]:
    import open_clip

    folder = str(cache_dir) if cache_dir else None
    try:
        model = open_clip.create_model(
            name, pretrained=weights, require_pretrained=True, weights_only=True, cache_dir=folder
        )
        return model, open_clip.get_tokenizer(name, cache_dir=folder)
    except Exception as error:
        raise EncoderError(f"The image encoder {name!r} cannot be loaded: {type(error).__name__}: {error}") from error


def _open_clip_transform(settings: Mapping[str, Any]) -> Any:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    return image_transform_v2(PreprocessCfg(**settings), is_train=False)


def _parts_within(text: str, tokenizer: Any) -> list[str]:
    """The text, halved until each part fits: a tokenizer cuts silently, and another word then changes nothing."""
    words = text.split()
    fits = not bool((tokenizer([text]) == tokenizer([f"{text} end"])).all())
    if fits or len(words) < 2:
        return [text]
    middle = len(words) // 2
    return [*_parts_within(" ".join(words[:middle]), tokenizer), *_parts_within(" ".join(words[middle:]), tokenizer)]
