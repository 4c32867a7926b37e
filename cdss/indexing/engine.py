"""The engine of this process: one for all its threads, and the newest published version, always."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdss.indexing.encoding.encoders import encoders_of
from cdss.indexing.models import IndexVersion
from cdss.indexing.versions.generations import generations
from cdss.indexing.versions.standby import stored_engine, words_engine
from retrieval.errors import IndexUnusableError

if TYPE_CHECKING:
    from retrieval.engine import Engine
    from retrieval.index.snapshot import Snapshot
    from retrieval.types import ImageEncoder, TextEncoder

logger = logging.getLogger(__name__)
NO_INDEX = "There is no index yet. Run manage.py build_index."
# A damaged newest version is stood in for by one of these; what may be shown comes from the database anyway.
FALLBACKS = 2


@dataclass(frozen=True, slots=True)
class EngineVersions:
    index: str
    text_encoder: str
    image_encoder: str


class _Held:
    lock = threading.Lock()
    engine: Engine | None = None
    # The newest row when it was loaded.
    newest: tuple[str, str] | None = None


def get_engine() -> Engine:
    """Raises IndexUnusableError when there is no index, or none that can be read with these encoders."""
    newest = IndexVersion.objects.values_list("name", "manifest_sha256").first()
    if newest is None:
        raise IndexUnusableError(NO_INDEX)
    engine = _Held.engine
    if engine is not None and _Held.newest == newest:
        return engine
    with _Held.lock:
        if _Held.engine is None or _Held.newest != newest:
            _Held.engine, _Held.newest = _load(), newest
        return _Held.engine


def engine_versions() -> EngineVersions:
    manifest = get_engine().snapshot.manifest
    return EngineVersions(manifest.name, manifest.text_encoder, manifest.image_encoder)


def forget_engine() -> None:
    """The next search loads the index again: after an alignment, and between tests."""
    with _Held.lock:
        _Held.engine, _Held.newest = None, None


def engine_of(snapshot: Snapshot, texts: TextEncoder, images: ImageEncoder) -> Engine:
    """Raises IndexUnusableError when it was made with other encoders."""
    from retrieval.engine import Engine

    return Engine(snapshot, texts, images)


def _load() -> Engine:
    """The newest version that is whole and of the encoder that is set; else what stands in until there is one."""
    first: IndexUnusableError | None = None
    whole: Snapshot | None = None
    newest: IndexVersion | None = None
    for version in IndexVersion.objects.all()[: 1 + FALLBACKS]:
        newest = newest or version
        try:
            snapshot = generations().load(version)
            whole = whole or snapshot
            return engine_of(snapshot, *encoders_of(version.text_encoder))
        except IndexUnusableError as error:
            logger.warning("index %s cannot be used: %s", version.name, error)
            first = first or error
    if newest is None or first is None:
        raise IndexUnusableError(NO_INDEX)
    try:
        encoders = encoders_of(newest.text_encoder)
        return words_engine(whole, *encoders) if whole is not None else stored_engine(*encoders)
    except IndexUnusableError as error:
        raise first from error
