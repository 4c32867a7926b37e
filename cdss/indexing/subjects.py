"""What the items of the library are about: the concepts of their diagnoses, as numbers for the index."""

from collections.abc import Collection, Iterator
from hashlib import sha256

from cdss.library.models import Case, Document
from cdss.reasoning.candidates import names_of_case, names_of_document
from cdss.reasoning.concepts import concept_of
from cdss.reasoning.types import CONFIRMED


def subject_rows(items: Collection[int]) -> list[tuple[int, int, bool]]:
    """(item, subject, whether it merely lists it as a differential) of those of these items that name a diagnosis."""
    rows: dict[tuple[int, int], bool] = {}
    for item, name, listed in _names():
        if item in items and (concept := concept_of(name)):
            key = (item, subject_of(concept.key))
            rows[key] = rows.get(key, True) and listed
    return [(item, subject, listed) for (item, subject), listed in rows.items()]


def subject_of(concept: str) -> int:
    return int.from_bytes(sha256(concept.encode()).digest()[:8], "big", signed=True)


def _names() -> Iterator[tuple[int, str, bool]]:
    cases = Case.objects.order_by().values_list("pk", "diagnosis", "topic_title", "differential")
    for item, diagnosis, topic, differential in cases.iterator():
        for name, weight in names_of_case(diagnosis, topic, differential):
            yield item, name, weight != CONFIRMED
    for item, title in Document.objects.order_by().values_list("pk", "title").iterator():
        for name, _ in names_of_document(title):
            yield item, name, False
