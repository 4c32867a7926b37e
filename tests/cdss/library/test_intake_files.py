import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from cdss.accounts.models import User
from cdss.consultations.models import Consultation
from cdss.library.image_files import (
    frame_paths,
    image_bytes,
    image_files,
    new_image_files,
    remove_images_on_commit,
    remove_orphans,
    write_image,
)
from cdss.library.intake import (
    IntakeError,
    image_intake,
    stack_intake,
    store_case_image,
    store_consultation_image,
    stored_pixels,
)
from cdss.library.models import Case, Collection, Kind
from tests.cdss.library.test_intake import scan


@pytest.fixture
def case(collection: Collection) -> Case:
    return Case.objects.create(kind=Kind.CASE, title="Synthetic", text="Synthetic.", collection=collection,
                               source_name="tests", source_id="1", content_hash="0")  # fmt: skip


def files(media: Path) -> list[Path]:
    return sorted(path for path in media.rglob("*") if path.is_file())


def test_a_case_image_is_a_row_and_a_file_of_a_random_name(case: Case, media: Path) -> None:
    image = image_intake(upload=scan(BodyPartExamined="CHEST"), name="Specimen Invented.dcm")
    with new_image_files(), transaction.atomic():
        row = store_case_image(case=case, image=image, position=0, caption="A described finding.")
    assert (row.modality, row.region, row.caption, row.frames, row.sha256) == (
        "CT", "Thorax", "A described finding.", 1, image.sha256,
    )  # fmt: skip
    assert files(media) == frame_paths(name=row.file.name, frames=1) == [image_files(name=row.file.name)]
    assert "Specimen" not in row.file.name
    assert image_bytes(files(media)[0]) == image.pngs[0]
    assert files(media)[0].stat().st_mode & 0o077 == 0
    assert stored_pixels(row)[0].shape == (20, 30, 3)


def test_a_stack_is_a_folder_of_frames(case: Case, media: Path) -> None:
    image = stack_intake(uploads=[scan(number) for number in range(12)])
    row = store_case_image(case=case, image=image, position=0)
    assert row.file.name.endswith("/0000.png")
    assert [path.name for path in files(media)] == [f"{number:04}.png" for number in range(12)]
    assert image_files(name=row.file.name) == files(media)[0].parent
    assert len(stored_pixels(row)) == 8
    assert len(stored_pixels(row, most=3)) == 3


def test_a_consultation_image(clinician: User, media: Path) -> None:
    consultation = Consultation.objects.create(user=clinician)
    row = store_consultation_image(consultation=consultation, image=image_intake(upload=scan()), position=2)
    assert (row.position, row.modality, row.width, row.height) == (2, "CT", 30, 20)
    assert files(media)[0].is_relative_to(media / "consultations")


def test_when_the_work_fails_afterwards_no_file_stays(case: Case, media: Path) -> None:
    images = [image_intake(upload=scan()), stack_intake(uploads=[scan(1), scan(2)])]

    def fail_afterwards() -> None:
        with new_image_files(), transaction.atomic():
            for position, image in enumerate(images):
                store_case_image(case=case, image=image, position=position)
            assert len(files(media)) == 3
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_afterwards()
    assert files(media) == []
    assert case.images.count() == 0


def test_a_full_disk_is_told_and_leaves_nothing(case: Case, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for image in (image_intake(upload=scan()), stack_intake(uploads=[scan(1), scan(2)])):
        with pytest.raises(IntakeError, match="No space left"):
            store_case_image(case=case, image=image, position=0)
    assert files(media) == []


@pytest.mark.django_db(transaction=True)
def test_files_of_deleted_rows_go_with_the_commit(media: Path) -> None:
    name = write_image(folder="cases", pngs=[b"1", b"2"])

    def fail_afterwards() -> None:
        with transaction.atomic():
            remove_images_on_commit(names=[name])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_afterwards()
    assert len(files(media)) == 2
    with transaction.atomic():
        remove_images_on_commit(names=[name])
    assert files(media) == []


def test_what_a_killed_process_left_is_swept_and_nothing_else(media: Path, db: Any) -> None:
    kept, orphan, fresh = (write_image(folder="cases", pngs=pngs) for pngs in ([b"1"], [b"1", b"2"], [b"3"]))
    half = media / "cases" / "ab" / ".abc.part"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"half")
    foreign = media / "cases" / "ab" / "notes.txt"
    foreign.write_text("not ours")
    old = time.time() - 7200
    for path in (image_files(name=kept), image_files(name=orphan), half, foreign):
        os.utime(path, (old, old))
    assert remove_orphans(folder="cases", names=[kept]) == 2
    assert image_files(name=kept).exists()
    assert image_files(name=fresh).exists()
    assert foreign.exists()
    assert not image_files(name=orphan).exists()
    assert not half.exists()
