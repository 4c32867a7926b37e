import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.conf import Settings
from django.core.management import CommandError, call_command

from cdss.audit.models import Event
from cdss.indexing.models import ImageEmbedding
from cdss.indexing.taught import alignment
from cdss.indexing.taught.alignment import alignment_folder, described_images, image_texts
from cdss.library.models import CaseImage, State
from retrieval.alignment import store
from retrieval.encoders.hashing import HashingImageEncoder, HashingTextEncoder

SIGNS = ("mass", "cyst", "fracture", "effusion", "oedema")


class Alignable(HashingImageEncoder):
    """The hashing encoder with a text side to be learned."""

    alignment = ""


@pytest.fixture(autouse=True)
def models(settings: Settings, site: Any) -> None:
    settings.MODELS_ROOT = site / "models"


@pytest.fixture
def alignable(monkeypatch: pytest.MonkeyPatch) -> Alignable:
    encoder = Alignable()
    monkeypatch.setattr(alignment, "image_encoder", lambda: encoder)
    return encoder


@pytest.fixture
def described(make_case: Callable[..., Any], make_image: Callable[..., CaseImage]) -> list[CaseImage]:
    """Thirty cases of five signs; an image of a sign is the same picture with another case's text."""
    images = []
    for number in range(30):
        sign = SIGNS[number % len(SIGNS)]
        case = make_case(f"{sign} {number}", f"A {sign}.", findings=f"There is a {sign}.")
        image = make_image(case, seed=number % len(SIGNS))
        CaseImage.objects.filter(pk=image.pk).update(
            modality="CT", plane="Axial", caption=f"Axial image with a {sign}." if number % 2 else ""
        )
        images.append(image)
    return images


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("align_encoders", *arguments, stdout=out)
    return out.getvalue()


def test_it_fits_and_stores_an_alignment(alignable: Alignable, described: list[CaseImage]) -> None:
    report = json.loads(run("--json"))
    assert report["pairs"] == report["cases"] == 30
    assert (report["test_cases"], report["test_images"]) == (6, 6)
    stored = store.load(alignment_folder(), image_encoder=alignable.version, text_encoder="hashing-text-1-256-128")
    assert stored is not None
    vectors = np.stack([alignment._image_vectors(alignable)[image.pk] for image in described[:5]])
    texts = [f"Axial image with a {sign}." for sign in SIGNS]
    said = stored.project(texts, HashingTextEncoder().encode(texts))
    assert list((said @ vectors.T).argmax(axis=1)) == [0, 1, 2, 3, 4]
    event = Event.objects.get(action="library.aligned")
    assert event.details["checksum"] == stored.checksum


def test_the_figures_are_told_in_words(alignable: Alignable, described: list[CaseImage]) -> None:
    told = run()
    assert "30 images of 30 cases aligned" in told
    assert "chance" in told


def test_missing_vectors_are_made_and_kept(alignable: Alignable, described: list[CaseImage]) -> None:
    run()
    assert ImageEmbedding.objects.filter(encoder__startswith=alignable.version).count() == 30
    first = set(ImageEmbedding.objects.values_list("pk", flat=True))
    run()
    assert set(ImageEmbedding.objects.values_list("pk", flat=True)) == first


def test_of_a_stack_the_mean_of_its_frames_counts(alignable: Alignable, described: list[CaseImage]) -> None:
    key = alignment.image_key(alignable, masked=False)
    for frame, sign in ((0, 1.0), (1, 3.0)):
        vector = np.zeros(alignable.dimension, dtype="<f4")
        vector[frame] = sign
        ImageEmbedding.objects.create(image=described[0], frame=frame, encoder=key, vector=vector.tobytes())
    mean = alignment._image_vectors(alignable)[described[0].pk]
    assert np.allclose(mean[:2], np.array([1.0, 3.0]) / np.sqrt(10.0))


def test_drafts_do_not_count(alignable: Alignable, described: list[CaseImage]) -> None:
    for image in described[:15]:
        image.case.state = State.DRAFT
        image.case.save()
    assert len(described_images()) == 15
    with pytest.raises(CommandError, match="There are 15 images with a caption") as refused:
        run()
    assert refused.value.returncode == 2
    assert not alignment_folder().exists()


def test_an_empty_library_is_told_what_to_do(alignable: Alignable, db: None) -> None:
    with pytest.raises(CommandError, match=r"Import and publish more cases") as refused:
        run()
    assert refused.value.returncode == 2


def test_an_encoder_without_a_text_side_is_refused(described: list[CaseImage]) -> None:
    with pytest.raises(CommandError, match=r"cannot be aligned.*CDSS_IMAGE_ENCODER=builtin") as refused:
        run()
    assert refused.value.returncode == 2


def test_with_a_joint_model_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    class Joint(HashingImageEncoder):
        alignment, aligned = "native", True

    monkeypatch.setattr(alignment, "image_encoder", Joint)
    assert "nothing to align" in run()
    assert json.loads(run("--json")) == {"pairs": 0, "native": True}


@pytest.mark.parametrize(
    ("caption", "findings", "texts"),
    [
        ("A mass.", "Lung mass.", ("CT Axial. A mass.", "A mass.", "CT Axial", "Lung mass.")),
        ("", "Lung mass.", ("CT Axial. Lung mass.", "CT Axial", "Lung mass.")),
        ("", "", ("CT Axial",)),
    ],
)
def test_what_is_said_of_an_image(
    make_case: Callable[..., Any], make_image: Callable[..., CaseImage], caption: str, findings: str, texts: Any
) -> None:
    image = make_image(make_case("t", "t", findings=findings), seed=1)
    image.modality, image.plane, image.caption, image.case.findings = "CT", "Axial", caption, findings
    assert image_texts(image) == texts


class Aligned(Alignable):
    aligned = True


def test_another_text_encoder_gets_its_own_map_before_it_serves(
    monkeypatch: pytest.MonkeyPatch, described: list[CaseImage]
) -> None:
    images, first, second = Aligned(), HashingTextEncoder(), HashingTextEncoder(dimension=64)
    monkeypatch.setattr(alignment, "image_encoder", lambda: images)
    run()
    fitted = alignment.text_align(texts=second, progress=lambda *step: None)
    assert fitted is not None
    assert fitted.text_encoder == second.version
    for encoder in (first, second):
        found = store.load(alignment_folder(), image_encoder=images.version, text_encoder=encoder.version)
        assert found is not None
        assert found.project(["mass"], encoder.encode(["mass"])).shape == (1, images.dimension)
        # There is one already, so going back or on fits nothing.
        assert alignment.text_align(texts=encoder, progress=lambda *step: None) is None


def test_where_text_searches_no_images_nothing_is_fitted(alignable: Alignable, described: list[CaseImage]) -> None:
    assert not alignable.aligned
    assert alignment.text_align(texts=HashingTextEncoder(), progress=lambda *step: None) is None
    assert not alignment_folder().exists()
