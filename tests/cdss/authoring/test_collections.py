"""Shared collections widen what is seen by what their sharer owns and has published, and no longer than meant."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.authoring import collections
from cdss.authoring.services import AuthoringError
from cdss.library.models import Case, Collection, CollectionShare, LibraryItem, State, Visibility
from tests.cdss.cast import library_case, library_document
from tests.cdss.consultations.conftest import small_library

__all__ = ["small_library"]


@pytest.fixture
def stranger(make_user: Callable[..., User]) -> User:
    return make_user("stranger", Role.CLINICIAN, department="surgery")


@pytest.fixture
def shelf(educator: User, second: User) -> Collection:
    """Private things of two educators, published and not, in one collection."""
    made = Collection.objects.create(name="Shelf", owner=educator)
    for owner in (educator, second):
        for state in (State.PUBLISHED, State.DRAFT, State.RETIRED, State.REVIEW):
            LibraryItem.objects.filter(pk=library_case(owner, Visibility.PRIVATE, state).pk).update(collection=made)
    library_case(educator, Visibility.PRIVATE)
    return made


def seen(user: User) -> set[tuple[str, str]]:
    rows = LibraryItem.objects.for_user(user).select_related("owner", "collection")
    return {(row.owner.username, row.state, row.collection.name) for row in rows}


@pytest.mark.parametrize("kind", ["role", "user", "link"])
def test_a_share_shows_what_its_sharer_owns_and_published_there(
    shelf: Collection, educator: User, stranger: User, clinician: User, kind: str
) -> None:
    assert seen(stranger) == set()
    if kind == "link":
        share, token = collections.share_link(collection=shelf, by=educator)
        assert seen(stranger) == set()
        assert collections.share_of_link(token) == share
        assert collections.share_of_link(token[:-1]) is None
        collections.link_open(share=share, by=stranger)
        assert token not in str(list(Event.objects.values())) + str(list(CollectionShare.objects.values()))
        assert seen(clinician) == set()
    else:
        with_whom = {"role": Role.CLINICIAN} if kind == "role" else {"user": stranger}
        share = collections.share_with(collection=shelf, by=educator, **with_whom)
    assert seen(stranger) == {("educator", "published", "Shelf")}
    for rows in (LibraryItem.objects.viewable_by(stranger), LibraryItem.objects.searchable_by(stranger)):
        assert rows.count() == 1
    collections.share_revoke(share=share, by=educator)
    assert seen(stranger) == set()
    acts = list(Event.objects.filter(object_type="library.collection").values_list("action", flat=True))
    assert acts[0] == "collection.shared"
    assert acts[-1] == "collection.share_revoked"


def test_a_share_ends_by_itself(shelf: Collection, educator: User, stranger: User) -> None:
    share = collections.share_with(
        collection=shelf, by=educator, user=stranger, expires=timezone.now() + timedelta(days=1)
    )
    assert seen(stranger)
    CollectionShare.objects.filter(pk=share.pk).update(expires=timezone.now() - timedelta(seconds=1))
    assert not seen(stranger)
    with pytest.raises(AuthoringError, match="ahead"):
        collections.share_link(collection=shelf, by=educator, expires=timezone.now() - timedelta(days=1))


def test_what_is_handed_over_leaves_the_share(shelf: Collection, educator: User, second: User, stranger: User) -> None:
    collections.share_with(collection=shelf, by=educator, user=stranger)
    LibraryItem.objects.filter(collection=shelf, owner=educator).update(owner=second)
    assert not seen(stranger)


def test_a_shared_draft_is_not_shown_to_a_publisher(
    shelf: Collection, educator: User, make_user: Callable[..., User]
) -> None:
    other = make_user("other", Role.EDUCATOR, department="surgery")
    collections.share_with(collection=shelf, by=educator, role=Role.EDUCATOR)
    assert seen(other) == {("educator", "published", "Shelf")}


def test_an_account_that_is_off_sees_nothing(shelf: Collection, educator: User, stranger: User) -> None:
    collections.share_with(collection=shelf, by=educator, user=stranger)
    stranger.is_active = False
    assert not LibraryItem.objects.for_user(stranger).exists()


def test_it_stays_one_query(shelf: Collection, educator: User, stranger: User) -> None:
    collections.share_with(collection=shelf, by=educator, user=stranger)
    with CaptureQueriesContext(connection) as queries:
        assert list(LibraryItem.objects.searchable_by(stranger))
    assert len(queries) == 1


def test_search_finds_by_a_share_and_not_a_moment_longer(small_library: None, educator: User, stranger: User) -> None:
    from cdss.indexing.searching import search_library
    from retrieval.types import Query

    hidden = library_document(educator, Visibility.PRIVATE)
    LibraryItem.objects.filter(pk=hidden.pk).update(text="Zebracanary sign of the lung in popcorn calcification.")
    call_command("build_index", verbosity=0)

    def found(user: User) -> bool:
        hits = search_library(user=user, query=Query(text="zebracanary sign popcorn", k=50)).hits
        return hidden.pk in [hit.item for hit in hits]

    assert found(educator)
    assert not found(stranger)
    share = collections.share_with(collection=hidden.collection, by=educator, user=stranger)
    assert found(stranger)
    collections.share_revoke(share=share, by=educator)
    assert not found(stranger)


def test_collections_of_others_are_neither_changed_nor_shared(
    client: Client, shelf: Collection, second: User, stranger: User
) -> None:
    client.force_login(second)
    for path in ("", "share/"):
        answer = client.post(f"/authoring/collections/{shelf.pk}/{path}", {"name": "Mine", "kind": "link"})
        assert answer.status_code == 404
    shelf.refresh_from_db()
    assert shelf.name == "Shelf"


def test_a_link_by_the_pages(client: Client, shelf: Collection, educator: User, stranger: User) -> None:
    client.force_login(educator)
    page = client.post(f"/authoring/collections/{shelf.pk}/share/", {"kind": "link", "until": ""}).content.decode()
    path = page[page.index("/authoring/shared/") :].split("<")[0]
    client.logout()
    assert client.get(path).status_code == 302
    client.force_login(stranger)
    assert b"Shelf" in client.get(path).content
    assert not seen(stranger)
    client.post(path)
    assert seen(stranger)
    # Only its hash is kept, so the page does not show it again.
    client.force_login(educator)
    assert path not in client.get(f"/authoring/collections/{shelf.pk}/").content.decode()


def test_two_of_one_name_are_refused(educator: User, shelf: Collection) -> None:
    with pytest.raises(AuthoringError, match="already"):
        collections.collection_save(collection=None, by=educator, name=" Shelf ", description="", licence="")
    with pytest.raises(AuthoringError, match="name"):
        collections.collection_save(collection=None, by=educator, name=" ", description="", licence="")
    assert isinstance(shelf.pk, int)


def test_a_share_of_nobody_or_of_two_is_refused(educator: User, shelf: Collection, stranger: User) -> None:
    wrong: list[dict[str, Any]] = [{}, {"role": Role.CLINICIAN, "user": stranger}, {"role": "king"}]
    for with_whom in wrong:
        with pytest.raises(AuthoringError):
            collections.share_with(collection=shelf, by=educator, **with_whom)


def test_a_dead_link_and_one_that_never_was_are_answered_alike(client: Client, educator: User, stranger: User) -> None:
    empty = Collection.objects.create(name="Empty shelf", owner=educator)
    revoked, old = collections.share_link(collection=empty, by=educator)
    collections.share_revoke(share=revoked, by=educator)
    _, standing = collections.share_link(collection=empty, by=educator)
    client.force_login(educator)
    client.post(f"/authoring/collections/{empty.pk}/delete/")
    assert not Collection.objects.filter(pk=empty.pk).exists()
    assert Event.objects.filter(action="collection.deleted").count() == 1
    client = Client()
    client.force_login(stranger)
    pages = set()
    for token in (old, standing, "x" * 43, "Empty"):
        for answer in (client.get(f"/authoring/shared/{token}/"), client.post(f"/authoring/shared/{token}/")):
            assert answer.status_code == 404
            page = answer.content.decode()
            pages.add(page[page.index("<main") : page.index("</main>")])
    (page,) = pages
    assert "Ask them for a new one." in page


def test_a_collection_that_holds_a_case_of_anybody_is_not_deleted(
    client: Client, educator: User, second: User, shelf: Collection
) -> None:
    LibraryItem.objects.filter(collection=shelf, owner=educator).update(collection=Collection.objects.create(name="x"))
    assert shelf.items.exists()
    client.force_login(educator)
    page = client.post(f"/authoring/collections/{shelf.pk}/delete/", follow=True).content.decode()
    assert "It holds cases" in page
    assert Collection.objects.filter(pk=shelf.pk).exists()
    client.force_login(second)
    assert client.post(f"/authoring/collections/{shelf.pk}/delete/").status_code == 404


def test_a_link_lets_a_learner_take_its_cases_as_unknowns_alone(
    client: Client, shelf: Collection, educator: User, make_user: Callable[..., User]
) -> None:
    LibraryItem.objects.filter(collection=shelf).update(synthetic=True)
    Case.objects.filter(collection=shelf).update(diagnosis="Pulmonary hamartoma", findings="A nodule.")
    _, token = collections.share_link(collection=shelf, by=educator)
    learner = make_user("ada", Role.LEARNER)
    client.force_login(learner)
    assert 'href="/teaching/cases/' not in client.get("/teaching/").content.decode()
    page = client.get(f"/authoring/shared/{token}/").content.decode()
    assert "take as unknowns" in page
    assert "amartoma" not in page
    home = client.post(f"/authoring/shared/{token}/", follow=True).content.decode()
    published = LibraryItem.objects.get(collection=shelf, owner=educator, state=State.PUBLISHED)
    assert home.count(f'href="/teaching/cases/{published.pk}/"') == 1
    for hidden in LibraryItem.objects.filter(collection=shelf).exclude(pk=published.pk):
        assert client.get(f"/teaching/cases/{hidden.pk}/").status_code == 404
    assert "amartoma" not in home
    assert client.get(f"/library/cases/{published.pk}/").status_code == 403
    collections.share_revoke(share=CollectionShare.objects.get(), by=educator)
    assert client.get(f"/teaching/cases/{published.pk}/").status_code == 404
