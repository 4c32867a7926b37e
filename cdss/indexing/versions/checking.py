"""Whether the index holds what the database does, and putting it right."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db import transaction

from cdss.audit.services import record
from cdss.indexing.encoding.frame_features import frames_key
from cdss.indexing.engine import NO_INDEX
from cdss.indexing.models import ImageEmbedding, IndexChange, IndexCheck, IndexVersion, Occasion
from cdss.indexing.services import index_build, is_of_another_encoder
from cdss.indexing.versions.generations import generations
from cdss.library.ids import ids_of
from cdss.library.models import LibraryItem, Passage, State
from retrieval.errors import IndexUnusableError, RetrievalError

if TYPE_CHECKING:
    from retrieval.manifest import Manifest
    from retrieval.types import Ids

logger = logging.getLogger(__name__)
# Checks that are remembered.
KEPT = 500


def index_check(*, occasion: Occasion = Occasion.REGULAR) -> IndexCheck:
    """Compares the newest version with the database, checksums and ids, and makes a new one where they differ.

    An index of another encoder is left as it is: to encode the library anew is for an administrator to decide.
    """
    started = time.perf_counter()
    pending = IndexChange.objects.count()
    version = IndexVersion.objects.first()
    check = compared(version)
    check.occasion, check.version = occasion, version.name if version else ""
    # What is noted is on its way into the index by itself, also what was noted meanwhile.
    check.pending = max(pending, IndexChange.objects.count())
    is_drift = bool(check.problem) or (not check.in_step and not check.pending)
    if is_drift and not is_of_another_encoder(version) and _is_worth_an_index(version, check):
        try:
            check.repaired = index_build().name
        except (RetrievalError, OSError) as error:
            check.problem = str(error)[:300]
    check.milliseconds = round((time.perf_counter() - started) * 1000)
    _note(check)
    return check


@transaction.atomic
def _note(check: IndexCheck) -> None:
    check.save()
    IndexCheck.objects.filter(pk__lte=check.pk - KEPT).delete()
    if check.repaired:
        logger.warning("index %s was out of step and is replaced by %s", check.version, check.repaired)
        details = {"missing": check.missing, "surplus": check.surplus, "damaged": bool(check.problem)}
        record(action="index.repaired", obj=check, details={**details, "name": check.repaired})


def compared(version: IndexVersion | None) -> IndexCheck:
    """What a check of this version finds, not stored."""
    passages = ids_of(Passage.objects.filter(item__state=State.PUBLISHED))
    unsplit = LibraryItem.objects.filter(state=State.PUBLISHED, split=None).count()
    if version is None:
        missing = len(passages) + unsplit
        return IndexCheck(passages=len(passages), missing=missing, problem=NO_INDEX if missing else "")
    try:
        snapshot = generations().load(version)
    except IndexUnusableError as error:
        images = _images_of(version)
        missing = len(passages) + images
        return IndexCheck(passages=len(passages), images=images, missing=missing, problem=_told(error))
    wanted = [passages, _image_ids(snapshot.manifest)]
    indexed = [snapshot.passages.ids, snapshot.frames.ids]
    return IndexCheck(
        passages=len(passages),
        passages_indexed=len(indexed[0]),
        images=len(wanted[1]),
        images_indexed=len(indexed[1]),
        missing=unsplit + sum(len(np.setdiff1d(w, i)) for w, i in zip(wanted, indexed, strict=True)),
        surplus=sum(len(np.setdiff1d(i, w)) for w, i in zip(wanted, indexed, strict=True)),
    )


def _is_worth_an_index(version: IndexVersion | None, found: IndexCheck) -> bool:
    """A new site has no index before its first build, which its set-up makes."""
    return version is not None or found.passages > 0


def _image_ids(manifest: Manifest) -> Ids:
    """Of the vectors that were made as the index was; what is not encoded yet is the matter of the changes noted."""
    found: list[Ids] = []
    for masked in (False, True):
        key = frames_key(manifest.image_encoder, manifest.image_preprocessing, masked=masked)
        rows = ImageEmbedding.objects.filter(
            encoder=key, image__case__state=State.PUBLISHED, image__case__collection__mask_overlays=masked
        )
        found.append(ids_of(rows))
    return np.union1d(*found)


def _images_of(version: IndexVersion) -> int:
    """Of a version whose manifest cannot be read: frames that its image encoder has encoded."""
    rows = ImageEmbedding.objects.filter(
        encoder__startswith=f"{version.image_encoder}|", image__case__state=State.PUBLISHED
    )
    return rows.order_by().values("image", "frame").distinct().count()


def _told(error: Exception) -> str:
    """Without the place on this machine."""
    return str(error).replace(f"{settings.INDEX_ROOT}/", "")[:300]
