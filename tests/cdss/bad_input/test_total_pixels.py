"""Images that are each small enough and together too large are refused by their headers."""

import io
import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from PIL import Image

from cdss.accounts.models import User
from cdss.consultations.models import Consultation
from cdss.library.intake import check_total_pixels
from cdss.library.intake_errors import IntakeError
from retrieval import imaging
from tests.cdss.bad_input.files import huge_png


@pytest.fixture(autouse=True)
def small_budget(settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading sets Pillow's own limit; it is put back afterwards.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    settings.IMAGE_MAX_PIXELS = 10_000  # type: ignore[attr-defined]
    settings.CASE_MAX_PIXELS = 20_000  # type: ignore[attr-defined]
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]


def png(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (side, side), 90).save(file, "PNG")
    return file.getvalue()


def upload(data: bytes, name: str = "chest.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "image/png")


def test_the_page_refuses_them_before_decoding(
    client: Client, clinician: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(imaging, "read_frames", lambda *_, **__: pytest.fail("decoded"))
    client.force_login(clinician)
    images = [upload(png(99)) for _ in range(3)]
    response = client.post("/consultations/new/", {"findings": "A nodule.", "images": images})
    assert response.status_code == 422
    assert "These 3 images are 0 megapixels together" in response.content.decode()
    assert not Consultation.objects.exists()
    assert not list((tmp_path / "media").rglob("*.png"))


def test_what_fits_together_is_taken(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    images = [upload(png(81)) for _ in range(3)]
    assert client.post("/consultations/new/", {"findings": "A nodule.", "images": images}).status_code == 302
    assert Consultation.objects.get().images.count() == 3


@pytest.mark.django_db
def test_frames_count_each(settings: object) -> None:
    file = io.BytesIO()
    frames = [Image.new("L", (70, 70), value) for value in (1, 90, 200)]
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    # Of three frames, two are within what one image may decode.
    check_total_pixels(uploads=[file.getvalue(), file.getvalue()])
    with pytest.raises(IntakeError, match="These 3 images"):
        check_total_pixels(uploads=[file.getvalue()] * 3)


def test_an_unreadable_image_is_left_to_its_own_message(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    images = [upload(png(50)), upload(huge_png(), "huge.png"), upload(b"no image", "text.png")]
    response = client.post("/consultations/new/", {"findings": "A nodule.", "images": images})
    assert "huge.png: This image is 30,000 × 30,000 pixels" in response.content.decode()


def test_the_command_refuses_the_line(tmp_path: Path, db: None, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").write_bytes(png(99))
    row = {"id": "1", "findings": "x", "images": [{"path": "a.png"}] * 3}
    (tmp_path / "in.jsonl").write_text(json.dumps(row))
    with pytest.raises(CommandError, match="No case"):
        call_command("consult", input=tmp_path / "in.jsonl", output=tmp_path / "out.jsonl")
    assert "line 1: These 3 images" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()
