"""The phantoms: the same scene gives the same bytes, and what a scene declares can be seen, on the side it says."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image

from cdss.library.phantoms.canvas import Canvas, gaussian_blur
from cdss.library.phantoms.mark import MARGIN, mark_bitmap
from cdss.library.phantoms.render import BASES, Scene, render, save
from cdss.library.phantoms.scenes import load_scenes

SCENES = load_scenes(settings.DEMO_ROOT / "demo_scenes.json")
# One scene of each base, and every tenth one.
SAMPLE = list({scene.base: scene for scene in SCENES}.values()) + SCENES[::10]


def pixels(image: Image.Image) -> npt.NDArray[np.float64]:
    return np.asarray(image, dtype=float)


def test_there_is_one_scene_for_each_image_of_the_library() -> None:
    cases = (settings.DEMO_ROOT / "demo_cases.jsonl").read_text(encoding="utf-8").splitlines()
    paths = [image["path"] for line in cases for image in json.loads(line)["images"]]
    assert sorted(scene.file for scene in SCENES) == sorted(paths)
    assert {scene.base for scene in SCENES} == set(BASES)


@pytest.mark.parametrize("scene", SAMPLE, ids=lambda scene: Path(scene.file).stem)
def test_a_scene_is_drawn_byte_for_byte(scene: Scene, tmp_path: Path) -> None:
    save(render(scene), tmp_path / scene.file)
    assert (tmp_path / scene.file).read_bytes() == (settings.DEMO_ROOT / scene.file).read_bytes()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: Path(scene.file).stem)
def test_the_finding_can_be_seen_on_its_side(scene: Scene) -> None:
    with Image.open(settings.DEMO_ROOT / scene.file) as image:
        shown = pixels(image)
    change = gaussian_blur(np.abs(shown - pixels(render(scene, with_lesions=False))), 1.5)
    seen = change > 18
    assert seen.sum() >= 60, "the finding does not stand out from the same phantom without it"
    assert seen.mean() < 0.6, "the whole picture changed: the finding is not a place in it"
    share_on_the_left_of_the_picture = change[:, : scene.size // 2].sum() / change.sum()
    if scene.side == "right":
        assert share_on_the_left_of_the_picture > 0.5
    if scene.side == "left":
        assert share_on_the_left_of_the_picture < 0.5
    if scene.side == "both":
        assert 0.05 < share_on_the_left_of_the_picture < 0.95


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: Path(scene.file).stem)
def test_every_image_carries_the_mark(scene: Scene) -> None:
    with Image.open(settings.DEMO_ROOT / scene.file) as image:
        shown = pixels(image)
    bitmap = mark_bitmap()
    height, width = bitmap.shape
    bottom = scene.size - MARGIN
    corner = shown[bottom - height : bottom, MARGIN : MARGIN + width]
    assert corner[bitmap == 1].min() > corner[bitmap == 0].max() + 40


def test_a_seed_changes_the_noise_but_not_the_finding() -> None:
    row = {"file": "images/a.png", "base": "chest_ct", "lesions": [{"kind": "nodule", "x": -0.5, "y": 0.1, "r": 0.1}]}
    one, two = (pixels(render(Scene.from_row({**row, "seed": seed}))) for seed in (1, 2))
    assert not np.array_equal(one, two)
    inside = np.s_[170:182, 74:86]
    assert abs(one[inside].mean() - two[inside].mean()) < 10


def test_noise_is_the_same_with_and_without_a_lesion() -> None:
    row = {
        "file": "images/a.png",
        "base": "chest_ct",
        "seed": 5,
        "lesions": [{"kind": "nodule", "x": -0.5, "y": 0, "r": 0.05}],
    }
    scene = Scene.from_row(row)
    left_half = np.s_[:, scene.size // 2 :]
    assert np.array_equal(pixels(render(scene))[left_half], pixels(render(scene, with_lesions=False))[left_half])


def test_an_unknown_base_or_lesion_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="no base 'toe'; choose one of chest_ct"):
        Scene.from_row({"file": "images/a.png", "base": "toe", "seed": 1})
    scene = Scene.from_row({"file": "images/a.png", "base": "chest_ct", "seed": 1, "lesions": [{"kind": "ghost"}]})
    with pytest.raises(ValueError, match="chest_ct has no lesion 'ghost'; choose one of airway_nodule"):
        render(scene)


def test_a_scene_may_not_write_outside_the_images(tmp_path: Path) -> None:
    path = tmp_path / "scenes.json"
    path.write_text(json.dumps([{"file": "images/../../escape.png", "base": "chest_ct", "seed": 1}]))
    with pytest.raises(ValueError, match=r"is not images/NAME\.png"):
        load_scenes(path)


def test_the_command_draws_into_a_folder(tmp_path: Path) -> None:
    said = io.StringIO()
    call_command("make_demo_images", output=tmp_path, only="vascular-06", stderr=said)
    drawn = list((tmp_path / "images").iterdir())
    assert [path.name for path in drawn] == ["demo-vascular-06_1.png"]
    digest = hashlib.sha256(drawn[0].read_bytes()).hexdigest()
    assert digest == hashlib.sha256((settings.DEMO_ROOT / "images" / drawn[0].name).read_bytes()).hexdigest()
    assert "1 images written" in said.getvalue()


def test_the_command_refuses_a_name_that_nothing_has(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no scene"):
        call_command("make_demo_images", output=tmp_path, only="nothing-like-this")


def test_warp_moves_what_is_shown_and_its_areas() -> None:
    canvas = Canvas(64, seed=1)
    canvas.paint(canvas.ellipse(0, 0, 0.2), 1.0)
    canvas.areas["spot"] = canvas.pixels.copy()
    canvas.warp(np.full_like(canvas.x, 0.5), np.zeros_like(canvas.x))
    for shown in (canvas.pixels, canvas.areas["spot"]):
        centre = (shown * canvas.x).sum() / shown.sum()
        assert abs(centre - 0.5) < 0.05
