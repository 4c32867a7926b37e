"""The fields of a case that travel, as an importer would hand them over."""

from typing import Any

from cdss.library.authored import AUTHORED_CHOICES, AUTHORED_LISTS, AUTHORED_RECORDS, AUTHORED_TEXTS
from cdss.library.importers.jsonlines import CASE_TEXTS, IMAGE_TEXTS
from cdss.library.models import Case, CaseImage

LISTS = ("differential", *AUTHORED_LISTS)
FIELDS = (
    "source_name",
    "source_id",
    *CASE_TEXTS,
    *AUTHORED_TEXTS,
    *AUTHORED_CHOICES,
    *LISTS,
    *AUTHORED_RECORDS,
    "synthetic",
)
IMAGE_FIELDS = (*IMAGE_TEXTS, "key")


def case_values(case: Case) -> dict[str, Any]:
    values = {name: getattr(case, name) for name in FIELDS}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def image_values(image: CaseImage) -> dict[str, Any]:
    return {name: getattr(image, name) for name in IMAGE_FIELDS}
