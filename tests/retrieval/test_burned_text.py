"""Text in pixels: the verdict on a region, the fill, and the detector itself on made pictures."""

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from retrieval.burned_text import TextRegion, _is_structure, find_text, mask_text

TEXTS = ("SMITH^JOHN", "DOE, JANE A.", "MRN 4471902", "1962-03-05", "ACC 2291837", "St. Brendan's", "M. OKONKWO")
SIDE = 512


@pytest.mark.parametrize(
    ("score", "text", "read", "verdict"),
    [
        (0.9, "SMITH", 0.99, "mask"),
        (0.9, "", 0.0, "mask"),
        (0.9, "R", 0.99, "keep"),
        (0.9, "L SUPINE", 0.95, "keep"),
        (0.9, "R", 0.5, "mask"),
        (0.9, "R SMITH", 0.99, "mask"),
        (0.4, "", 0.0, "ask"),
        (0.4, "SMITH", 0.9, "mask"),
        (0.4, "|.|", 0.9, "ask"),
    ],
)
def test_the_verdict(score: float, text: str, read: float, verdict: str) -> None:
    assert TextRegion(0, 0, 9, 9, score, text, read).verdict == verdict


def test_a_faint_region_is_for_a_person_whatever_its_score() -> None:
    assert TextRegion(0, 0, 9, 9, 0.95, faint=True).verdict == "ask"


FOOTER = "a4291e90-1179-46c3-a100-fc595b4bc9f2, Uploader: Jane Example, 05-17-2002"


def dark(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(5).normal(6, 3, (height, width, 1)).clip(0, 255)
    return noise.astype(np.uint8).repeat(3, axis=2)


@pytest.mark.parametrize(("line", "top"), [(3, 0), (291, 288)])
def test_a_line_of_five_pixels_in_dark_grey_is_asked_about(line: int, top: int) -> None:
    pixels = dark(300, 384)
    pixels[60:240, 80:300] = 190
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).text((40, line), FOOTER, font=ImageFont.load_default(6), fill=(40, 40, 40))
    (found,) = find_text(np.asarray(image))
    assert (found.left, found.top, found.right, found.bottom) == (0, top, 384, top + 12)
    assert (found.faint, found.verdict) == (True, "ask")


def test_dark_noise_and_a_head_hold_no_line() -> None:
    pixels = dark(256, 256)
    rows, columns = np.ogrid[:256, :256]
    pixels[((rows - 128) / 125) ** 2 + ((columns - 128) / 100) ** 2 < 1] = 150
    assert find_text(pixels) == []


def test_a_region_is_filled_with_what_is_around_it() -> None:
    pixels = np.full((60, 60, 3), 30, dtype=np.uint8)
    pixels[10:20, 10:40] = 200
    masked = mask_text(pixels, [TextRegion(10, 10, 40, 20, 0.9)])
    assert set(np.unique(masked)) == {30}
    assert pixels.max() == 200
    assert mask_text(pixels, []) is pixels


def test_a_region_that_is_the_whole_image() -> None:
    pixels = np.full((40, 40, 3), 90, dtype=np.uint8)
    assert mask_text(pixels, [TextRegion(0, 0, 40, 40, 0.9)]).shape == (40, 40, 3)


def test_an_image_without_room_for_text_is_not_looked_at() -> None:
    assert find_text(np.zeros((10, 300, 3), dtype=np.uint8)) == []


def drawn(draw: random.Random) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    import matplotlib

    folder = f"{matplotlib.get_data_path()}/fonts/ttf"
    noise = np.random.default_rng(draw.randrange(1 << 30)).normal(draw.choice((0, 40, 200)), 8, (SIDE, SIDE))
    image = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).convert("RGB")
    pen, boxes = ImageDraw.Draw(image), []
    ground = float(noise.mean())
    for row in range(2):
        font = ImageFont.truetype(f"{folder}/{draw.choice(('DejaVuSans', 'DejaVuSerif', 'STIXGeneral'))}.ttf", 14)
        at = (draw.choice((4, 300)), draw.choice((4, 460)) if row else 230)
        shade = int(ground + 110 if ground < 128 else ground - 110)
        text = draw.choice(TEXTS)
        pen.text(at, text, font=font, fill=(shade, shade, shade))
        boxes.append(tuple(int(edge) for edge in pen.textbbox(at, text, font=font)))
    return np.array(image), boxes


@pytest.mark.model
def test_text_is_found_wherever_it_stands() -> None:
    draw, found, whole = random.Random(5), 0, 0
    for _ in range(12):
        pixels, boxes = drawn(draw)
        covered = np.zeros((SIDE, SIDE), dtype=bool)
        for region in find_text(pixels):
            covered[region.top : region.bottom, region.left : region.right] |= region.verdict != "keep"
        for left, top, right, bottom in boxes:
            whole += 1
            found += bool(covered[top:bottom, left:right].mean() >= 0.85)
    assert found / whole >= 0.99


@pytest.mark.parametrize(
    ("box", "is_one"),
    [
        ((0, 0, 512, 512), True),
        ((100, 100, 300, 320), True),
        ((10, 10, 120, 30), False),
        # A line across a narrow strip, and a mark on a small picture.
        ((0, 10, 500, 130), False),
        ((10, 10, 40, 50), False),
    ],
)
def test_what_is_no_line_of_text(box: tuple[int, int, int, int], is_one: bool) -> None:
    assert _is_structure(box, 512) is is_one


@pytest.mark.model
@pytest.mark.parametrize("side", [64, 256, 512])
def test_a_head_is_no_letter(side: int) -> None:
    down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    away = np.hypot(down / 0.9, across / 0.75)
    head = np.where(away < 1, 90, 0) + np.where((away > 0.88) & (away < 1), 120, 0)
    noise = np.random.default_rng(3).normal(0, 6, (side, side))
    grey = np.clip(head + noise, 0, 255).astype(np.uint8)
    covered = np.zeros((side, side), dtype=bool)
    for region in find_text(np.repeat(grey[:, :, None], 3, axis=2)):
        covered[region.top : region.bottom, region.left : region.right] = True
    assert covered.mean() < 0.1


@pytest.mark.model
def test_nothing_is_fetched_to_find_text(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refused(*arguments: object, **options: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refused)
    assert find_text(np.zeros((64, 64, 3), dtype=np.uint8)) == []
