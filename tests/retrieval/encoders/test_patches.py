"""Patches of every encoder: a grid over the whole image, of unit vectors, always the same."""

import numpy as np
import pytest

from retrieval.encoders.grids import patch_grid
from retrieval.encoders.hashing import HashingImageEncoder
from retrieval.errors import EncoderError
from retrieval.types import PatchEncoder, PatchMap, Pixels


def picture(height: int, width: int) -> Pixels:
    return np.random.default_rng(height + width).integers(0, 255, (height, width, 3), dtype=np.uint8)


def assert_whole(patches: PatchMap, image: Pixels, rows: int, columns: int) -> None:
    assert (patches.rows, patches.columns) == (rows, columns)
    assert (patches.height, patches.width) == image.shape[:2]
    assert patches.vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(patches.vectors, axis=-1), 1.0, atol=1e-4)


@pytest.mark.parametrize(
    ("width", "height", "grid"),
    [(100, 100, (16, 16)), (200, 100, (8, 16)), (1, 9000, (16, 1)), (1, 1, (16, 16)), (333, 200, (10, 16))],
)
def test_a_grid_is_bounded_and_nearly_square(width: int, height: int, grid: tuple[int, int]) -> None:
    assert patch_grid(width, height, 16) == grid


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 120), (1, 300), (1, 1)])
def test_hashing_patches_cover_the_image(height: int, width: int) -> None:
    encoder = HashingImageEncoder()
    assert isinstance(encoder, PatchEncoder)
    image = picture(height, width)
    for fine, longest in ((False, 16), (True, 48)):
        (patches,) = encoder.patches([image], fine=fine)
        assert_whole(patches, image, *patch_grid(width, height, longest))
        assert np.array_equal(patches.vectors, encoder.patches([image], fine=fine)[0].vectors)


def test_hashing_patches_tell_bright_from_dark() -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[:, 32:] = 230
    (patches,) = HashingImageEncoder().patches([image])
    left, right = patches.vectors[8, 2], patches.vectors[8, 13]
    assert left @ patches.vectors[3, 4] > 0.99
    assert left @ right < 0.0


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_image_is_refused(bad: Pixels) -> None:
    with pytest.raises(EncoderError):
        HashingImageEncoder().patches([bad])


@pytest.mark.model
def test_the_built_in_encoder_sees_a_moved_patch_where_it_moved_to() -> None:
    from retrieval.encoders.builtin import BuiltinImageEncoder

    encoder = BuiltinImageEncoder()
    assert isinstance(encoder, PatchEncoder)
    assert encoder.patches_version.startswith("builtin-lite0@")
    one = np.full((256, 256, 3), 30, dtype=np.uint8)
    other = one.copy()
    spot = picture(64, 64)
    one[32:96, 32:96], other[160:224, 128:192] = spot, spot
    for fine in (False, True):
        first, second = encoder.patches([one, other], fine=fine)
        assert_whole(first, one, *((48, 48) if fine else (16, 16)))
        share = first.rows / 256
        middle = first.vectors[int(64 * share), int(64 * share)]
        row, column = np.unravel_index(int((second.vectors @ middle).argmax()), second.vectors.shape[:2])
        assert abs(row / share - 192) <= 16
        assert abs(column / share - 160) <= 16


@pytest.mark.model
@pytest.mark.parametrize(("name", "side"), [("ViT-S-32", 7), ("RN50", 7), ("vit_medium_patch16_gap_256", 16)])
def test_tokens_of_any_open_clip_tower_cover_the_image(name: str, side: int) -> None:
    import open_clip

    from retrieval.encoders.token_patches import token_map

    model = open_clip.create_model(name, pretrained=None).eval()
    image = picture(90, 180)
    patches = token_map(model.visual, dict(model.visual.preprocess_cfg), image, name=name)
    assert_whole(patches, image, round(side / 2), side)


@pytest.mark.model
def test_a_tower_without_patches_says_so() -> None:
    from retrieval.encoders.token_patches import token_map

    settings = {"size": 32, "mean": [0.5] * 3, "std": [0.5] * 3}
    with pytest.raises(EncoderError, match="gives no map of its patches"):
        token_map(object(), settings, picture(32, 32), name="other")
