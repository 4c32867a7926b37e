"""Values of a DICOM dataset: sequences within bounds, functional groups, numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retrieval.errors import ImageError

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_SEQUENCE_BYTES = 16 * 1024 * 1024
MAX_SEQUENCE_ITEMS = 50_000
ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


def functional_group(dataset: Dataset, index: int, keyword: str) -> Dataset | None:
    """The item of an enhanced object's functional group for one frame; per-frame before shared. None without it."""
    for name, position in (("PerFrameFunctionalGroupsSequence", index), ("SharedFunctionalGroupsSequence", 0)):
        groups = sequence(dataset, name)
        if position < len(groups) and (inner := sequence(groups[position], keyword)):
            return inner[0]
    return None


def sequence(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    """The items of a sequence, empty when it is not there. Refuses one too large to be expanded."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None or tag not in dataset:
        return ()
    check_expandable(dataset.get_item(tag))
    value: Sequence[Dataset] = dataset[tag].value or ()
    return value


def check_expandable(element: Any) -> None:
    """Refuse an element whose bytes would become too many objects.

    Raises:
        ImageError: more than MAX_SEQUENCE_BYTES or MAX_SEQUENCE_ITEMS in one sequence.
    """
    value = getattr(element, "value", None)
    if not isinstance(value, bytes):
        return
    items = max(value.count(tag) for tag in ITEM_TAGS)
    if items > MAX_SEQUENCE_ITEMS or (items and len(value) > MAX_SEQUENCE_BYTES):
        raise ImageError("The header of this DICOM file is too large. Export the image without private sequences.")


def number(dataset: Any, keyword: str, default: Any) -> Any:
    """The first value of a numeric attribute; `default` where it is missing, not a number, or not finite."""
    try:
        value = dataset.get(keyword)
        found = float(value if isinstance(value, (int, float)) else value[0])
    except (TypeError, ValueError, IndexError):
        return default
    return found if math.isfinite(found) else default
