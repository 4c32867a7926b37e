"""Who may export what, how it is kept, and that it is told."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django_tasks import default_task_backend

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.background import forget_folders
from cdss.exchange import held as keeping
from cdss.exchange.choosing import Chosen, chosen_cases
from cdss.exchange.tasks import export_in_background
from cdss.exchange.views import INLINE_CASES
from cdss.library.models import Case, Quarantine, State, Visibility
from cdss.locks.models import Mode, SiteLock
from tests.cdss.cast import library_case
from tests.cdss.exchange.conftest import files_in, write_lines, write_png

URL = "/library/export/"
DATABASE_QUEUE = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}


def named(cases: object) -> set[int]:
    return {case.pk for case in cases}  # type: ignore[attr-defined]


def test_nobody_exports_what_they_may_not_open(
    clinician: User, educator: User, administrator: User, make_user: Callable
) -> None:
    stranger = make_user("stranger", Role.CLINICIAN, department="surgery")
    public = library_case(None).pk
    private = library_case(clinician, Visibility.PRIVATE).pk
    department = library_case(clinician, Visibility.DEPARTMENT).pk
    draft = library_case(educator, state=State.DRAFT).pk
    seen = {
        user: named(chosen_cases(Chosen(ids=(public, private, department, draft)), user=user))
        for user in (None, clinician, stranger, educator, administrator)
    }
    assert seen[None] == {public}
    assert seen[clinician] == {public, private, department}
    assert seen[stranger] == {public}
    assert seen[educator] == {public, department, draft}
    assert seen[administrator] == {public, draft}


def test_nothing_leaves_a_quarantine(educator: User) -> None:
    case = library_case(educator)
    Quarantine.objects.create(source_name=case.source_name, reason="x", by=educator)
    for user in (None, educator):
        assert not chosen_cases(Chosen(), user=user).exists()


def posted(client: Client, user: User, **data: object) -> object:
    client.force_login(user)
    return client.post(URL, {"format": "jsonl", **data})


def archive_of(response: object) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))  # type: ignore[attr-defined]


def test_a_page_sends_what_was_chosen(client: Client, clinician: User) -> None:
    first, second = library_case(None), library_case(None)
    response = posted(client, clinician, ids=str(first.pk))
    assert response["Content-Disposition"].startswith('attachment; filename="cases-jsonl-')
    with archive_of(response) as archive:
        lines = archive.read("cases.jsonl").decode().splitlines()
    assert len(lines) == 1
    assert f'"{first.source_id}"' in lines[0]
    event = Event.objects.get(action="library.exported")
    assert (event.actor, event.details["cases"], event.details["images"]) == ("clinician", 1, 1)
    assert second.pk != first.pk


def test_the_event_has_the_hash_of_the_file(tmp_path: Path, exporting: Callable) -> None:
    library_case(None)
    done = exporting("--output", tmp_path / "out.zip")
    digest = hashlib.sha256((tmp_path / "out.zip").read_bytes()).hexdigest()
    assert done["sha256"] == Event.objects.get(action="library.exported").details["sha256"] == digest
    folder = exporting("--output", tmp_path / "out")
    assert folder["sha256"] == hashlib.sha256((tmp_path / "out/SHA256SUMS").read_bytes()).hexdigest()
    for line in (tmp_path / "out/SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ", 1)
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest


def test_filters_of_the_list_choose(client: Client, clinician: User) -> None:
    found = library_case(None)
    Case.objects.filter(pk=found.pk).update(title="A rare zebra")
    library_case(None)
    client.force_login(clinician)
    assert b"1 case fits: words" in client.get(URL, {"q": "zebra"}).content
    with archive_of(client.post(URL, {"format": "jsonl", "q": "zebra"})) as archive:
        assert len(archive.read("cases.jsonl").splitlines()) == 1


@pytest.mark.parametrize("data", [{"format": "exe"}, {"ids": "1;drop"}, {"ids": "9" * 40}, {"collection": "x"}])
def test_what_is_no_choice_is_refused(client: Client, clinician: User, data: dict[str, str]) -> None:
    library_case(None)
    assert posted(client, clinician, **data).status_code == 400
    assert not Event.objects.filter(action="library.exported").exists()


def test_a_large_export_is_made_in_the_background(
    client: Client, clinician: User, make_user: Callable, media: Path, settings: Any
) -> None:
    settings.TASKS = DATABASE_QUEUE
    for _ in range(INLINE_CASES + 1):
        library_case(None)
    response = posted(client, clinician)
    assert response.status_code == 302
    assert b"is being made" in client.get(response["Location"]).content
    assert client.get(response["Location"] + "file/").status_code == 404
    row = default_task_backend.get_result(response["Location"].rstrip("/").split("/")[-1])
    outcome = export_in_background.call(*row.args)
    row.db_result.claim("worker")
    row.db_result.set_successful(outcome)
    page = client.get(response["Location"])
    assert f"{INLINE_CASES + 1} cases".encode() in page.content
    fetched = client.get(response["Location"] + "file/")
    with archive_of(fetched) as archive:
        assert len(archive.read("cases.jsonl").splitlines()) == INLINE_CASES + 1
    assert Event.objects.filter(action="library.export_fetched").count() == 1
    (kept,) = files_in(media.parent / "exports")
    assert b"cases.jsonl" not in kept.read_bytes()
    client.force_login(make_user("other", Role.EDUCATOR))
    for address in ("", "file/"):
        assert client.get(response["Location"] + address).status_code == 404


def test_what_is_kept_goes_after_a_day(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = uuid4()
    keeping.hold(key, io.BytesIO(b"x" * 3_000_000))
    file = keeping.held(key)
    assert file is not None
    assert file.tell() == 3_000_000
    assert keeping.held(UUID(int=3)) is None
    monkeypatch.setattr(keeping.time, "time", lambda: 4_000_000_000.0)
    assert keeping.held(key) is None
    forget_folders(keeping._folder(), older_than=keeping.KEPT_SECONDS)
    assert files_in(media.parent / "exports") == []


def test_text_only_leaves_images_out(tmp_path: Path, administrator: User, exporting: Callable) -> None:
    library_case(None)
    SiteLock.objects.create(mode=Mode.TEXT_ONLY, by=administrator)
    for form in ("jsonl", "mirc", "tce", "html"):
        done = exporting("--format", form, "--output", tmp_path / f"{form}.zip")
        assert (done.code, done["images"], done["without_images"]) == (0, 0, True)
        with zipfile.ZipFile(tmp_path / f"{form}.zip") as archive:
            assert not [name for name in archive.namelist() if name.endswith((".png", ".jpg")) or "image-" in name]


def test_read_only_lets_a_small_export_go(client: Client, clinician: User, administrator: User) -> None:
    library_case(None)
    client.force_login(clinician)
    SiteLock.objects.create(mode=Mode.READ_ONLY, by=administrator)
    assert client.post(URL, {"format": "mirc"}).status_code == 200


def test_licences_go_along(tmp_path: Path, importing: Callable, exporting: Callable) -> None:
    write_png(tmp_path / "in/a.png")
    image = {"path": "a.png", "licence": "CC BY 4.0", "attribution": "J. Poe"}
    row = {"id": "x", "findings": "A nodule.", "licence": "CC0-1.0", "images": [image]}
    importing(write_lines(tmp_path / "in/cases.jsonl", row), "--publish", "--trust-pixels")
    for form in ("jsonl", "mirc", "tce", "html"):
        exporting("--format", form, "--output", tmp_path / f"{form}.zip")
        with zipfile.ZipFile(tmp_path / f"{form}.zip") as archive:
            assert archive.read("LICENCES.txt").decode().splitlines()[1:] == ["1  CC BY 4.0  J. Poe", "1  CC0-1.0"]


def test_an_image_without_a_file_is_told(tmp_path: Path, media: Path, exporting: Callable) -> None:
    case = library_case(None)
    Path(case.images.get().file.path).unlink()
    done = exporting("--output", tmp_path / "out.zip")
    assert (done.code, done["images"], done["missing"]) == (1, 0, 1)


def test_nothing_half_written_stays(tmp_path: Path, exporting: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    library_case(None)

    def full(path: Path) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cdss.exchange.writers.frame_bytes", full)
    for name in ("out.zip", "out"):
        assert exporting("--output", tmp_path / "there" / name).code == 2
    assert files_in(tmp_path / "there") == []
    assert not Event.objects.filter(action="library.exported").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, exporting: Callable) -> None:
    library_case(None)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    assert exporting("--output", tmp_path / "out").code == 2
    assert [path.name for path in files_in(tmp_path / "out")] == ["mine.txt"]


@pytest.mark.parametrize("wrong", [["--collection", "None"], ["--user", "nobody"], []])
def test_nothing_to_export_is_wrong_use(tmp_path: Path, exporting: Callable, wrong: list[str]) -> None:
    assert exporting("--output", tmp_path / "out.zip", *wrong).code == 2
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize("form", ["jsonl", "mirc", "tce", "html"])
def test_queries_do_not_grow_with_the_cases(
    tmp_path: Path, exporting: Callable, form: str, django_assert_max_num_queries: Callable
) -> None:
    for _ in range(12):
        library_case(None)
    with django_assert_max_num_queries(18 + 12 * (form in ("tce", "html"))):
        exporting("--format", form, "--output", tmp_path / "out.zip")
