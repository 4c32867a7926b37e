"""Burnt-in text: masked before anything is stored, and put before a person where it is not certain."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.services import consultation_start
from cdss.consultations.working import mask_next
from cdss.library import screening
from cdss.library.doubts import doubt_decide
from cdss.library.image_files import frame_paths, image_bytes
from cdss.library.intake import image_intake, stack_intake, stored_pixels
from cdss.library.models import Doubt
from cdss.privacy.erasure import patient_erase
from cdss.privacy.holdings import holdings_of
from cdss.reading import door, looking
from cdss.reasoning.types import CaseInput
from retrieval.burned_text import TextRegion
from tests.cdss.reading.here import read_here

CERTAIN = TextRegion(2, 2, 22, 8, 0.9)
FAINT = TextRegion(40, 40, 60, 48, 0.4)
MARK = TextRegion(50, 2, 60, 12, 0.9, "R", 0.99)

# The mode of the site is asked of the database.
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.CDSS_HOME = tmp_path  # type: ignore[attr-defined]
    settings.MEDIA_ROOT, settings.OCR = tmp_path / "media", "auto"  # type: ignore[attr-defined]
    monkeypatch.setattr(looking, "find_text", lambda pixels: [CERTAIN, FAINT, MARK])
    monkeypatch.setattr(door, "look", read_here)
    return tmp_path / "media"


def png() -> bytes:
    pixels = np.full((64, 64, 3), 40, dtype=np.uint8)
    for region in (CERTAIN, FAINT, MARK):
        pixels[region.top : region.bottom : 2, region.left : region.right : 2] = 220
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "PNG")
    return made.getvalue()


def area(pixels: np.ndarray, region: TextRegion) -> np.ndarray:
    return pixels[region.top : region.bottom, region.left : region.right]


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_text_and_doubt_are_masked_and_a_mark_stays() -> None:
    image = image_intake(upload=png(), screen=True)
    pixels = opened(image.pngs[0])
    assert area(pixels, CERTAIN).max() == area(pixels, FAINT).max() == 40
    assert area(pixels, MARK).max() == 220
    assert image.removed["burnt_in_text"] == 1
    assert [(doubt.left, doubt.top, doubt.width, doubt.height) for doubt in image.doubts] == [(40, 40, 20, 8)]


def test_nothing_is_looked_for_where_nobody_asked(settings: object) -> None:
    assert opened(image_intake(upload=png()).pngs[0]).max() == 220
    settings.OCR = "never"  # type: ignore[attr-defined]
    assert not image_intake(upload=png(), screen=True).was_screened


@pytest.mark.parametrize(
    ("ocr", "modality", "says_none", "wanted"),
    [
        ("auto", "US", True, True),
        ("auto", "CT", False, True),
        ("auto", "CT", True, False),
        ("auto", "", False, True),
        ("always", "CT", True, True),
        ("never", "US", False, False),
    ],
)
def test_where_text_is_looked_for(ocr: str, modality: str, says_none: bool, wanted: bool, settings: object) -> None:
    settings.OCR = ocr  # type: ignore[attr-defined]
    assert screening.is_wanted(modality=modality, says_none=says_none) is wanted


def test_every_slice_of_a_stack_is_masked() -> None:
    stack = stack_intake(uploads=[png(), png()], screen=True)
    assert all(area(opened(each), CERTAIN).max() == 40 for each in stack.pngs)
    assert [doubt.frame for doubt in stack.doubts] == [0, 1]


@pytest.fixture
def doubt(clinician: User) -> Doubt:
    upload, case = SimpleUploadedFile("a.png", png()), CaseInput(findings="A nodule.")
    row = consultation_start(by=clinician, case=case, uploads=[upload], review=True, patient="A-1")
    mask_next(row.pk)
    return Doubt.objects.get()


@pytest.mark.django_db
def test_left_masked_what_stood_there_is_forgotten(doubt: Doubt, clinician: User, media: Path) -> None:
    before = image_bytes(media / doubt.name)
    doubt_decide(doubt=doubt, keep=False, by=clinician)
    assert not Doubt.objects.exists()
    assert image_bytes(media / doubt.name) == before
    assert Event.objects.get(action="image.doubt_decided").details["kept"] is False


@pytest.mark.django_db
def test_put_back_the_picture_shows_it_again(doubt: Doubt, clinician: User, media: Path) -> None:
    doubt_decide(doubt=doubt, keep=True, by=clinician)
    stored = (media / doubt.name).read_bytes()
    assert stored.startswith(b"CDSSENC1")
    pixels = opened(image_bytes(media / doubt.name))
    assert np.array_equal(area(pixels, FAINT), area(opened(png()), FAINT))
    assert area(pixels, CERTAIN).max() == 40
    doubt_decide(doubt=doubt, keep=False, by=clinician)
    assert Event.objects.filter(action="image.doubt_decided").count() == 1


@pytest.mark.django_db
def test_the_page_is_for_the_owner_alone(doubt: Doubt, clinician: User, make_user: Callable[..., User]) -> None:
    client, other = Client(), Client()
    client.force_login(clinician)
    other.force_login(make_user("other"))
    assert b"1 to decide" in client.get(reverse("library:doubts")).content
    assert b"Nothing to look at" in other.get(reverse("library:doubts")).content
    crop = client.get(reverse("library:doubt_crop", args=[doubt.pk]))
    assert opened(crop.content).shape == (8, 20, 3)
    assert crop["Cache-Control"] == "no-store"
    assert other.post(reverse("library:doubt_decided", args=[doubt.pk]), {"decision": "keep"}).status_code == 404
    assert client.post(reverse("library:doubt_decided", args=[doubt.pk]), {"decision": "keep"}).status_code == 302
    assert not Doubt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_doubt_is_erased_with_its_patient(doubt: Doubt, media: Path) -> None:
    patient_erase(holdings=holdings_of(patient="A-1"), by=None, reason="legal")
    assert not Doubt.objects.exists()
    assert not any(path.exists() for path in frame_paths(name=doubt.name, frames=1))


@pytest.mark.django_db
def test_pixels_are_screened_before_they_are_stored(doubt: Doubt) -> None:
    row = type("Row", (), {"frames": 1, "file": type("File", (), {"name": doubt.name})()})()
    assert area(stored_pixels(row)[0], CERTAIN).max() == 40
