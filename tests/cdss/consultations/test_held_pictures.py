"""Burnt-in text is looked for by the worker, before the case is searched; until then no picture is in the media."""

import io
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django_tasks_db.models import DBTaskResult
from PIL import Image

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations import held_pictures, working
from cdss.consultations.live import step_states
from cdss.consultations.models import Consultation, HeldPicture, Status
from cdss.consultations.services import (
    CaseRefusedError,
    consultation_again,
    consultation_cancel,
    consultation_retry,
    consultation_reviewed,
    consultation_start,
)
from cdss.consultations.tasks import answer_consultation, mask_picture
from cdss.encryption import FILE_MARK, forget_cached_keys, key_of_file
from cdss.library.image_files import image_bytes
from cdss.library.models import Doubt
from cdss.privacy.erasure import patient_erase
from cdss.privacy.export import patient_export
from cdss.privacy.holdings import holdings_of
from cdss.reading import door, looking
from cdss.reasoning.types import CaseInput
from cdss.rotation import keys_rotate
from retrieval.burned_text import TextRegion
from retrieval.errors import UnreadableError
from tests.cdss.reading.here import read_here

CERTAIN, FAINT = TextRegion(2, 2, 22, 8, 0.9), TextRegion(40, 40, 60, 48, 0.4)
CASE = CaseInput(findings="A nodule with popcorn calcification.")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.MEDIA_ROOT, settings.OCR = tmp_path / "media", "auto"  # type: ignore[attr-defined]
    settings.CDSS_HOME = tmp_path  # type: ignore[attr-defined]
    monkeypatch.setattr(looking, "find_text", lambda pixels: [CERTAIN, FAINT])
    monkeypatch.setattr(door, "look", read_here)
    return tmp_path


def upload(name: str = "a.png") -> SimpleUploadedFile:
    pixels = np.full((64, 64, 3), 40, dtype=np.uint8)
    for region in (CERTAIN, FAINT):
        pixels[region.top : region.bottom : 2, region.left : region.right : 2] = 220
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "PNG")
    return SimpleUploadedFile(name, made.getvalue(), "image/png")


@pytest.fixture
def sent(clinician: User) -> Callable[..., Consultation]:
    """Stored, and not worked on: nothing that was enqueued runs, because nothing commits."""

    def send(count: int = 1, case: CaseInput = CASE, **options: bool) -> Consultation:
        return consultation_start(by=clinician, case=case, uploads=[upload() for _ in range(count)], **options)

    return send


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next picture is left for later, as it is to a real worker."""
    monkeypatch.setattr(working, "mask_picture", SimpleNamespace(enqueue=lambda pk: None))


def held_files(home: Path) -> list[Path]:
    return sorted((home / "uploads").rglob("*.held"))


def media_files(home: Path) -> list[Path]:
    return [path for path in (home / "media").rglob("*") if path.is_file()]


def pixels_of(row: Consultation) -> np.ndarray:
    image = Image.open(io.BytesIO(image_bytes(Path(row.images.first().file.path))))
    return np.asarray(image.convert("RGB"))


@pytest.mark.usefixtures("one_at_a_time")
def test_nothing_is_in_the_media_before_it_was_looked_at(home: Path, sent: Callable[..., Consultation]) -> None:
    row = sent(2)
    assert (row.images.count(), row.held_pictures.count(), media_files(home)) == (0, 2, [])
    assert len(held_files(home)) == 2
    for path in held_files(home):
        assert path.read_bytes().startswith(FILE_MARK)
        assert path.stat().st_mode & 0o077 == 0
    assert Event.objects.get(action="consultation.started").details["images"] == 2
    working.mask_next(row.pk)
    assert (row.images.count(), row.held_pictures.count()) == (1, 1)


@pytest.mark.usefixtures("one_at_a_time")
def test_what_is_held_is_brought_under_a_new_key(
    home: Path, sent: Callable[..., Consultation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CDSS_DATA_KEYS", raising=False)
    forget_cached_keys()
    row = sent(2)
    old = key_of_file(held_files(home)[0])
    done = keys_rotate(forget_old=True)
    assert (done.files, done.forgotten) == (2, 1)
    assert {key_of_file(path) for path in held_files(home)} == {done.key} != {old}
    for path in held_files(home):
        assert path.stat().st_mode & 0o077 == 0
    working.mask_next(row.pk)
    row.refresh_from_db()
    assert (row.images.count(), row.held_pictures.count(), row.error) == (1, 1, "")
    forget_cached_keys()


def test_masked_and_answered_in_one_go(
    home: Path, small_library: None, run_queue: Callable, sent: Callable[..., Consultation]
) -> None:
    with run_queue():
        row = sent(3)
    row.refresh_from_db()
    assert row.status == Status.DONE
    assert [image.position for image in row.images.all()] == [0, 1, 2]
    shown = pixels_of(row)
    assert shown[2:8, 2:22].max() == shown[40:48, 40:60].max() == 40
    assert row.removed_identifiers["burnt_in_text"] == 3
    assert Doubt.objects.filter(owner=row.user).count() == 3
    assert not HeldPicture.objects.exists()
    told = Event.objects.filter(action="consultation.picture_screened")
    assert [event.details for event in told.order_by("pk")] == [
        {"position": place, "masked": 1, "doubts": 1} for place in range(3)
    ]
    # The pictures were looked at before anything was searched.
    steps = list(row.steps.order_by("started").values_list("name", "duration_ms"))
    assert steps[0][0] == "deidentify"
    assert steps[0][1] > 0
    assert Event.objects.get(action="consultation.finished").pk > told.last().pk


def test_what_was_held_is_gone_once_it_is_stored(
    home: Path, sent: Callable[..., Consultation], django_capture_on_commit_callbacks: Callable
) -> None:
    row = sent()
    held = row.held_pictures.get()
    with django_capture_on_commit_callbacks(execute=True):
        held_pictures.picture_screen(held)
    assert held_files(home) == []
    assert len(media_files(home)) == 1


@pytest.mark.usefixtures("one_at_a_time")
def test_the_page_says_so_and_the_steps_show_it(client: Client, sent: Callable[..., Consultation]) -> None:
    row = sent(2)
    client.force_login(row.user)
    page = client.get(f"/consultations/{row.pk}/").content.decode()
    assert "2 images are being looked at for burnt-in text" in page
    assert "when its images have been looked at" in page
    assert "nothing to remove" not in page
    assert step_states(row)[0]["state"] == "running"
    working.mask_next(row.pk)
    assert step_states(row)[0]["state"] == "running"
    working.mask_next(row.pk)
    first = step_states(Consultation.objects.get(pk=row.pk))[0]
    assert (first["state"], first["ms"] > 0) == ("done", True)
    assert "burnt-in text" not in client.get(f"/consultations/{row.pk}/").content.decode()


@pytest.mark.parametrize(
    ("error", "said"),
    [(UnreadableError("this takes too long to read."), "Image 1: this takes too long"), (RuntimeError("x"), "again")],
)
def test_a_search_for_text_that_fails_ends_in_a_clear_state(
    home: Path, small_library: None, run_queue: Callable, sent: Callable[..., Consultation],
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str,
) -> None:  # fmt: skip
    def broken(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(door, "look", broken)
    with run_queue():
        row = sent(2)
    row.refresh_from_db()
    assert row.status == Status.FAILED
    assert said in row.error
    assert (media_files(home), row.evidence.count(), row.images.count()) == ([], 0, 0)
    assert step_states(row)[0]["state"] == "stopped"
    monkeypatch.setattr(door, "look", read_here)
    with run_queue():
        consultation_retry(consultation=row, by=row.user)
    row.refresh_from_db()
    assert (row.status, row.images.count()) == (Status.DONE, 2)


def test_a_cancelled_one_is_not_looked_at(home: Path, sent: Callable[..., Consultation]) -> None:
    row = sent()
    consultation_cancel(consultation=row, by=row.user)
    working.mask_next(row.pk)
    working.answer(row.pk)
    row.refresh_from_db()
    assert (row.status, row.images.count(), media_files(home)) == (Status.CANCELLED, 0, [])


def test_a_draft_has_its_pictures_looked_at_while_it_is_reviewed(
    home: Path, small_library: None, run_queue: Callable, sent: Callable[..., Consultation]
) -> None:
    with run_queue():
        row = sent(review=True)
    row.refresh_from_db()
    assert (row.status, row.images.count()) == (Status.REVIEW, 1)
    with run_queue():
        consultation_reviewed(consultation=row, by=row.user, corrections=())
    row.refresh_from_db()
    assert row.status == Status.DONE


def test_a_draft_whose_pictures_failed_is_tried_again_when_it_is_sent(
    home: Path, small_library: None, run_queue: Callable, sent: Callable[..., Consultation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(door, "look", lambda *a, **k: (_ for _ in ()).throw(UnreadableError("no answer.")))
    with run_queue():
        row = sent(review=True)
    row.refresh_from_db()
    assert (row.status, row.held_back) == (Status.REVIEW, 1)
    monkeypatch.setattr(door, "look", read_here)
    with run_queue():
        consultation_reviewed(consultation=row, by=row.user, corrections=())
    row.refresh_from_db()
    assert (row.status, row.images.count()) == (Status.DONE, 1)


def test_a_worker_that_died_between_two_pictures_loses_nothing(
    home: Path, small_library: None, run_queue: Callable, sent: Callable[..., Consultation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    row = sent(2)
    with monkeypatch.context() as dying:
        dying.setattr(working, "mask_picture", SimpleNamespace(enqueue=lambda pk: None))
        working.mask_next(row.pk)
    assert (row.images.count(), row.held_pictures.count()) == (1, 1)
    Consultation.objects.filter(pk=row.pk).update(created=row.created - 2 * working.LOST_AFTER)
    with run_queue():
        assert working.sweep() == 1
    row.refresh_from_db()
    assert (row.status, row.images.count(), row.held_pictures.count()) == (Status.DONE, 2, 0)


def test_two_workers_store_a_picture_once(home: Path, sent: Callable[..., Consultation]) -> None:
    row = sent()
    one, other = row.held_pictures.get(), row.held_pictures.get()
    held_pictures.picture_screen(one)
    held_pictures.picture_screen(other)
    assert row.images.count() == Doubt.objects.count() == 1
    assert Event.objects.filter(action="consultation.picture_screened").count() == 1


def test_pictures_that_are_gone_are_said_to_be(
    home: Path, small_library: None, run_queue: Callable, sent: Callable[..., Consultation]
) -> None:
    row = sent()
    for path in held_files(home):
        path.unlink()
    with run_queue():
        working.answer(row.pk)
    row.refresh_from_db()
    assert (row.status, "no longer held" in row.error) == (Status.FAILED, True)
    with pytest.raises(CaseRefusedError, match="no longer held"):
        consultation_again(consultation=row, by=row.user)


def test_one_that_is_asked_again_takes_what_is_held_along(
    home: Path, small_library: None, run_queue: Callable, sent: Callable[..., Consultation]
) -> None:
    row = sent(2)
    consultation_cancel(consultation=row, by=row.user)
    with run_queue():
        again = consultation_again(consultation=row, by=row.user)
    again.refresh_from_db()
    assert (again.status, again.images.count(), row.held_pictures.count()) == (Status.DONE, 2, 2)


def test_images_alone_wait_too(home: Path, small_library: None, sent: Callable[..., Consultation]) -> None:
    row = sent(case=CaseInput())
    working.answer(row.pk)
    assert row.images.count() == 1


def test_locked_to_text_searches_the_words_and_leaves_the_pictures(
    home: Path, small_library: None, run_queue: Callable, sent: Callable[..., Consultation], settings: object
) -> None:
    with_words, without = sent(), sent(case=CaseInput())
    settings.LOCKED_MODES = ["text-only"]  # type: ignore[attr-defined]
    with run_queue():
        working.mask_next(with_words.pk)
        working.answer(without.pk)
    with_words.refresh_from_db()
    without.refresh_from_db()
    assert (with_words.status, with_words.images.count()) == (Status.DONE, 0)
    assert (without.status, "locked to text" in without.error) == (Status.FAILED, True)
    assert media_files(home) == []


def test_what_is_held_is_handed_out_and_erased(
    home: Path, sent: Callable[..., Consultation], administrator: User, django_capture_on_commit_callbacks: Callable
) -> None:
    row = sent(2)
    holdings, file = holdings_of(consultations=[row.pk]), io.BytesIO()
    patient_export(holdings=holdings, file=file)
    names = zipfile.ZipFile(file).namelist()
    assert f"images/consultation-{row.pk}/held-00-0000.png" in names
    with django_capture_on_commit_callbacks(execute=True):
        patient_erase(holdings=holdings, by=administrator, reason="patient-request")
    assert (held_files(home), HeldPicture.objects.count()) == ([], 0)


def test_what_nobody_came_back_for_goes_after_a_day(home: Path, sent: Callable[..., Consultation]) -> None:
    sent()
    (old,) = {path.parent for path in held_files(home)}
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    sent()
    assert len(held_files(home)) == 1
    assert not old.exists()


def test_a_case_that_is_refused_holds_nothing(home: Path, clinician: User) -> None:
    broken = SimpleUploadedFile("b.png", b"no picture", "image/png")
    with pytest.raises(CaseRefusedError):
        consultation_start(by=clinician, case=CASE, uploads=[upload(), broken])
    assert (held_files(home), Consultation.objects.count()) == ([], 0)


def test_a_consultation_does_not_wait_behind_the_pictures_of_others(settings: object) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}  # type: ignore[attr-defined]
    for number in range(1, 51):
        mask_picture.enqueue(number)
    answer_consultation.enqueue(99)
    waiting = list(DBTaskResult.objects.ready())
    assert len(waiting) == 51
    assert (waiting[0].task_path, waiting[0].args_kwargs["args"]) == (answer_consultation.module_path, [99])
