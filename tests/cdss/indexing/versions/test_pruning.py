"""What encoders and vocabularies of long ago left behind goes; the current and the previous one stay."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import Settings

from cdss.indexing.models import ImageEmbedding, IndexVersion, PassageEmbedding
from cdss.indexing.services import index_build, index_verify
from cdss.library.models import LibraryItem, Passage
from cdss.reasoning import concepts

OLD = ("text-old", "image-old")
PREVIOUS = ("text-previous", "image-previous")


@pytest.fixture(autouse=True)
def models(site: Path, settings: Settings) -> Path:
    settings.MODELS_ROOT = site / "models"
    settings.MODELS_ROOT.mkdir()
    return Path(settings.MODELS_ROOT)


@pytest.fixture
def built(library: dict[str, LibraryItem], make_image: Callable) -> None:
    """A library that two other encoders have encoded before the current one."""
    image = make_image(library["embolism"], 1)
    for text, picture in (OLD, PREVIOUS):
        IndexVersion.objects.create(
            name=text, text_encoder=text, image_encoder=picture, passages=0, images=0, manifest_sha256="0" * 64
        )
        ImageEmbedding.objects.create(image=image, encoder=f"{picture}|preprocessing|whole", vector=b"")
    index_build()
    # Both encoded the same passages, which are made by the first build.
    for text, _ in (OLD, PREVIOUS):
        PassageEmbedding.objects.create(passage=Passage.objects.first(), encoder=text, vector=b"")


def encoders() -> tuple[set[str], set[str]]:
    texts = set(PassageEmbedding.objects.values_list("encoder", flat=True))
    images = {key.split("|")[0] for key in ImageEmbedding.objects.values_list("encoder", flat=True)}
    return texts, images


def test_only_the_current_and_the_previous_encoder_keep_their_vectors(built: None) -> None:
    version = index_build()
    assert encoders() == ({"text-previous", version.text_encoder}, {"image-previous", version.image_encoder})
    assert index_verify() == version


def test_a_build_after_it_encodes_nothing_again(built: None) -> None:
    index_build()
    before = list(PassageEmbedding.objects.order_by("pk").values_list("pk", flat=True))
    index_build(rebuild=True)
    assert list(PassageEmbedding.objects.order_by("pk").values_list("pk", flat=True)) == before


def test_versions_of_the_same_encoder_count_once(built: None) -> None:
    for _ in range(3):
        index_build(rebuild=True)
    assert "text-previous" in encoders()[0]


def test_tables_of_names_of_long_ago_go(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concepts, "_tables_key", lambda: "current")
    for age, name in enumerate(("current", "newest", "older", "oldest")):
        path = models / f"concepts-{name}.json"
        path.write_text("{}")
        # The current one may be of long ago: an earlier release that was put back.
        os.utime(path, (1000 - age, 1000 - age) if name != "current" else (1, 1))
    (models / "other.json").write_text("{}")
    assert concepts.tables_prune(keep=2) == 2
    assert {path.name for path in models.iterdir()} == {"concepts-current.json", "concepts-newest.json", "other.json"}
    assert concepts.tables_prune(keep=2) == 0
