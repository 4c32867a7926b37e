"""The index is compared with the database, and made anew where they differ."""

import os
import threading
from pathlib import Path

import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.indexing.engine import forget_engine, get_engine
from cdss.indexing.models import IndexChange, IndexCheck, IndexVersion, Occasion
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build, index_clean, index_repair
from cdss.indexing.versions import watching
from cdss.indexing.versions.checking import index_check
from cdss.indexing.versions.generations import generations
from cdss.library.models import LibraryItem, Passage
from cdss.locks.models import Mode, SiteLock
from retrieval.types import Query
from tests.cdss.indexing.conftest import MakeItem

Library = dict[str, LibraryItem]


@pytest.fixture
def built(library: Library) -> IndexVersion:
    return index_build()


def found(text: str) -> list[int]:
    return [hit.item for hit in search_library(user=None, query=Query(text=text)).hits]


def test_an_index_in_step_is_left_alone(built: IndexVersion) -> None:
    check = index_check(occasion=Occasion.START)
    assert check.in_step
    assert (check.passages, check.passages_indexed, check.repaired) == (5, 5, "")
    assert IndexVersion.objects.count() == 1


def test_what_went_past_the_notes_is_found_and_repaired(built: IndexVersion, library: Library) -> None:
    Passage.objects.filter(item=library["paper"]).delete()
    library["fracture"].delete()
    IndexChange.objects.all().delete()
    check = index_check()
    assert (check.missing, check.surplus) == (0, 3)
    assert check.repaired == IndexVersion.objects.first().name
    assert index_check().in_step
    assert Event.objects.get(action="index.repaired").details["surplus"] == 3
    assert library["paper"].pk in found("distal radius")


def test_changes_that_are_noted_are_no_drift(built: IndexVersion, make_case: MakeItem) -> None:
    make_case("Gout", "Erosion.")
    check = index_check()
    assert (check.missing, check.pending, check.repaired) == (1, 1, "")


@pytest.mark.parametrize("name", ["text.faiss", "passages.npy", "manifest.json"])
def test_damage_is_found_and_repaired(built: IndexVersion, site: Path, name: str) -> None:
    path = site / "indexes" / built.name / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    check = index_check()
    assert name in check.problem
    assert str(site) not in check.problem
    assert check.repaired
    assert index_check().in_step


def test_another_encoder_is_for_an_administrator(built: IndexVersion, site: Path) -> None:
    IndexVersion.objects.update(text_encoder="another@1")
    (site / "indexes" / built.name / "text.faiss").write_bytes(b"damaged")
    check = index_check()
    assert check.problem
    assert not check.repaired


def test_an_empty_site_has_nothing_to_check(db: None) -> None:
    check = index_check()
    assert check.in_step
    assert not IndexVersion.objects.exists()


def test_the_watch_builds_what_is_due_and_checks_what_is_not(
    built: IndexVersion, make_case: MakeItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "is_due", lambda: IndexChange.objects.exists())
    watch = watching.Watch()
    added = make_case("Gout", "Erosion with an overhanging edge.")
    assert watch.look() is None
    assert found("overhanging edge")[0] == added.pk
    check = watch.look()
    assert check is not None
    assert (check.occasion, check.in_step) == (Occasion.START, True)
    assert watch.look() is None


def test_the_watch_goes_on_after_any_failure_and_waits_while_locked(
    built: IndexVersion, administrator: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, calls = threading.Event(), []

    def look(self: watching.Watch) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError(28, os.strerror(28))
        if len(calls) == 2:
            raise AttributeError("nobody thought of this")
        if len(calls) == 3:
            SiteLock.objects.create(mode=Mode.READ_ONLY, by=administrator)
            index_build()
        stop.set()

    monkeypatch.setattr(watching.Watch, "look", look)
    monkeypatch.setattr(watching, "close_old_connections", lambda: None)
    watching.keep_in_step(stop, seconds=0.001)
    assert len(calls) == 4
    assert caplog.text.count("tried again") == 2


def test_a_version_in_use_stays_however_many_were_cut_short(built: IndexVersion, site: Path) -> None:
    """A kill between the renaming and the commit leaves a folder that is newer than what is in use."""

    def folders() -> set[str]:
        return {place.name for place in (site / "indexes").iterdir() if place.is_dir()}

    for number in (7, 8, 9):
        (site / "indexes" / f"{number:06}-abcdabcd").mkdir()
    index_clean()
    cut_short = {"000008-abcdabcd", "000009-abcdabcd"}
    assert folders() == {built.name, *cut_short}
    forget_engine()
    assert index_repair() == built
    assert get_engine().snapshot.manifest.name == built.name
    index_clean(keep=0)
    assert folders() == {built.name}
    assert found("distal radius")
    generations().clear()
    assert folders() == set()


def test_the_page_shows_the_state_and_asks_for_a_check(
    client: Client, administrator: User, built: IndexVersion, django_capture_on_commit_callbacks: object
) -> None:
    client.force_login(administrator)
    assert "not checked yet" in client.get("/index/").content.decode()
    IndexChange.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert client.post("/index/check/").status_code == 302
    page = client.get("/index/").content.decode()
    assert built.name in page
    assert "in step" in page
    assert "Asked for" in page
    assert IndexCheck.objects.get().occasion == Occasion.ASKED


def test_the_page_of_a_new_site(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    assert "No index yet" in client.get("/index/").content.decode()
