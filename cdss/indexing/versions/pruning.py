"""What an encoder or a vocabulary that is no longer used has left behind; all of it can be made again."""

from __future__ import annotations

import logging
from collections.abc import Collection

from django.db.models import Q

from cdss.indexing.models import ImageEmbedding, IndexVersion, PassageEmbedding
from cdss.reasoning.concepts import tables_prune

logger = logging.getLogger(__name__)
# The current one and the one before it: going back to that encodes nothing again.
KEPT = 2


def leftovers_prune(*, keep: Collection[str] = ()) -> int:
    """Removes the vectors of encoders and the tables of names that neither the current nor the previous one is, nor a
    text encoder to keep; returns how many vectors and tables went."""
    kept = Q()
    for version in _latest("image_encoder"):
        # The features of a tower serve every metric of it.
        kept |= Q(encoder__startswith=f"{version}|") | Q(encoder__startswith=f"{version.partition('+')[0]}~")
    if not kept:
        return 0
    passages, _ = PassageEmbedding.objects.exclude(encoder__in=[*_latest("text_encoder"), *keep]).delete()
    images, _ = ImageEmbedding.objects.exclude(kept).delete()
    tables = tables_prune(keep=KEPT)
    if passages or images or tables:
        logger.info("removed %d passage vectors, %d image vectors, %d tables of names", passages, images, tables)
    return passages + images + tables


def _latest(field: str) -> list[str]:
    """The encoders of the newest index versions, newest first."""
    names = IndexVersion.objects.order_by("-pk").values_list(field, flat=True)
    return list(dict.fromkeys(names))[:KEPT]
