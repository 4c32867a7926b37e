"""A site is saved to one file and restored into an empty place, every row and file the same; else nothing is there."""

import io
import json
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import Settings
from django.core.management import CommandError, call_command
from django.db import connection

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.backup import services, sqlite
from cdss.backup.errors import BackupError
from cdss.backup.services import Done, backup_make, backup_restore
from cdss.encryption import forget_cached_keys
from cdss.indexing.encoding import towers
from cdss.indexing.engine import forget_engine
from cdss.indexing.services import index_build
from cdss.library.models import Case, CaseImage
from tests.cdss.cast import answered_consultation, library_case, library_document, stored_series

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="the round trip on PostgreSQL is among the faults"
)
CANARY = b"popcorn"


@pytest.fixture
def home(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site of this test's own, but for its database, which is the one of the tests."""
    return move(tmp_path / "old", settings, monkeypatch)


@contextmanager
def within_a_transaction(folder: Path) -> Iterator[sqlite.Snapshot]:
    """The copy that SQLite's backup makes; it waits for the end of the transaction that a test is in."""
    path = folder / "cdss.sqlite3"
    with closing(sqlite3.connect(":memory:")) as copy, closing(sqlite3.connect(path)) as stored:
        copy.deserialize(connection.connection.serialize())
        stored.execute("PRAGMA journal_mode=DELETE")
        copy.backup(stored)
    yield sqlite.Snapshot(path)


def move(home: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    home.mkdir()
    settings.CDSS_HOME, settings.ENCRYPTION = home, True
    settings.MEDIA_ROOT, settings.INDEX_ROOT, settings.MODELS_ROOT = home / "media", home / "indexes", home / "models"
    monkeypatch.setattr(sqlite, "_target", lambda: home / "cdss.sqlite3")
    forget_cached_keys()
    forget_engine()
    return home


@pytest.fixture
def saved(home: Path, clinician: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Done]:
    answered_consultation(clinician, with_image=True)
    stored_series(library_case(clinician))
    library_document(None)
    index_build()
    if connection.in_atomic_block:
        monkeypatch.setattr(sqlite, "snapshot", within_a_transaction)
    (home / "models" / "adapted").mkdir(parents=True)
    (home / "models" / "adapted" / "learned.json").write_text("{}")
    path = tmp_path / "site.tar"
    return path, backup_make(path=path)


@pytest.fixture
def elsewhere(saved: object, home: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place with the keys of the old one."""
    keys = (home / "data_keys").read_bytes()
    place = move(tmp_path / "new", settings, monkeypatch)
    (place / "data_keys").write_bytes(keys)
    # The tests' own database stays open.
    monkeypatch.setattr(sqlite, "connection", SimpleNamespace(close=lambda: None))
    return place


def files_under(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.django_db(transaction=True)
def test_every_row_and_file_comes_back(saved: tuple[Path, Done], home: Path, elsewhere: Path) -> None:
    path, made = saved
    done = backup_restore(path=path)
    assert (done.rows, done.files, done.sha256) == (made.rows, made.files, made.sha256)
    for folder in ("media", "indexes", "models"):
        before = {name: digest for name, digest in files_under(home / folder).items() if not name.startswith(".")}
        assert files_under(elsewhere / folder) == before
        assert before
    with closing(sqlite3.connect(elsewhere / "cdss.sqlite3")) as restored, connection.cursor() as live:
        for table in (
            "library_libraryitem",
            "library_caseimage",
            "consultations_consultation",
            "indexing_indexversion",
        ):
            columns = [row[1] for row in restored.execute(f"PRAGMA table_info({table})")]
            quoted = ", ".join(f'quote("{column}")' for column in columns)
            rows = f"SELECT {quoted} FROM {table} ORDER BY 1"  # noqa: S608
            live.execute(rows)
            assert restored.execute(rows).fetchall() == live.fetchall()
    assert not [name.name for name in elsewhere.iterdir() if name.name.startswith(".")]
    assert not (elsewhere / services.UNFINISHED).exists()
    assert list(Event.objects.filter(action__startswith="site.").values_list("action", flat=True)) == [
        "site.backed_up",
        "site.restored",
    ]


def test_no_key_and_no_plain_text_of_a_patient_is_in_it(
    saved: tuple[Path, Done], home: Path, settings: Settings
) -> None:
    data = saved[0].read_bytes()
    key = (home / "data_keys").read_text().split(":")[1].strip()
    assert key.encode() not in data
    assert settings.SECRET_KEY.encode() not in data
    assert b"A nodule with popcorn calcification." not in data
    assert saved[0].stat().st_mode & 0o077 == 0


def test_with_pgvector_a_folder_that_faiss_left_neither_leaves_nor_comes(
    saved: tuple[Path, Done], home: Path, elsewhere: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.VECTOR_BACKEND = "pgvector"
    before = saved[0]
    settings.MEDIA_ROOT, settings.MODELS_ROOT, settings.INDEX_ROOT = home / "media", home / "models", home / "indexes"
    assert any((home / "indexes").iterdir())
    done = backup_make(path=tmp_path / "shared.tar")
    with tarfile.open(tmp_path / "shared.tar") as tar:
        assert (done.index, [name for name in tar.getnames() if name.startswith("indexes/")]) == ("", [])
    places = {name: elsewhere / name for name in ("media", "models", "indexes")}
    settings.MEDIA_ROOT, settings.MODELS_ROOT, settings.INDEX_ROOT = places.values()
    assert backup_restore(path=before).index
    assert any(places["media"].iterdir())
    assert not places["indexes"].exists()


def test_without_its_index_it_is_made_again(saved: tuple[Path, Done], home: Path, tmp_path: Path) -> None:
    done = backup_make(path=tmp_path / "small.tar", with_index=False)
    assert done.index == ""
    with tarfile.open(tmp_path / "small.tar") as tar:
        assert not [name for name in tar.getnames() if name.startswith("indexes/")]


def nothing_is_there(place: Path) -> None:
    assert sorted(path.name for path in place.iterdir()) == ["data_keys"]


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def cut_at_the_end(data: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        last = tar.getmembers()[-2]
    return data[: last.offset] + bytes(1024)


def flip(data: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        image = next(member for member in tar.getmembers() if member.name.startswith("media/"))
    changed = bytearray(data)
    changed[image.offset_data + image.size // 2] ^= 1
    return bytes(changed)


def rewritten(data: bytes, change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old.getmembers():
            source = old.extractfile(member)
            assert source is not None
            name, content = change(member.name, source.read())
            info = tarfile.TarInfo(name)
            info.size = len(content)
            new.addfile(info, io.BytesIO(content))
    return out.getvalue()


def header(change: dict[str, Any]) -> Callable[[bytes], bytes]:
    def changed(name: str, content: bytes) -> tuple[str, bytes]:
        return name, json.dumps(json.loads(content) | change).encode() if name == "backup.json" else content

    return lambda data: rewritten(data, changed)


def outside(data: bytes) -> bytes:
    return rewritten(data, lambda name, content: (name.replace("media/", "media/../../"), content))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cut, "damaged"),
        (cut_at_the_end, "its end is missing"),
        (flip, "not what was written"),
        (outside, "outside the site"),
        (lambda data: b"not a tar", "damaged"),
        (lambda data: b"", "damaged"),
        (header({"format": "cdss-backup/9"}), "cdss-backup/9"),
        (header({"database": "postgresql"}), "on postgresql"),
        (header({"migrations": ["library 0001_initial"]}), "older one"),
        (header({"migrations": ["library 9999_later"]}), "newer one"),
        (header({"keys": {"00000000": "", "SECRET_KEY": ""}}), "data key 00000000"),
        (header({"keys": {"SECRET_KEY": "0" * 32}}), "SECRET_KEY is not"),
    ],
)
def test_what_cannot_be_restored_is_refused_and_nothing_is_there(
    saved: tuple[Path, Done], elsewhere: Path, tmp_path: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    bad = tmp_path / "bad.tar"
    bad.write_bytes(change(saved[0].read_bytes()))
    with pytest.raises(CommandError, match=said) as refused:
        call_command("restore", str(bad))
    assert refused.value.returncode == 2
    nothing_is_there(elsewhere)


def test_another_key_of_the_same_name_is_refused(saved: tuple[Path, Done], elsewhere: Path) -> None:
    name = (elsewhere / "data_keys").read_text().partition(":")[0]
    (elsewhere / "data_keys").write_text(f"{name}:{'A' * 43}=\n")
    forget_cached_keys()
    with pytest.raises(BackupError, match="another one of that name"):
        backup_restore(path=saved[0])
    (elsewhere / "data_keys").unlink()
    forget_cached_keys()
    with pytest.raises(BackupError, match="Keys are in no backup"):
        backup_restore(path=saved[0])
    assert backup_restore(path=saved[0], without_keys=True).rows == saved[1].rows
    assert not (elsewhere / "data_keys").exists()


@pytest.mark.parametrize("what", ["cdss.sqlite3", "media/cases/a.png", "indexes/000001-abcdabcd/x"])
def test_nothing_is_restored_over_a_site(saved: tuple[Path, Done], elsewhere: Path, what: str) -> None:
    path = elsewhere / what
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".sqlite3":
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE site (id integer)")
    else:
        path.write_bytes(b"of somebody")
    before = files_under(elsewhere)
    with pytest.raises(BackupError, match="over a site"):
        backup_restore(path=saved[0])
    assert files_under(elsewhere) == before


def test_a_restore_that_fails_at_its_end_takes_everything_back(
    saved: tuple[Path, Done], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "digests", lambda database: {"library_case": {"rows": 0, "sha256": ""}})
        with pytest.raises(BackupError, match="not the ones that were saved"):
            backup_restore(path=saved[0])
    nothing = {path.name for path in elsewhere.rglob("*") if path.is_file()}
    assert nothing == {"data_keys"}
    assert backup_restore(path=saved[0]).files == saved[1].files


def test_a_restore_that_was_killed_is_begun_anew(saved: tuple[Path, Done], elsewhere: Path) -> None:
    (elsewhere / "media" / "cases").mkdir(parents=True)
    (elsewhere / "media" / "cases" / "half.png").write_bytes(b"half")
    (elsewhere / services.UNFINISHED).touch()
    assert backup_restore(path=saved[0]).files == saved[1].files
    assert "half.png" not in {path.name for path in elsewhere.rglob("*")}


def test_a_site_with_the_note_of_a_restore_is_still_a_site(saved: tuple[Path, Done], elsewhere: Path) -> None:
    """Killed when everything was in its place, and then put to use."""
    backup_restore(path=saved[0])
    (elsewhere / services.UNFINISHED).touch()
    before = files_under(elsewhere)
    with pytest.raises(BackupError, match="over a site"):
        backup_restore(path=saved[0])
    assert files_under(elsewhere) == before


def test_a_file_that_goes_while_it_is_saved_is_in_it_or_its_row_is_not(
    saved: tuple[Path, Done], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case with its image is deleted between the look at the files and the copy of the rows, and right after it."""
    case = Case.objects.first()
    assert case is not None
    image = CaseImage.objects.filter(case=case).first()
    assert image is not None
    collect, calls = services.Captured.collect, []

    def collected(self: services.Captured) -> None:
        collect(self)
        calls.append(1)
        if len(calls) == 2:
            (home / "media" / str(image.file)).unlink()

    monkeypatch.setattr(services.Captured, "collect", collected)
    assert backup_make(path=tmp_path / "again.tar").missing == ()
    with tarfile.open(tmp_path / "again.tar") as tar:
        assert f"media/{image.file}" in tar.getnames()


def test_a_file_that_was_missing_before_is_reported(saved: tuple[Path, Done], home: Path, tmp_path: Path) -> None:
    image = CaseImage.objects.first()
    assert image is not None
    (home / "media" / str(image.file)).unlink()
    with pytest.raises(CommandError, match=r"1 files that rows name") as told:
        call_command("backup", output=str(tmp_path / "again.tar"), stdout=io.StringIO())
    assert told.value.returncode == 1
    assert (tmp_path / "again.tar").exists()


def test_the_commands_say_what_they_did(
    saved: tuple[Path, Done], elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    prepared: list[bool] = []
    monkeypatch.setattr(towers, "towers_missing", lambda: True)
    monkeypatch.setattr(towers, "towers_prepare_apart", lambda: prepared.append((elsewhere / "cdss.sqlite3").exists()))
    call_command("restore", str(saved[0]), "--json", stdout=out)
    assert json.loads(out.getvalue())["rows"] == saved[1].rows
    assert prepared == [True], "when all is there"
    with pytest.raises(CommandError, match="there already"):
        call_command("backup", output=str(saved[0]))
    with pytest.raises(CommandError, match="There is no file"):
        call_command("restore", str(tmp_path / "nothing.tar"))


def test_a_folder_gets_a_file_of_that_moment(saved: tuple[Path, Done], home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    out = io.StringIO()
    call_command("backup", output=str(folder), stdout=out)
    assert len(list(folder.glob("cdss-*.tar"))) == 1
    assert "Keep data_keys" in out.getvalue()
