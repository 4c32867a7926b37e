"""What is no evidence for a case that is in the library itself: its own item, its patient's others, and copies."""

from collections.abc import Collection

import numpy as np
from django.db.models import Q

from cdss.library.ids import ids_of
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
    return ids_of(left_out)


def showing(digests: Collection[str]) -> Ids:
    """Cases that show one of these images, by the SHA-256 of their pixels, whatever their source calls them."""
    return np.unique(ids_of(CaseImage.objects.filter(sha256__in=list(digests)), "case_id"))


def is_copy(text: str, item: Case) -> bool:
    return nearly_the_same(words_of(text), words_of(case_words(item)))


def case_words(item: Case) -> str:
    return "\n".join((item.history, item.exam, item.findings))
