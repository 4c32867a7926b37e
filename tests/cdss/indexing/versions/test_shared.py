"""The index in PostgreSQL: hosts that share the database and no file. Runs where the tests are on PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.conf import Settings
from django.core.checks import run_checks
from django.db import connection

from cdss.accounts.models import User
from cdss.indexing.engine import forget_engine, get_engine
from cdss.indexing.models import IndexPart, IndexVersion
from cdss.indexing.searching import search_library
from cdss.indexing.services import index_build, index_repair, index_verify
from cdss.indexing.versions import shared
from cdss.indexing.versions.generations import FolderGenerations, generations
from cdss.library.models import CaseImage, LibraryItem, State
from retrieval.errors import IndexUnusableError
from retrieval.types import Hit, Query
from tests.cdss.indexing.conftest import MakeItem

Library = dict[str, LibraryItem]
RADIUS = Query(text="fracture of the distal radius")

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the tests are on SQLite"),
]


@pytest.fixture(autouse=True)
def in_the_database(settings: Settings) -> None:
    settings.VECTOR_BACKEND = "pgvector"


def another_host(settings: Settings, tmp_path: Path) -> None:
    """Of its own it has an empty folder."""
    settings.INDEX_ROOT = tmp_path / "another" / "indexes"
    forget_engine()


def hits(query: Query = RADIUS) -> list[Hit]:
    return list(search_library(user=None, query=query).hits)


def test_a_host_answers_without_a_file(
    library: Library, make_image: Callable[..., CaseImage], settings: Settings, tmp_path: Path
) -> None:
    image = make_image(library["fracture"], 4)
    index_build()
    another_host(settings, tmp_path)
    assert hits()[0].item in {library["fracture"].pk, library["paper"].pk}
    from cdss.indexing.encoding.pixels import frames_of

    found = hits(Query(images=frames_of(image, masked=False)))
    assert (found[0].item, found[0].image) == (library["fracture"].pk, image.pk)
    assert not settings.INDEX_ROOT.exists()


def test_answers_are_those_of_faiss(
    library: Library, make_image: Callable[..., CaseImage], settings: Settings, clinician: User
) -> None:
    make_image(library["embolism"], 3)
    index_build()
    queries = [RADIUS, Query(text="chest pain", kinds=("case",)), Query(text="cast", k=1)]
    ours = [search_library(user=clinician, query=query).hits for query in queries]
    settings.VECTOR_BACKEND = "faiss"
    forget_engine()
    index_build(rebuild=True)
    for mine, query in zip(ours, queries, strict=True):
        theirs = search_library(user=clinician, query=query).hits
        assert [hit.item for hit in mine] == [hit.item for hit in theirs]
        assert [hit.passages for hit in mine] == [hit.passages for hit in theirs]
        for one, other in zip(mine, theirs, strict=True):
            # Vectors are halves there.
            assert one.scores == pytest.approx(dict(other.scores), abs=2e-3)
            assert one.scores.get("lexical") == other.scores.get("lexical")


def test_a_change_reaches_the_index_and_the_tables_keep_nothing_of_what_went(
    library: Library, make_case: MakeItem, settings: Settings, tmp_path: Path
) -> None:
    first = index_build()
    assert index_build() == first
    new = make_case("Boxer fracture", "Fracture of the fifth metacarpal neck.")
    LibraryItem.objects.filter(pk=library["fracture"].pk).update(state=State.RETIRED)
    second = index_build()
    assert second != first
    assert len({version.text_table for version in IndexVersion.objects.all()}) == 1
    found = {hit.item for hit in hits(Query(text="fracture"))}
    assert new.pk in found
    assert library["fracture"].pk not in found
    snapshot = generations().load(IndexVersion.objects.get(pk=second.pk))
    stored = shared.connection_of_thread().execute(f"SELECT id FROM {snapshot.text.kind}").fetchall()  # noqa: S608
    assert sorted(row[0] for row in stored) == snapshot.passages.ids.tolist()


def test_a_rebuild_has_tables_of_its_own_and_old_ones_go(library: Library) -> None:
    names = []
    for _ in range(4):
        version = IndexVersion.objects.get(pk=index_build(rebuild=True).pk)
        names.append({version.text_table, version.image_table})
    assert not names[-1] & names[-2]
    assert set(shared._tables()) == names[-1] | names[-2]
    assert set(IndexPart.objects.values_list("version__name", flat=True)) == {
        each.name for each in IndexVersion.objects.all()[:2]
    }


def test_a_build_that_was_cut_short_is_gone_on_with(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shared.SharedGenerations, "_write", cut)
        with pytest.raises(KeyboardInterrupt):
            index_build()
    assert not IndexVersion.objects.exists()
    left = set(shared._tables())
    version = IndexVersion.objects.get(pk=index_build().pk)
    assert {version.text_table, version.image_table} == left
    assert hits()


def test_damage_is_told_and_repaired(library: Library) -> None:
    version = index_build()
    expected = [hit.item for hit in hits()]
    IndexPart.objects.filter(version=version, name__endswith="passages.npy").update(data=b"x")
    forget_engine()
    with pytest.raises(IndexUnusableError, match=r"passages\.npy"):
        index_verify()
    assert index_repair() != version
    assert [hit.item for hit in hits()] == expected


def test_a_restored_site_makes_its_tables_again_and_finds_the_same(
    library: Library, settings: Settings, tmp_path: Path
) -> None:
    """A backup has the rows of the version and no tables of vectors: those are made of the stored ones."""
    version = IndexVersion.objects.get(pk=index_build().pk)
    expected = [(hit.item, round(hit.score, 4)) for hit in hits()]
    with connection.cursor() as cursor:
        for table in (version.text_table, version.image_table):
            if table:
                cursor.execute(f"DROP TABLE {table}")
    another_host(settings, tmp_path)
    with pytest.raises(IndexUnusableError):
        index_verify()
    assert index_repair().pk != version.pk
    forget_engine()
    assert [(hit.item, round(hit.score, 4)) for hit in hits()] == expected
    index_verify()


def test_a_vector_that_is_missing_is_noticed(library: Library) -> None:
    version = IndexVersion.objects.get(pk=index_build().pk)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {version.text_table} WHERE id = (SELECT min(id) FROM {version.text_table})")  # noqa: S608
    with pytest.raises(IndexUnusableError, match="do not agree"):
        index_verify()


def test_a_version_whose_parts_are_gone_says_so_and_gives_no_wrong_score(library: Library) -> None:
    index_build()
    get_engine()
    IndexPart.objects.all().delete()
    with pytest.raises(IndexUnusableError, match="no longer in the database"):
        hits()


def test_an_erasure_leaves_no_part_of_an_old_version(library: Library) -> None:
    index_build()
    LibraryItem.objects.filter(pk=library["paper"].pk).update(state=State.RETIRED)
    newest = index_build()
    generations().clean(keep=1)
    assert set(IndexPart.objects.values_list("version", flat=True)) == {newest.pk}
    generations().clean(keep=0)
    assert set(IndexPart.objects.values_list("version", flat=True)) == {newest.pk}
    generations().clear()
    assert not IndexPart.objects.exists()
    assert shared._tables() == []


def test_pieces_over_the_edges_of_rows_are_put_together(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "PART_BYTES", 7)
    index_build()
    engine, texts = get_engine(), ["fracture distal radius", "chest", "nothing of this"]
    there = generations().load(IndexVersion.objects.get(), changing=True)
    for text in texts:
        np.testing.assert_array_equal(engine.snapshot.lexical.scores(text), there.lexical.scores(text))
        np.testing.assert_array_equal(engine.snapshot.item_lexical.scores(text), there.item_lexical.scores(text))


def test_a_database_without_the_extension_is_told_before_anything_is_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [each for each in run_checks(databases=["default"]) if each.id == "cdss.E011"] == []
    monkeypatch.setattr("retrieval.index.pgvector.LEAST_VERSION", (99, 0))
    [problem] = [each for each in run_checks(databases=["default"]) if each.id == "cdss.E011"]
    assert "CREATE EXTENSION vector" in problem.msg
    with pytest.raises(IndexUnusableError, match="pgvector extension"):
        index_build()
    assert not IndexVersion.objects.exists()


def test_the_backend_is_a_setting(settings: Settings) -> None:
    settings.VECTOR_BACKEND = "faiss"
    assert isinstance(generations(), FolderGenerations)
