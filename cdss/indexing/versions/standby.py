"""What is searched while no version of the index can be: nobody waits for the one that is being made."""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from cdss.indexing.versions.generations import FolderGenerations
from cdss.library.models import Passage, State
from retrieval.errors import IndexUnusableError

if TYPE_CHECKING:
    from retrieval.engine import Engine
    from retrieval.index.snapshot import Snapshot
    from retrieval.types import ImageEncoder, TextEncoder

logger = logging.getLogger(__name__)
STORED, WORDS = "stored vectors", "words alone"
# Of a larger library this takes longer than the worker needs to make the index again.
MOST_PASSAGES = 100_000


def stored_engine(texts: TextEncoder, images: ImageEncoder) -> Engine:
    """The index that the database holds, in this process alone. Raises IndexUnusableError for a large library."""
    from cdss.indexing.versions.assembly import assemble
    from retrieval.engine import Engine

    if Passage.objects.filter(item__state=State.PUBLISHED).count() > MOST_PASSAGES:
        raise IndexUnusableError(
            "The index is damaged and is being made again from the stored vectors. Try again soon."
        )
    started = time.perf_counter()
    # In the memory of this process: a server writes no tables.
    snapshot, _ = assemble(texts, images, None, FolderGenerations())
    snapshot.manifest = replace(snapshot.manifest, name=STORED)
    took = round((time.perf_counter() - started) * 1000)
    logger.warning(
        "no version of the index is whole: %d stored passages are searched (%d ms)", len(snapshot.text), took
    )
    return Engine(snapshot, texts, images)


def words_engine(snapshot: Snapshot, texts: TextEncoder, images: ImageEncoder) -> Engine:
    """A version made with another encoder, by its words: its vectors are never compared with those of this one.

    Raises IndexUnusableError where its words were made otherwise too.
    """
    from retrieval.engine import Engine, Weights
    from retrieval.index.faiss import FaissIndex
    from retrieval.index.snapshot import terms_version

    if snapshot.manifest.terms != terms_version():
        raise IndexUnusableError("The index was made with other tokens. Run manage.py build_index --rebuild.")
    worded = copy.copy(snapshot.under(texts, FaissIndex(texts.dimension)))
    worded.images = FaissIndex(images.dimension)
    worded.manifest = replace(
        worded.manifest,
        name=WORDS,
        image_encoder=images.version,
        image_dimension=images.dimension,
        image_preprocessing=images.preprocessing,
    )
    return Engine(worded, texts, images, weights=Weights(dense=0.0, image=0.0, text_to_image=0.0))
