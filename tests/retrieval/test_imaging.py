import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from retrieval.errors import ImageError
from retrieval.images import sample_indices, stretch
from retrieval.imaging import Limits, embedded_metadata, load_pixels, probe, read_frames

SMALL = Limits(max_bytes=2_000_000, max_pixels=100_000, max_frames=50)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def ramp(dtype: type = np.uint8, top: int = 255, size: tuple[int, int] = (20, 30)) -> np.ndarray:
    return np.linspace(0, top, size[0] * size[1]).reshape(size).astype(dtype)


def png_header(width: int, height: int) -> bytes:
    """A PNG of any size without the pixels: what a header check alone must refuse."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_every_format_is_read_as_rgb(format: str) -> None:
    colour = np.zeros((20, 30, 3), dtype=np.uint8)
    colour[:, 10:] = (200, 100, 50)
    data = encoded(Image.fromarray(colour), format)
    header, frames = probe(data), read_frames(data)
    assert (header.format, header.width, header.height, header.frames, header.bits) == (format, 30, 20, 1, 8)
    assert len(frames) == 1
    assert frames[0].shape == (20, 30, 3)
    assert frames[0].dtype == np.uint8
    assert np.abs(frames[0][10, 25].astype(int) - (200, 100, 50)).max() <= 8


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_stretched_over_its_own_range(format: str) -> None:
    # Twelve bits in sixteen: shown as it stands it would be nearly black.
    data = encoded(Image.fromarray(ramp(np.uint16, 4095)), format)
    assert probe(data).bits == 16
    frame = read_frames(data)[0]
    assert frame.min() == 0
    assert frame.max() == 255
    assert np.all(np.diff(frame[..., 0].reshape(-1).astype(int)) >= 0)


def test_eight_bit_grey_is_left_as_it_is() -> None:
    grey = ramp() // 2 + 10
    assert np.array_equal(read_frames(encoded(Image.fromarray(grey), "PNG"))[0][..., 1], grey)


def test_a_tiff_whose_zero_is_white_is_turned_round() -> None:
    values = ramp(np.uint16, 60_000)
    plain = read_frames(encoded(Image.fromarray(values), "TIFF"))[0]
    turned = read_frames(encoded(Image.fromarray(values), "TIFF", tiffinfo={262: 0}))[0]
    assert plain[0, 0, 0] == 0
    assert turned[0, 0, 0] == 255


def test_floating_point_greys_are_read() -> None:
    data = encoded(Image.fromarray(ramp(np.float32, 1)), "TIFF")
    assert read_frames(data)[0].max() == 255


def test_palette_and_transparency_lie_on_black() -> None:
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 220, 30])
    assert tuple(read_frames(encoded(palette, "PNG"))[0][4, 4]) == (10, 220, 30)
    clear = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    assert read_frames(encoded(clear, "PNG"))[0].max() == 0
    half = Image.new("LA", (8, 8), (200, 128))
    assert 95 <= read_frames(encoded(half, "PNG"))[0][0, 0, 0] <= 105


def test_a_turned_photograph_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("RGB", (30, 20)), "JPEG", exif=exif)
    assert read_frames(data)[0].shape == (30, 20, 3)
    assert embedded_metadata(data) == 1


def test_frames_of_a_stack_are_sampled_evenly() -> None:
    pages = [Image.new("L", (8, 8), value) for value in range(0, 200, 10)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert probe(data).frames == 20
    assert [int(frame[0, 0, 0]) for frame in read_frames(data, max_frames=3)] == [0, 100, 190]


def test_a_stack_of_large_frames_is_sampled_within_the_pixel_budget() -> None:
    pages = [Image.new("L", (200, 200), value) for value in range(10)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert len(read_frames(data, limits=SMALL, max_frames=10)) == 2


@pytest.mark.parametrize(
    ("frames", "wanted", "indices"),
    [(1, 8, [0]), (5, 5, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8]), (100, 1, [50]), (100, 2, [0, 99])],
)
def test_sample_indices(frames: int, wanted: int, indices: list[int]) -> None:
    assert sample_indices(frames, wanted) == indices


def test_stretch_ignores_outliers_padding_and_what_is_not_finite() -> None:
    values = np.tile(np.linspace(100.0, 200.0, 1000), (10, 1))
    values[0, :10] = 60_000
    values[1, :10] = np.nan
    shown = stretch(values)
    assert 110 <= np.median(shown) <= 145
    padded = np.where(np.arange(1000) < 500, -2000.0, values)
    assert stretch(padded, ignore=padded == -2000.0)[5, 999] > 245
    assert stretch(np.zeros((4, 4))).max() == 0


@pytest.mark.parametrize("data", [b"not an image", b"%PDF-1.7 and so on", b"\0" * 5000, b"GIF89a" + b"\0" * 200])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    for read in (probe, read_frames):
        with pytest.raises(ImageError, match="not an image"):
            read(data)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(ImageError, match="empty"):
        read_frames(b"")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_a_truncated_image_is_refused(format: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), format)
    with pytest.raises(ImageError):
        read_frames(data[: len(data) // 2])


@pytest.mark.parametrize("width", [30_000, 9_000])
def test_a_huge_png_is_refused_by_its_header(width: int) -> None:
    for read in (probe, read_frames):
        with pytest.raises(ImageError, match=f"{width:,} × {width:,}.*64 megapixels|megapixels.*64"):
            read(png_header(width, width))


def test_a_huge_webp_is_refused_before_its_canvas_is_made() -> None:
    body = b"\x10\0\0\0" + (16_000 - 1).to_bytes(3, "little") * 2
    chunk = b"VP8X" + struct.pack("<I", 10) + body
    data = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk + b"\0" * 32
    with pytest.raises(ImageError, match="16,000 × 16,000"):
        read_frames(data)


def test_too_many_pages_and_too_many_bytes_are_refused() -> None:
    pages = [Image.new("L", (4, 4))] * 60
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    with pytest.raises(ImageError, match="51 frames; at most 50"):
        probe(data, limits=SMALL)
    with pytest.raises(ImageError, match="at most 2 MB"):
        probe(b"\0" * 2_000_001, limits=SMALL)


def test_a_message_never_holds_a_path(tmp_path) -> None:
    path = tmp_path / "missing.png"
    with pytest.raises(ImageError, match=r"^missing\.png: "):
        load_pixels(path)


def test_a_folder_of_frames_is_loaded_in_order(tmp_path) -> None:
    for number in range(12):
        Image.new("L", (4, 4), number).save(tmp_path / f"{number:04}.png")
    assert [int(frame[0, 0, 0]) for frame in load_pixels(tmp_path)] == sample_indices(12, 8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no frames"):
        load_pixels(tmp_path / "empty")


def test_one_readers_limit_is_not_lowered_by_anothers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow has one limit for the whole process; ours is each reader's own."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    large, small = Limits(max_pixels=1_000_000), Limits(max_pixels=100)
    data = encoded(Image.fromarray(ramp(size=(600, 600))), "PNG")

    def refused(_: int) -> bool:
        with pytest.raises(ImageError, match="pixels"):
            read_frames(data, limits=small)
        return True

    with ThreadPoolExecutor(4) as pool:
        sizes = pool.map(lambda _: read_frames(data, limits=large)[0].shape, range(40))
        refusals = pool.map(refused, range(40))
        assert set(sizes) == {(600, 600, 3)}
        assert all(refusals)
    assert Image.MAX_IMAGE_PIXELS == 1_000_000
