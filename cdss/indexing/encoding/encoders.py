"""The encoders of this site, loaded once in a process and shared by its threads."""

from __future__ import annotations

import logging
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from cdss.indexing.encoding.service import client, is_remote, remote_image_encoder, remote_text_encoder

if TYPE_CHECKING:
    from retrieval.types import ImageEncoder, TextEncoder

logger = logging.getLogger(__name__)
_lock = threading.RLock()
# The one of the settings, not one taught from it.
PLAIN = ""
# While another one takes over, and after it, both are asked for.
AT_ONCE = 2


def text_encoder() -> TextEncoder:
    """The one that serves: of the settings, or what `adapt_encoder` taught it."""
    with _lock:
        return _text_encoder(settings.TEXT_ENCODER, _serving())


def image_encoder() -> ImageEncoder:
    with _lock:
        return _image_encoder_beside(_serving())


def encoders_of(text_version: str) -> tuple[TextEncoder, ImageEncoder]:
    """The encoders an index with this text encoder is searched with; where they cannot be had, the ones that serve."""
    from retrieval.errors import RetrievalError

    with _lock:
        name = _name_of(text_version)
        try:
            texts = _text_encoder(settings.TEXT_ENCODER, name)
        except RetrievalError as error:
            logger.warning("the text encoder %s cannot be used: %s", text_version, error)
            name = _serving()
            texts = _text_encoder(settings.TEXT_ENCODER, name)
        return texts, _image_encoder_beside(name)


def plain_text_encoder() -> TextEncoder:
    """The one of the settings, whatever was taught."""
    with _lock:
        return _text_encoder(settings.TEXT_ENCODER, PLAIN)


def taught_text_encoder(name: str) -> TextEncoder:
    """One that was taught, whether it serves or not. Raises RetrievalError when it cannot be loaded."""
    with _lock:
        return _text_encoder(settings.TEXT_ENCODER, name)


def taught_folder() -> Path:
    """Where the taught text encoders are."""
    return Path(settings.MODELS_ROOT) / "adapted"


def names_in_use() -> list[str]:
    """Of the encoder of the settings, and of the one that serves where that is one that was taught."""
    with _lock:
        return list(dict.fromkeys((PLAIN, _serving())))


def forget() -> None:
    """The next call loads them again: after an alignment, and between tests."""
    with _lock:
        _text_encoder.cache_clear()
        _image_encoder.cache_clear()
        _serving_at.cache_clear()
        client.cache_clear()


def _serving() -> str:
    # Asked at every call: a file's stamp, so that the module behind it is not loaded where nothing was ever taught.
    try:
        found = (taught_folder() / "serving.json").stat()
    except OSError:
        return PLAIN
    if settings.TEXT_ENCODER == "hashing":
        return PLAIN
    return _serving_at(settings.TEXT_ENCODER, (found.st_mtime_ns, found.st_ino))


@lru_cache(maxsize=1)
def _serving_at(spec: str, stamp: tuple[int, int]) -> str:
    """Verified once for each change: what is damaged, or was taught from other weights, does not serve."""
    from retrieval.adaptation import store
    from retrieval.encoders import registry
    from retrieval.errors import RetrievalError

    chosen = store.serving(taught_folder())
    if chosen is None or not chosen.name:
        return PLAIN
    try:
        if chosen.base != registry.text_version(spec, models_root=Path(settings.MODELS_ROOT)):
            return PLAIN
        _text_encoder(spec, chosen.name)
    except RetrievalError as error:
        logger.warning("the taught text encoder cannot be used, the plain one serves: %s", error)
        return PLAIN
    return chosen.name


def _name_of(version: str) -> str:
    from retrieval.adaptation import store

    serving = _serving()
    for taught in store.taught_encoders(taught_folder()) if taught_folder().is_dir() else ():
        if taught.version == version:
            return taught.name
        if taught.base == version:
            return PLAIN
    return serving


def _image_encoder_beside(name: str) -> ImageEncoder:
    encoder = _image_encoder(settings.IMAGE_ENCODER, settings.TEXT_ENCODER, name)
    if getattr(encoder, "stale", False):
        # Another process taught it a metric; the index made with that one is there or about to be.
        _image_encoder.cache_clear()
        encoder = _image_encoder(settings.IMAGE_ENCODER, settings.TEXT_ENCODER, name)
    return encoder


@lru_cache(maxsize=AT_ONCE)
def _text_encoder(spec: str, name: str) -> TextEncoder:
    from retrieval.encoders import registry
    from retrieval.encoders.memo import RememberingTextEncoder

    if is_remote():
        return RememberingTextEncoder(remote_text_encoder(_version_of(spec, name)))
    if name:
        return RememberingTextEncoder(_taught(name))
    return RememberingTextEncoder(
        registry.text_encoder(
            spec, models_root=Path(settings.MODELS_ROOT), threads=settings.MODEL_THREADS, fast=_is_fast()
        )
    )


def _version_of(spec: str, name: str) -> str:
    """Told from the files alone: the service is asked for exactly this one."""
    from retrieval.encoders import registry

    if name:
        from retrieval.adaptation import store

        return store.read(taught_folder(), name).version
    return registry.text_version(spec, models_root=Path(settings.MODELS_ROOT))


def _taught(name: str) -> TextEncoder:
    from retrieval.adaptation import store
    from retrieval.encoders.text import SentenceTransformerEncoder
    from retrieval.towers import serving

    def reference() -> SentenceTransformerEncoder:
        return store.load(taught_folder(), name, threads=settings.MODEL_THREADS)

    if not _is_fast():
        return reference()
    taught = store.read(taught_folder(), name)
    store.verify(taught_folder(), taught)
    prepared = serving.text_encoder(
        store.folder_of(taught_folder(), name),
        version=taught.version,
        models_root=Path(settings.MODELS_ROOT),
        reference=reference,
        threads=settings.MODEL_THREADS,
    )
    return prepared or reference()


@lru_cache(maxsize=AT_ONCE)
def _image_encoder(spec: str, text_spec: str, name: str) -> ImageEncoder:
    from retrieval.encoders import registry

    if is_remote():
        return remote_image_encoder(spec, _text_encoder(text_spec, name))
    return registry.image_encoder(
        spec,
        models_root=Path(settings.MODELS_ROOT),
        text=_text_encoder(text_spec, name),
        threads=settings.MODEL_THREADS,
        fast=_is_fast(),
    )


def _is_fast() -> bool:
    return bool(settings.ENCODER_RUNTIME == "auto")
