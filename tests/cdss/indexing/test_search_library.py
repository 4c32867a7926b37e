import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from pytest_django import DjangoAssertNumQueries

from cdss.accounts.models import User
from cdss.indexing.encoding.pixels import frames_of
from cdss.indexing.engine import engine_versions, forget_engine, get_engine
from cdss.indexing.models import IndexVersion
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build
from cdss.library.models import CaseImage, LibraryItem, Passage, State, Visibility
from retrieval.errors import IndexUnusableError
from retrieval.types import Query
from tests.cdss.indexing.conftest import MakeItem

Library = dict[str, LibraryItem]
RADIUS = Query(text="fracture of the distal radius")


def seen_by(user: User | None, query: Query = RADIUS) -> set[int]:
    return {hit.item for hit in search_library(user=user, query=query).hits}


def test_a_user_finds_what_this_user_may_see(
    make_case: MakeItem, make_user: Callable[..., User], clinician: User, educator: User, library: Library
) -> None:
    text = "Another fracture of the distal radius."
    stranger = make_user("stranger", department="surgery")
    private = make_case("Mine", text, owner=educator, visibility=Visibility.PRIVATE)
    shared = make_case("Ours", text, owner=educator, visibility=Visibility.DEPARTMENT)
    index_build()
    public = {item.pk for item in library.values()}
    assert seen_by(stranger) == public
    assert seen_by(clinician) == public | {shared.pk}
    assert seen_by(educator) == public | {shared.pk, private.pk}
    assert seen_by(None) == public | {shared.pk, private.pk}
    assert seen_by(AnonymousUser()) == set()  # type: ignore[arg-type]
    clinician.is_active = False
    assert seen_by(clinician) == set()


def test_a_query_cannot_widen_what_is_allowed(make_case: MakeItem, clinician: User, educator: User) -> None:
    private = make_case("Mine", "Fracture.", owner=educator, visibility=Visibility.PRIVATE)
    public = make_case("All", "Fracture.")
    index_build()
    everything = Query(text="fracture", allowed=np.array([private.pk, public.pk]))
    assert seen_by(clinician, everything) == {public.pk}


def test_what_was_deleted_or_withdrawn_is_not_returned_by_a_stale_index(library: Library, clinician: User) -> None:
    index_build()
    assert {library["fracture"].pk, library["paper"].pk} <= seen_by(clinician)
    LibraryItem.objects.filter(pk=library["paper"].pk).update(state=State.DRAFT)
    library["fracture"].delete()
    assert seen_by(clinician) == {library["embolism"].pk}
    assert seen_by(None) == {library["embolism"].pk}


def test_a_passage_edited_away_is_not_returned_by_a_stale_index(library: Library, clinician: User) -> None:
    index_build()
    Passage.objects.filter(item=library["fracture"].pk).delete()
    hits = search_library(user=clinician, query=RADIUS).hits
    assert library["fracture"].pk not in [hit.item for hit in hits]
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def test_without_an_index_the_remedy_is_named(db: None) -> None:
    with pytest.raises(IndexUnusableError, match=r"no index yet\. Run manage\.py build_index"):
        search_library(user=None, query=RADIUS)


def test_a_newer_version_is_picked_up(library: Library, make_case: MakeItem) -> None:
    index_build()
    first = get_engine()
    assert get_engine() is first
    added = make_case("Gout", "Erosion with an overhanging edge.")
    version = index_build()
    assert get_engine() is not first
    assert added.pk in seen_by(None, Query(text="erosion"))
    result = search_library(user=None, query=RADIUS)
    assert result.index_version == version.name == engine_versions().index
    assert result.text_encoder == version.text_encoder == engine_versions().text_encoder


def test_a_damaged_newest_version_is_stood_in_for_by_the_one_before(
    library: Library, make_case: MakeItem, site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = index_build()
    make_case("Gout", "Erosion.")
    shutil.rmtree(site / "indexes" / index_build().name)
    result = search_library(user=None, query=RADIUS)
    assert result.index_version == before.name
    assert "cannot be used" in caplog.text
    assert result.hits


def test_with_every_version_damaged_what_is_stored_is_searched(library: Library, site: Path) -> None:
    index_build()
    before = search_library(user=None, query=RADIUS)
    shutil.rmtree(site / "indexes")
    forget_engine()
    result = search_library(user=None, query=RADIUS)
    assert (result.hits, result.index_version) == (before.hits, "stored vectors")


def test_threads_load_one_engine(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = (index_build().name, IndexVersion.objects.get().manifest_sha256)
    loaded = []

    class Versions:
        def values_list(self, *names: str) -> "Versions":
            return self

        def first(self) -> tuple[str, str]:
            return newest

    monkeypatch.setattr(IndexVersion, "objects", Versions())
    monkeypatch.setattr("cdss.indexing.engine._load", lambda: loaded.append(1) or object())
    with ThreadPoolExecutor(8) as pool:
        engines = set(pool.map(lambda _: get_engine(), range(32)))
    assert len(engines) == len(loaded) == 1


@pytest.mark.parametrize("extra", [0, 30])
def test_a_search_takes_the_same_few_queries_at_any_size(
    library: Library,
    make_case: MakeItem,
    make_image: Callable[..., CaseImage],
    clinician: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    extra: int,
) -> None:
    for number in range(extra):
        make_case(f"Case {number}", "A fracture of the distal radius.")
    image = make_image(library["fracture"], 1)
    index_build()
    get_engine()
    # The newest version, the weights that answer, the lock, what is hidden from this person, the allowed items, the
    # passages and images still there.
    with django_assert_num_queries(9):
        search_library(user=clinician, query=replace(RADIUS, images=frames_of(image, masked=False)))
