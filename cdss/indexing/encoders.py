"""The encoders of this site, loaded once in a process and shared by its threads."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from retrieval.types import ImageEncoder, TextEncoder

_lock = threading.RLock()


def text_encoder() -> TextEncoder:
    with _lock:
        return _text_encoder(settings.TEXT_ENCODER)


def image_encoder() -> ImageEncoder:
    with _lock:
        encoder = _image_encoder(settings.IMAGE_ENCODER, settings.TEXT_ENCODER)
        if getattr(encoder, "stale", False):
            # Another process taught it a metric; the index made with that one is there or about to be.
            _image_encoder.cache_clear()
            encoder = _image_encoder(settings.IMAGE_ENCODER, settings.TEXT_ENCODER)
        return encoder


def forget() -> None:
    """The next call loads them again: after an alignment, and between tests."""
    with _lock:
        _text_encoder.cache_clear()
        _image_encoder.cache_clear()


@cache
def _text_encoder(spec: str) -> TextEncoder:
    from retrieval.encoders import registry
    from retrieval.encoders.memo import RememberingTextEncoder

    return RememberingTextEncoder(
        registry.text_encoder(spec, models_root=settings.MODELS_ROOT, threads=settings.MODEL_THREADS)
    )


@cache
def _image_encoder(spec: str, text_spec: str) -> ImageEncoder:
    from retrieval.encoders import registry

    return registry.image_encoder(
        spec, models_root=settings.MODELS_ROOT, text=_text_encoder(text_spec), threads=settings.MODEL_THREADS
    )
