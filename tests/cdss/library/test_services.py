from collections.abc import Callable
from dataclasses import replace

import pytest

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.library.field_values import RowError
from cdss.library.models import Case, Document, LibraryItem, State
from cdss.library.rows import CaseRow, DocumentRow
from cdss.library.services import (
    Target,
    case_upsert,
    collection_ensure,
    document_upsert,
    item_publish,
    item_unpublish,
)

ROW = CaseRow("s", "1", history="Pain.")
DOCUMENT = DocumentRow("s", "d1", "guideline", "Title", "Text.")


def test_upsert_creates_updates_and_leaves(target: Target) -> None:
    changes = [case_upsert(row=row, target=target).change for row in (ROW, ROW, replace(ROW, history="No pain."))]
    assert changes == ["created", "unchanged", "updated"]
    assert Case.objects.get().history == "No pain."


def test_documents_too(target: Target) -> None:
    changes = [
        document_upsert(row=row, target=target).change for row in (DOCUMENT, DOCUMENT, replace(DOCUMENT, text="New."))
    ]
    assert changes == ["created", "unchanged", "updated"]
    assert Document.objects.get().text == "New."


def test_another_collection_is_a_change(target: Target) -> None:
    case_upsert(row=ROW, target=target)
    other = replace(target, collection=collection_ensure(name="Other"))
    assert case_upsert(row=ROW, target=other).change == "updated"


def test_a_case_does_not_become_a_document(target: Target) -> None:
    case_upsert(row=ROW, target=target)
    with pytest.raises(RowError, match="already in the library as a case"):
        document_upsert(row=replace(DOCUMENT, source_id="1"), target=target)


def test_nobody_overwrites_what_belongs_to_someone_else(
    target: Target, educator: User, make_user: Callable[..., User], administrator: User
) -> None:
    case_upsert(row=ROW, target=replace(target, owner=educator))
    with pytest.raises(RowError, match="belongs to someone else"):
        case_upsert(row=replace(ROW, history="x"), target=replace(target, owner=make_user("other", "educator")))
    assert case_upsert(row=replace(ROW, history="x"), target=replace(target, owner=administrator)).change == "updated"
    assert Case.objects.get().owner == educator


def test_what_a_publisher_took_back_stays_a_draft(target: Target) -> None:
    done = document_upsert(row=replace(DOCUMENT, status="retracted"), target=target)
    assert done.problems == ("retracted: imported as a draft",)
    assert Document.objects.get().state == State.DRAFT
    assert document_upsert(row=replace(DOCUMENT, status="retracted"), target=target).change == "unchanged"


def test_pages_keep_their_offsets_when_a_number_is_removed(target: Target) -> None:
    text = "First MRN 1234567 page.\n\nSecond page."
    row = replace(DOCUMENT, text=text, pages=((0, 23, 1), (25, 37, 2)))
    document_upsert(row=row, target=target)
    document = Document.objects.get()
    assert [document.text[start:end] for start, end, _ in document.pages] == [
        "First MRN [record] page.",
        "Second page.",
    ]
    assert [page for _, _, page in document.pages] == [1, 2]


def test_publishing_is_audited_once(target: Target, educator: User) -> None:
    case_upsert(row=ROW, target=replace(target, publish=False))
    item = LibraryItem.objects.get()
    for _ in range(2):
        item_publish(item=item, by=educator)
    item_unpublish(item=item, by=educator)
    assert LibraryItem.objects.get().state == State.DRAFT
    actions = list(Event.objects.values_list("action", "actor"))
    assert actions == [("library.published", "educator"), ("library.unpublished", "educator")]


def test_one_patient_is_one_group(target: Target) -> None:
    for number in ("1", "2"):
        case_upsert(row=CaseRow("s", number, history="x", patient="P1"), target=target)
    case_upsert(row=CaseRow("s", "3", history="x"), target=target)
    groups = list(Case.objects.order_by("source_id").values_list("source_group", flat=True))
    assert groups[0] == groups[1] != ""
    assert groups[2] == ""
