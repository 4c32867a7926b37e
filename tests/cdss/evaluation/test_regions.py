"""Search by region and proposed masks, measured without weights on a few phantoms."""

import numpy as np
import pytest
from django.conf import Settings

from cdss.evaluation.figures import PRODUCT, Figure
from cdss.evaluation.suites import APART, SUITES, regions, segmentation
from cdss.evaluation.suites.region_boxes import centre_box, demonstration_findings, odd_box
from cdss.evaluation.workbench import Workbench
from cdss.indexing.encoding.patches import patches_build
from cdss.library.phantoms.masked import STRUCTURES
from cdss.library.phantoms.scenes import load_scenes
from retrieval.encoders.hashing import HashingImageEncoder
from retrieval.types import Box
from tests.cdss.regions.conftest import livers, make_image, site

__all__ = ["livers", "make_image", "site"]


def of(figures: list[Figure], system: str) -> list[Figure]:
    return [figure for figure in figures if figure.system == system]


@pytest.fixture
def few_scenes(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    scenes = load_scenes(settings.DEMO_ROOT / "demo_scenes.json")
    rings = [scene for scene in scenes if any(lesion["kind"] == "ring" for lesion in scene.lesions)]
    chosen = [*rings[:3], *[scene for scene in scenes if scene.base == "chest_xray"][:2]]
    monkeypatch.setattr("cdss.evaluation.suites.region_boxes.load_scenes", lambda path: chosen)


def test_they_are_run_by_name() -> None:
    assert set(SUITES) >= APART == {"regions", "segmentation"}


def test_the_box_of_a_phantom_is_on_its_finding(few_scenes: None) -> None:
    for finding in demonstration_findings():
        height, width = finding.pixels.shape[:2]
        assert 0 < finding.box.width * finding.box.height < 0.8 * width * height
        assert finding.kinds


def test_a_box_stands_where_an_image_is_not_symmetric() -> None:
    image = np.full((160, 160, 3), 90, dtype=np.uint8)
    image[64:96, 100:130] = 250
    (patches,) = HashingImageEncoder().patches([image])
    found = odd_box(patches)
    assert found.y < 80 < found.y + found.height
    assert found.x < 115 < found.x + found.width or found.x < 45 < found.x + found.width
    assert centre_box(patches) == Box(40, 40, 80, 80)


@pytest.mark.django_db
def test_regions_stand_beside_the_whole_image_and_chance(few_scenes: None) -> None:
    result = regions.run(Workbench([], 7))
    assert {figure.system for figure in result.figures} == {PRODUCT, "whole image", "chance"}
    assert all(0 <= figure.low <= figure.value <= figure.high <= 1 for figure in result.figures)
    assert any("build_index --patches" in note for note in result.notes)


@pytest.mark.django_db
def test_the_library_s_own_images_are_asked_once_they_are_prepared(few_scenes: None, make_image, monkeypatch) -> None:
    from cdss.indexing.encoding.embedding import embed_images
    from cdss.indexing.encoding.encoders import image_encoder
    from tests.cdss.regions.conftest import liver, other_picture

    for seed in range(2):
        make_image(liver(seed + 1).pixels, diagnosis="Cirrhosis")
        make_image(other_picture(seed), diagnosis="Static")
    patches_build()
    embed_images(encoder=image_encoder(), progress=lambda step, done, total: None)
    result = regions.run(Workbench([], 7))
    own = [figure for figure in of(result.figures, PRODUCT) if figure.measure.startswith("same diagnosis")]
    assert [figure.n for figure in own] == [4, 4]
    assert len([figure for figure in of(result.figures, "chance") if figure.n == 4]) == 2
    assert [figure.n for figure in regions.run(Workbench([], 7, limit=2)).figures][-1] == 2


@pytest.mark.django_db
def test_masks_stand_beside_the_mean_of_the_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    liver = [structure for structure in STRUCTURES if structure.name == "liver, CT"]
    monkeypatch.setattr(segmentation, "STRUCTURES", liver)
    monkeypatch.setattr(segmentation, "SUPPORTS", (1, 2))
    result = segmentation.run(Workbench([], 7, limit=1))
    assert [figure.measure for figure in of(result.figures, PRODUCT)] == [
        "Dice, 1 masked image",
        "Dice, 2 masked images",
    ]
    product, mean = (of(result.figures, system)[-1].value for system in (PRODUCT, segmentation.MEAN_MASK))
    assert product > mean
    assert "Synthetic" in result.notes[0]
    assert [row["supports"] for row in result.tables["structures"]] == [1, 2]
