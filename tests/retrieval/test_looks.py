"""Pictures that are the same to the eye, and those that only resemble each other."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from retrieval.looks import NEAR, WINDOWS, Grey, distances, print_of, same_to_the_eye, small_grey


def picture(seed: int, width: int = 300, height: int = 260) -> Grey:
    """Blobs of many sizes, as a slice has them; nothing of any patient."""
    draw = np.random.default_rng(seed)
    made = np.zeros((height, width), dtype=np.float32)
    for size in (2, 5, 12, 30, 60):
        noise = draw.standard_normal((height, width)).astype(np.float32)
        made += size * cv2.GaussianBlur(noise, (0, 0), size)
    return np.asarray(cv2.normalize(made, None, 0, 255, cv2.NORM_MINMAX), dtype=np.uint8)  # type: ignore[call-overload]


def as_jpeg(pixels: Grey, quality: int = 60) -> Grey:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def sized(pixels: Grey, share: float) -> Grey:
    width, height = round(pixels.shape[1] * share), round(pixels.shape[0] * share)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def cut(pixels: Grey, left: float, right: float, top: float, bottom: float) -> Grey:
    height, width = pixels.shape
    return pixels[int(height * top) : int(height * (1 - bottom)), int(width * left) : int(width * (1 - right))]


CHANGES = {
    "encoded again": as_jpeg,
    "half the size": lambda pixels: sized(pixels, 0.5),
    "twice the size": lambda pixels: sized(pixels, 2),
    "cut at two edges": lambda pixels: cut(pixels, 0.1, 0, 0.06, 0),
    "cut at all edges, smaller, encoded again": lambda pixels: as_jpeg(sized(cut(pixels, 0.12, 0.1, 0.05, 0.2), 0.7)),
    "stretched": lambda pixels: np.asarray(Image.fromarray(pixels).resize((240, 250))),
    "brighter": lambda pixels: np.asarray(np.clip(pixels * 0.8 + 40, 0, 255), dtype=np.uint8),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_recognised(change: str) -> None:
    for seed in range(3):
        one = picture(seed)
        other = CHANGES[change](one)
        assert distances(print_of(other), print_of(one)[None])[0] <= NEAR
        assert same_to_the_eye(other, one)
        assert same_to_the_eye(one, other)


def test_other_pictures_are_not() -> None:
    held = [picture(seed) for seed in range(4)]
    for at, one in enumerate(held):
        for other in held[at + 1 :]:
            assert not same_to_the_eye(one, other)
        assert not same_to_the_eye(one, one[:, ::-1])


def test_a_small_part_is_not_the_whole_and_a_common_frame_is_not_the_picture() -> None:
    one, other = picture(1), picture(2)
    framed = other.copy()
    framed[:40], framed[-40:] = one[:40], one[-40:]
    assert not same_to_the_eye(one, framed)


def test_distances_are_none_to_oneself() -> None:
    prints = np.stack([print_of(picture(seed)) for seed in range(3)])
    assert prints.shape == (3, WINDOWS)
    for at, mine in enumerate(prints):
        apart = distances(mine, prints)
        assert apart[at] == 0
        assert np.delete(apart, at).min() > 0


@pytest.mark.parametrize("pixels", [np.full((64, 64), 90, np.uint8), np.zeros((8, 300), np.uint8)])
def test_what_has_no_shape_is_refused(pixels: Grey) -> None:
    with pytest.raises(ValueError, match=r"shape|at least"):
        print_of(pixels)


def test_too_small_to_compare() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        small_grey(np.zeros((4, 4), np.uint8))
    assert not same_to_the_eye(np.full((40, 40), 7, np.uint8), picture(0))
