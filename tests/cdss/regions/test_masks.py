"""Masks as text, from anywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdss.regions.masks import MOST_POLYGONS, MaskError, mask_of_polygons, mask_of_runs, runs_of
from cdss.regions.pictures import RIM, overlay_png


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_a_mask_comes_back_as_it_was(width: int, height: int, data: st.DataObject) -> None:
    pixels = data.draw(st.lists(st.booleans(), min_size=width * height, max_size=width * height))
    mask = np.array(pixels).reshape(height, width)
    assert np.array_equal(mask_of_runs(runs_of(mask), width=width, height=height), mask)


def test_runs_begin_with_what_is_not_masked() -> None:
    assert runs_of(np.array([[True, True, False]])) == "0 2 1"
    assert runs_of(np.zeros((2, 2), bool)) == "4"


@pytest.mark.parametrize(
    "runs",
    [
        "",
        " ",
        "x",
        "1 -1 4",
        "5",
        "1 2 2",
        "1,3",
        "4 0x1",
        "1  3",
        "99999999999",
        "²",
        "1 3\n0",
        "9" * 9 + " " + "9" * 9,
    ],
)
def test_runs_that_do_not_fit_are_refused(runs: str) -> None:
    if runs == "1 3\n0":
        with pytest.raises(MaskError):
            mask_of_runs(runs, width=2, height=2)
        return
    with pytest.raises(MaskError, match="Draw it again"):
        mask_of_runs(runs, width=2, height=2)


def test_polygons_are_filled_and_holes_cut_out() -> None:
    mask = mask_of_polygons("2,2 17,2 17,17 2,17\n- 6,6 13,6 13,13 6,13\n", width=20, height=20)
    assert mask[4, 4]
    assert not mask[10, 10]
    assert mask.sum() == 16 * 16 - 8 * 8


def test_a_polygon_may_reach_over_the_rim() -> None:
    assert mask_of_polygons("-5,-5 30,-5 30,30 -5,30", width=20, height=10).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,1 2,2", "at least three points"),
        ("1,1 2,2 3", "at least three points"),
        ("a,b c,d e,f", "at least three points"),
        ("1;1 2;2 3;3", "at least three points"),
        ("1,1 2,2 1e5,3", "at least three points"),
        ("nan,1 2,2 3,3", "at least three points"),
        ("50,50 60,50 60,60", "outside the image"),
        ("1,1 2,2 3,3\n" * (MOST_POLYGONS + 1), "at most"),
        (" ".join(["1,1"] * 6000), "at least three points"),
    ],
)
def test_other_outlines_are_refused(text: str, says: str) -> None:
    with pytest.raises(MaskError, match=says):
        mask_of_polygons(text, width=20, height=20)


def test_an_overlay_is_clear_outside_and_has_a_rim() -> None:
    from io import BytesIO

    from PIL import Image

    mask = np.zeros((10, 12), bool)
    mask[2:8, 3:9] = True
    with Image.open(BytesIO(overlay_png(mask))) as image:
        alpha = np.asarray(image)[..., 3]
    assert alpha.shape == (10, 12)
    assert alpha[0, 0] == 0
    assert alpha[2, 3] == RIM
    assert 0 < alpha[5, 5] < RIM


def test_boxes_and_ellipses_are_typed() -> None:
    mask = mask_of_polygons("box 10 5 20 8\n- box 12 6 2 2", width=64, height=48)
    assert (mask[5:13, 10:30].sum(), mask.sum()) == (20 * 8 - 4, 20 * 8 - 4)
    round_ = mask_of_polygons("ellipse 32 24 10 6", width=64, height=48)
    assert round_[24, 32]
    assert not round_[18, 22]
    assert round_.sum() == pytest.approx(3.1416 * 10.5 * 6.5, rel=0.05)


@pytest.mark.parametrize(
    "text",
    ["box 1 1 0 5", "box 1 1 5 -5", "ellipse 5 5 0 1", "box 900 1 5 5", "circle 1 1 5 5", "box 1 1 5", "box a b c d"],
)
def test_a_figure_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MaskError, match="Line 1"):
        mask_of_polygons(text, width=64, height=48)


@pytest.mark.parametrize("line", ["box 0 0 9999 9999", "ellipse 10 10 500 5", "box 0 0 21 5"])
def test_a_figure_larger_than_its_image_is_refused(line: str) -> None:
    with pytest.raises(MaskError, match="larger than the image of 20 × 10"):
        mask_of_polygons(line, width=20, height=10)
