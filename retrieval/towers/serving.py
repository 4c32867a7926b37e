"""From what was prepared in a site's folder to encoders that run it. What is damaged is not run: torch is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import EncoderError
from retrieval.towers import store
from retrieval.towers.prepare import IMAGES, OPTIONS, TEXT

if TYPE_CHECKING:
    from retrieval.encoders.text import SentenceTransformerEncoder
    from retrieval.towers.session import OnnxTower
    from retrieval.towers.text import PreparedTextEncoder

logger = logging.getLogger(__name__)


def root_of(models_root: Path) -> Path:
    """The folder of all prepared towers."""
    return models_root / store.FOLDER


def text_needs(folder: Path, version: str) -> dict[str, Any]:
    """What the towers of the text encoder in this folder depend on."""
    from retrieval.encoders.text import folder_digest

    return store.dependencies(encoder=version, weights=folder_digest(folder), options=OPTIONS)


def image_needs(version: str) -> dict[str, Any]:
    """The same of an image encoder, whose version holds the hash of its weights."""
    return store.dependencies(encoder=version, weights="", options=OPTIONS)


def text_encoder(
    folder: Path,
    *,
    version: str,
    models_root: Path,
    reference: Callable[[], SentenceTransformerEncoder],
    threads: int = 1,
) -> PreparedTextEncoder | None:
    """The text encoder as it was prepared; None when it was not, or not for these libraries and this processor."""
    prepared = store.load(root_of(models_root), TEXT, text_needs(folder, version))
    if prepared is None:
        return None
    from retrieval.towers.text import PreparedTextEncoder

    try:
        encoder = PreparedTextEncoder(prepared, version=version, reference=reference, threads=threads)
        encoder.open_queries()
        return encoder
    except (EncoderError, KeyError, TypeError, ValueError) as error:
        logger.warning("the prepared text encoder is not used: %s", error)
        return None


def builtin_tower(models_root: Path, *, threads: int = 1) -> OnnxTower | None:
    """The network of the built-in image encoder."""
    from retrieval.encoders.builtin import BASE

    return image_tower(models_root, version=BASE, threads=threads)


def image_tower(models_root: Path, *, version: str, threads: int = 1) -> OnnxTower | None:
    """The network of an image encoder; None when torch runs it."""
    prepared = store.load(root_of(models_root), IMAGES, image_needs(version))
    if prepared is None or prepared.about["roles"].get("images") != "float32":
        return None
    from retrieval.towers.session import OnnxTower

    try:
        return OnnxTower(prepared.verified("float32.onnx"), threads=threads)
    except EncoderError as error:
        logger.warning("the prepared image encoder is not used: %s", error)
        return None
