"""Each change of the library is noted by the database itself, and the notes go once the index has it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone

from cdss.indexing.models import IndexChange
from cdss.indexing.services import index_build
from cdss.indexing.versions import changes, triggers
from cdss.library.models import Case, CaseImage, Collection, Document, LibraryItem, State
from cdss.library.services import item_publish, item_unpublish
from tests.cdss.indexing.conftest import MakeItem

Library = dict[str, LibraryItem]


def noted() -> list[int]:
    return list(IndexChange.objects.values_list("item", flat=True))


@pytest.fixture
def settled(library: Library) -> Library:
    IndexChange.objects.all().delete()
    return library


def test_what_is_published_is_noted_and_a_draft_is_not(make_case: MakeItem, make_document: MakeItem) -> None:
    published = make_case("Gout", "Erosion.")
    make_document("Draft", "Nobody has read it.", state=State.DRAFT)
    assert noted() == [published.pk]


@pytest.mark.parametrize(
    ("change", "count"),
    [
        (lambda item: LibraryItem.objects.filter(pk=item.pk).update(text="Another text."), 1),
        (lambda item: LibraryItem.objects.filter(pk=item.pk).update(state=State.DRAFT), 1),
        (lambda item: LibraryItem.objects.filter(pk=item.pk).update(licence="CC0-1.0", updated=timezone.now()), 0),
        (lambda item: Case.objects.filter(pk=item.pk).update(diagnosis="Gout"), 1),
        (lambda item: Case.objects.filter(pk=item.pk).update(treatment="Rest"), 0),
        (lambda item: item.delete(), 1),
    ],
)
def test_a_change_is_noted_where_the_index_has_to_follow(
    settled: Library, change: Callable[[LibraryItem], object], count: int
) -> None:
    item = settled["embolism"]
    pk = item.pk
    change(item)
    assert set(noted()) == ({pk} if count else set())
    assert bool(noted()) == bool(count)


def test_pages_images_and_collections_are_noted(
    settled: Library, collection: Collection, make_image: Callable[..., CaseImage]
) -> None:
    Document.objects.filter(pk=settled["paper"].pk).update(pages=[[0, 3, 1]])
    image = make_image(settled["fracture"], 1)
    image.delete()
    Collection.objects.filter(pk=collection.pk).update(mask_overlays=True)
    Collection.objects.filter(pk=collection.pk).update(description="Nothing of the index.")
    assert noted() == [settled["paper"].pk, settled["fracture"].pk, settled["fracture"].pk, 0]


def test_a_note_is_taken_back_with_its_change(settled: Library) -> None:
    with transaction.atomic():
        LibraryItem.objects.filter(pk=settled["paper"].pk).update(title="Ganglion")
        assert noted()
        transaction.set_rollback(True)
    assert noted() == []


def test_a_build_settles_what_it_has_seen_and_no_more(settled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    index_build()
    LibraryItem.objects.filter(pk=settled["paper"].pk).update(title="Ganglion")

    def meanwhile(step: str, done: int, total: int) -> None:
        if step == "passages" and done == 0:
            LibraryItem.objects.filter(pk=settled["fracture"].pk).update(title="Wrist")

    index_build(progress=meanwhile)
    assert noted() == [settled["fracture"].pk]
    index_build()
    assert noted() == []


def test_publishing_by_hand_is_noted(settled: Library) -> None:
    administrator = get_user_model().objects.create_user("administrator", role="administrator")
    item_unpublish(item=settled["paper"], by=administrator)
    item_publish(item=settled["paper"], by=administrator)
    assert noted() == [settled["paper"].pk] * 2


def test_a_build_is_due_when_it_has_become_quiet_or_waited_long(settled: Library) -> None:
    assert not changes.is_due()
    now = timezone.now()
    IndexChange.objects.create(item=1, at=now)
    assert not changes.is_due()
    IndexChange.objects.create(item=1, at=now - changes.LONGEST - timedelta(seconds=1))
    assert changes.is_due()
    IndexChange.objects.all().delete()
    IndexChange.objects.create(item=1, at=now - changes.QUIET - timedelta(seconds=1))
    assert changes.is_due()


def test_triggers_come_back_after_a_migration(settled: Library) -> None:
    triggers.remove(connection)
    LibraryItem.objects.filter(pk=settled["paper"].pk).update(title="Unnoted")
    assert noted() == []
    triggers.install_after_migrations(using="default")
    triggers.install(connection)
    LibraryItem.objects.filter(pk=settled["paper"].pk).update(title="Noted")
    assert noted() == [settled["paper"].pk]
