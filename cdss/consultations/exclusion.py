"""What is no evidence for a case that is in the library itself: its own item, its patient's others, and copies."""

from collections.abc import Collection

import numpy as np
from django.db.models import Q

from cdss.library.models import Case, CaseImage, LibraryItem
from retrieval.copies import nearly_the_same, words_of
from retrieval.types import Ids


def own_items(source_id: str) -> Ids:
    """Items of this source id, of the same patient, and cases that show the same image."""
    same = LibraryItem.objects.filter(source_id=source_id)
    # Items of one patient share a group.
    patients = same.exclude(source_group="").values("source_group")
    images = CaseImage.objects.filter(case__in=same.values("pk")).values("sha256")
    sharing = CaseImage.objects.filter(sha256__in=images).values("case")
    left_out = LibraryItem.objects.filter(
        Q(pk__in=same.values("pk")) | Q(source_group__in=patients) | Q(pk__in=sharing)
    )
    return np.fromiter(left_out.order_by().values_list("pk", flat=True), dtype=np.int64)


def showing(digests: Collection[str]) -> Ids:
    """Cases that show one of these images, by the SHA-256 of their pixels, whatever their source calls them."""
    shown = CaseImage.objects.filter(sha256__in=list(digests)).order_by().values_list("case_id", flat=True)
    return np.unique(np.fromiter(shown, dtype=np.int64))


def is_copy(text: str, item: Case) -> bool:
    return nearly_the_same(words_of(text), words_of(case_words(item)))


def case_words(item: Case) -> str:
    return "\n".join((item.history, item.exam, item.findings))
