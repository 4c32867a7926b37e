import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from retrieval.imaging import mask_overlays

MARK = "SampleAtlas®"
FOOTER = "https://atlas.example.org/0123456789abcdef,Uploader : An Invented Name,12-22-2005"


def body(size: int = 384, background: int = 0) -> Image.Image:
    """A bright outline with a soft inside on a dark field, as a slice through a head looks."""
    image = Image.new("L", (size, size), background)
    draw = ImageDraw.Draw(image)
    draw.ellipse((60, 60, size - 60, size - 70), fill=110, outline=240, width=8)
    draw.ellipse((150, 140, 220, 230), fill=30)
    return image


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


def with_mark(image: Image.Image, grey: int = 140) -> Image.Image:
    marked = image.copy()
    ImageDraw.Draw(marked).text((image.width - 100, 4), MARK, fill=grey, font=ImageFont.load_default(14))
    return marked


def with_footer(image: Image.Image, grey: int = 150) -> Image.Image:
    marked = image.copy()
    draw = ImageDraw.Draw(marked)
    draw.rectangle((0, image.height - 26, image.width, image.height), fill=0)
    draw.text((4, image.height - 24), FOOTER[:58], fill=grey, font=ImageFont.load_default(9))
    draw.text((60, image.height - 13), FOOTER[58:], fill=grey, font=ImageFont.load_default(9))
    return marked


@pytest.mark.parametrize("background", [0, 20, 90])
def test_a_corner_mark_goes_and_the_rest_stays(background: int) -> None:
    clean, marked = pixels(body(background=background)), pixels(with_mark(body(background=background), 190))
    masked = mask_overlays(marked)
    assert np.abs(masked.astype(int) - clean).max() <= 8
    assert np.abs(marked.astype(int) - clean).max() > 60


@pytest.mark.parametrize("grey", [60, 150, 255])
def test_a_footer_goes_whatever_its_brightness(grey: int) -> None:
    masked = mask_overlays(pixels(with_footer(body(), grey)))
    assert masked[-26:].max() <= 20
    assert np.array_equal(masked[:-30], pixels(body())[:-30])


def test_mark_and_footer_together() -> None:
    masked = mask_overlays(pixels(with_footer(with_mark(body()))))
    assert np.abs(masked.astype(int) - pixels(body())).max() <= 20


def test_an_image_without_marks_is_the_same_array() -> None:
    clean = pixels(body())
    assert mask_overlays(clean) is clean


def test_anatomy_at_the_edges_is_left_alone() -> None:
    image = body()
    draw = ImageDraw.Draw(image)
    # A table under the patient, a limb in the corner.
    draw.rectangle((40, 372, 340, 377), fill=200)
    draw.ellipse((300, -60, 420, 40), fill=160)
    clean = pixels(image)
    assert np.array_equal(mask_overlays(clean), clean)


def test_noise_and_texture_over_the_whole_image_are_left_alone() -> None:
    noise = np.random.default_rng(2).integers(60, 200, (200, 200), dtype=np.uint8)
    clean = pixels(Image.fromarray(noise))
    assert np.array_equal(mask_overlays(clean), clean)


def test_the_input_is_not_changed_and_tiny_images_are_passed_over() -> None:
    marked = pixels(with_footer(body()))
    before = marked.copy()
    mask_overlays(marked)
    assert np.array_equal(marked, before)
    tiny = marked[:40, :40]
    assert mask_overlays(tiny) is tiny
