from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cdss.indexing.benchmarks.multiplied import MultiplyError, site_multiply
from cdss.indexing.models import PassageSplit
from cdss.indexing.services import index_build
from cdss.indexing.splitting import source_hash
from cdss.library.models import LibraryItem, Passage
from cdss.library.rows import CaseRow
from cdss.library.services import Target, case_upsert, collection_ensure

pytestmark = [
    # The copy is made from what is committed.
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a site in SQLite is what is copied"),
]


@pytest.fixture
def library(settings: Any, tmp_path: Path) -> None:
    settings.CDSS_HOME = tmp_path / "home"
    settings.CDSS_HOME.mkdir()
    (settings.CDSS_HOME / "secret_key").write_text("kept")
    target = Target(collection_ensure(name="Wrists"), publish=True)
    for number in range(3):
        row = CaseRow(
            "s",
            str(number),
            history=f"A fall on the outstretched hand, patient number {number}. "
            "Pain, swelling, tenderness over the snuffbox, scaphoid fracture suspected." * 3,
        )
        case_upsert(row=row, target=target)
    index_build()


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(connect(folder / "cdss.sqlite3")) as site:
        return site.execute(sql).fetchall()


def test_the_library_is_multiplied_in_the_copy_alone(library: None, tmp_path: Path) -> None:
    before = Passage.objects.count()
    made = site_multiply(folder=tmp_path / "large", passages=before * 3 - 1)
    assert made == before * 3 == rows(tmp_path / "large", "SELECT COUNT(*) FROM library_passage")[0][0]
    assert Passage.objects.count() == before
    assert (tmp_path / "large/secret_key").read_text() == "kept"
    ((vectors,),) = rows(tmp_path / "large", "SELECT COUNT(DISTINCT vector) FROM indexing_passageembedding")
    assert vectors > before
    triggers = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'indexing_%'"
    with connection.cursor() as cursor:
        cursor.execute(triggers)
        assert rows(tmp_path / "large", triggers) == [cursor.fetchone()]


def test_a_copy_is_worded_otherwise_and_needs_no_splitting(library: None, tmp_path: Path) -> None:
    site_multiply(folder=tmp_path / "large", passages=Passage.objects.count() * 2)
    copies = rows(
        tmp_path / "large",
        "SELECT i.kind, i.title, i.text, p.text, p.start, p.end, s.source, i.source_id FROM library_libraryitem i"
        " JOIN library_passage p ON p.item_id = i.id JOIN indexing_passagesplit s ON s.item_id = i.id",
    )
    assert len({row[7] for row in copies}) == len({row[2] for row in copies}) == 6
    for kind, title, text, passage, start, end, source, _ in copies:
        assert text[start:end] == passage
        assert source_hash(LibraryItem(kind=kind, title=title, text=text), []) == source
    assert PassageSplit.objects.count() == 3


def test_a_folder_of_the_site_is_refused(library: None, settings: Any, tmp_path: Path) -> None:
    settings.CDSS_HOME = tmp_path
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "large", tmp_path / "empty", tmp_path):
        with pytest.raises(MultiplyError, match="lies in the site"):
            site_multiply(folder=folder, passages=10)
    assert not (tmp_path / "large").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(library: None, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(MultiplyError, match="not empty"):
        site_multiply(folder=tmp_path, passages=10)
    assert (tmp_path / "note").read_text() == "mine"
    with pytest.raises(CommandError, match="from 1 to"):
        call_command("benchmark_site", str(tmp_path / "large"), "--passages=0")


def test_a_site_without_passages_has_nothing_to_multiply(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="build_index"):
        call_command("benchmark_site", str(tmp_path / "large"))
    assert not (tmp_path / "large").exists()
