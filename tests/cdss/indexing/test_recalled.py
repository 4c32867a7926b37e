"""A recalled document is out of every search before anything is scored, with the index as it is."""

from cdss.accounts.models import User
from cdss.indexing.models import IndexVersion
from cdss.indexing.searching import search_library
from cdss.library.models import LibraryItem
from cdss.library.recalls import document_recall, recall_undo
from retrieval.types import Query
from tests.cdss.consultations.conftest import small_library

__all__ = ["small_library"]


def test_without_a_new_index(small_library: None, educator: User) -> None:
    query = Query(text="pulmonary hamartoma popcorn calcification", k=10)
    document = LibraryItem.objects.get(source_id="d1")

    def found(user: User | None) -> set[int]:
        return {hit.item for hit in search_library(user=user, query=query).hits}

    assert document.pk in found(None)
    versions = IndexVersion.objects.count()
    document_recall(document=document, kind="retracted", reason="Made up.", by=educator)
    assert document.pk not in found(None)
    assert document.pk not in found(educator)
    recall_undo(document=document, by=educator, reason="Another paper.")
    assert document.pk in found(educator)
    assert IndexVersion.objects.count() == versions
