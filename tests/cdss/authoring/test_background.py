"""What takes long is left to the worker, with its progress on the page; what is small is done at once."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from cdss.accounts.models import User
from cdss.authoring import case_import, picture_uploads, tasks
from cdss.authoring.case_import import import_send
from cdss.authoring.models import Manuscript, PictureUpload, PlannedImport, WorkState
from cdss.authoring.picture_uploads import pictures_read, pictures_send
from cdss.authoring.services import AuthoringError
from cdss.library.models import Case, LibraryItem
from cdss.studies import held
from tests.cdss.authoring.conftest import png, upload
from tests.cdss.authoring.test_case_import import CASES, zipped


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was handed to the worker, which does nothing yet."""
    waiting: list[tuple[Any, ...]] = []
    for name in ("read_pictures", "look_at_import", "run_import"):
        task = getattr(tasks, name)
        stand_in = type(
            "Task", (), {"enqueue": staticmethod(lambda *args, task=task: waiting.append((task.func, *args)))}
        )
        monkeypatch.setattr(tasks, name, stand_in)
    return waiting


def work(waiting: list[tuple[Any, ...]]) -> None:
    while waiting:
        do, *args = waiting.pop(0)
        do(*args)


def held_places(media: Path) -> list[Path]:
    return list((media / "uploads").glob("*")) if (media / "uploads").is_dir() else []


@pytest.fixture
def writer(client: Client, educator: User) -> Client:
    client.force_login(educator)
    return client


def test_one_small_picture_is_there_at_once(
    writer: Client, manuscript: Manuscript, queued: list[Any], settings: Any
) -> None:
    writer.post(f"/authoring/{manuscript.pk}/pictures/", {"images": upload(1)})
    assert manuscript.pictures.count() == 1
    assert not queued
    settings.OCR = "always"
    assert not picture_uploads.is_quick([upload(1), upload(2)])
    assert not picture_uploads.is_quick([SimpleUploadedFile("a.png", b"x" * 600_000)])
    assert picture_uploads.is_quick([upload(1)])


def test_many_pictures_are_read_by_the_worker_and_the_page_says_how_far(
    writer: Client, manuscript: Manuscript, queued: list[Any], media: Path
) -> None:
    files = [upload(seed, f"{seed}.png") for seed in range(9)]
    files += [SimpleUploadedFile("broken.png", b"no image"), SimpleUploadedFile("empty.png", b"")]
    page = writer.post(f"/authoring/{manuscript.pk}/pictures/", {"images": files}, follow=True).content.decode()
    assert "0 of 10 images" in page
    assert f'hx-get="/authoring/{manuscript.pk}/pictures/sent/"' in page
    # What waits is no file that anybody could read.
    waiting = [path.read_bytes() for place in held_places(media) for path in place.iterdir()]
    assert len(waiting) == 10
    assert not any(b"PNG" in data for data in waiting)
    work(queued)
    assert manuscript.pictures.count() == 9
    assert not held_places(media)
    page = writer.get(f"/authoring/{manuscript.pk}/pictures/sent/").content.decode()
    assert "9 of 10 images added" in page
    assert "broken.png: This is not an image" in page
    assert "empty.png: This file is empty" in page
    assert "hx-get" not in page


def test_a_worker_that_dies_half_way_leaves_whole_pictures_and_is_begun_again(
    writer: Client,
    manuscript: Manuscript,
    educator: User,
    queued: list[Any],
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = pictures_send(manuscript=manuscript, uploads=[upload(seed) for seed in range(3)], by=educator)
    add, done = picture_uploads.picture_add, []

    def killed(**said: Any) -> Any:
        if done:
            raise SystemExit
        done.append(1)
        return add(**said)

    monkeypatch.setattr(picture_uploads, "picture_add", killed)
    with pytest.raises(SystemExit):
        work(queued)
    monkeypatch.setattr(picture_uploads, "picture_add", add)
    assert manuscript.pictures.count() == 1
    assert PictureUpload.objects.get().state == WorkState.WORKING
    address = f"/authoring/{manuscript.pk}/pictures/sent/"
    again = f"{address}{sent.pk}/again/"
    # It may still be at work.
    writer.post(again)
    assert not queued
    PictureUpload.objects.update(updated=timezone.now() - timedelta(minutes=4))
    assert again in writer.get(address).content.decode()
    writer.post(again)
    work(queued)
    assert manuscript.pictures.count() == 3
    assert PictureUpload.objects.get().state == WorkState.DONE
    assert not held_places(media)


def test_what_nobody_foresaw_ends_with_a_word(
    manuscript: Manuscript, educator: User, queued: list[Any], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures_send(manuscript=manuscript, uploads=[upload(1)], by=educator)

    def broken(**said: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(picture_uploads, "picture_add", broken)
    with pytest.raises(RuntimeError):
        work(queued)
    row = PictureUpload.objects.get()
    assert (row.state, row.problems) == (WorkState.FAILED, [picture_uploads.FAILED])
    assert not held_places(media)
    pictures_read(upload=row)
    assert not manuscript.pictures.exists()


def test_a_picture_that_cannot_be_kept_takes_the_others_with_it(
    manuscript: Manuscript, educator: User, media: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.UPLOAD_MAX_BYTES = 100
    with pytest.raises(AuthoringError, match="larger than"):
        pictures_send(manuscript=manuscript, uploads=[upload(1)], by=educator)
    assert not PictureUpload.objects.exists()
    assert not held_places(media)
    assert held.folder().exists()


def test_only_whoever_sent_them_sees_them(
    client: Client, manuscript: Manuscript, educator: User, make_user: Callable[..., User], queued: list[Any]
) -> None:
    sent = pictures_send(manuscript=manuscript, uploads=[upload(1)], by=educator)
    client.force_login(make_user("other", "educator", department="elsewhere"))
    assert client.get(f"/authoring/{manuscript.pk}/pictures/sent/").status_code == 404
    assert client.post(f"/authoring/{manuscript.pk}/pictures/sent/{sent.pk}/again/").status_code == 404


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_import, "INLINE_BYTES", 10)
    monkeypatch.setattr(case_import, "INLINE_PICTURES", 0)


def test_an_import_is_looked_at_and_run_by_the_worker(
    writer: Client, queued: list[Any], nothing_is_small: None, media: Path
) -> None:
    said = {"file": zipped(CASES), "collection": "Set", "visibility": "private"}
    page = writer.post("/authoring/import/", said, follow=True)
    path, text = page.request["PATH_INFO"], page.content.decode()
    assert "Looking at" in text
    assert f'hx-get="{path}progress/"' in text
    assert "HX-Refresh" not in writer.get(f"{path}progress/").headers
    assert not LibraryItem.objects.exists()
    work(queued)
    assert writer.get(f"{path}progress/").headers["HX-Refresh"] == "true"
    assert "2 would be created" in writer.get(path).content.decode()
    assert "Importing" in writer.post(path, follow=True).content.decode()
    # A second click changes nothing.
    writer.post(path)
    assert len(queued) == 1
    work(queued)
    assert "2 cases created" in writer.get(path).content.decode()
    assert Case.objects.count() == 2
    assert not held_places(media)


def test_a_file_that_the_worker_cannot_read_is_refused_on_the_page(
    writer: Client, queued: list[Any], nothing_is_small: None, media: Path
) -> None:
    file = SimpleUploadedFile("cases.zip", b"PK\x03\x04 broken")
    page = writer.post("/authoring/import/", {"file": file, "collection": "Set", "visibility": "private"}, follow=True)
    work(queued)
    text = writer.get(page.request["PATH_INFO"]).content.decode()
    assert "Refused" in text
    assert re.search(r"cases\.zip: (the format was not recognised|This ZIP file is damaged)", text)
    assert str(media) not in text
    assert not held_places(media)
    assert writer.post(page.request["PATH_INFO"], follow=True).status_code == 200
    assert not queued


def test_an_import_whose_worker_died_is_begun_again(
    writer: Client, educator: User, queued: list[Any], nothing_is_small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = import_send(upload=zipped(CASES), collection="Set", visibility="private", by=educator)
    work(queued)
    path = f"/authoring/import/{sent.pk}/"
    writer.post(path)
    queued.clear()
    PlannedImport.objects.update(state=WorkState.WORKING, updated=timezone.now() - timedelta(minutes=4))
    assert "Nothing has been heard" in writer.get(path).content.decode()
    writer.post(path)
    work(queued)
    assert Case.objects.count() == 2
    assert "2 cases created" in writer.get(path).content.decode()


def test_sizes_are_those_of_one_look() -> None:
    assert case_import.is_quick(SimpleUploadedFile("a.jsonl", b"x"))
    assert not case_import.is_quick(SimpleUploadedFile("a.zip", b"x" * 300_000))
    assert len(png(1)) < picture_uploads.INLINE_BYTES
