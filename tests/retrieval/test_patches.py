import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import ImageError
from retrieval.patches import (
    COMPACT_WIDTH,
    best_matches,
    checked_box,
    coverage,
    packed,
    patch_box,
    pooled,
    projected,
    similarity_maps,
    unpacked,
)
from retrieval.types import Box, PatchMap


def patches_of(rows: int = 8, columns: int = 8, width: int = 384, seed: int = 0, pixels: int = 10) -> PatchMap:
    vectors = np.random.default_rng(seed).standard_normal((rows, columns, width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return PatchMap(vectors, columns * pixels, rows * pixels)


def test_what_was_packed_is_nearly_what_it_was() -> None:
    patches = patches_of()
    data = packed(patches)
    assert len(data) == 8 * 8 * COMPACT_WIDTH
    back = unpacked(data, rows=8, columns=8, width=80, height=80)
    assert ((back.vectors * projected(patches).vectors).sum(axis=-1) > 0.999).all()


def test_the_compact_space_keeps_cosines() -> None:
    # Vectors of one direction and some noise, as patches of one tissue are.
    patches = patches_of(seed=1)
    near = patches.vectors + 0.5 * patches.vectors[0, 0]
    near /= np.linalg.norm(near, axis=-1, keepdims=True)
    small = projected(PatchMap(near, 80, 80)).vectors
    assert np.abs(near @ near[0, 0] - small @ small[0, 0]).max() < 0.25


def test_narrow_vectors_are_kept_as_they_are() -> None:
    patches = patches_of(width=9)
    assert projected(patches) is patches
    assert len(packed(patches)) == 8 * 8 * 9


@pytest.mark.parametrize(("data", "rows"), [(b"", 8), (b"x" * 63, 8), (b"x" * 64, 0)])
def test_bytes_of_another_size_are_refused(data: bytes, rows: int) -> None:
    with pytest.raises(ImageError, match="build_index --patches"):
        unpacked(data, rows=rows, columns=8, width=80, height=80)


@pytest.mark.parametrize(
    ("box", "says"),
    [
        (Box(0, 0, 0, 10), "no area"),
        (Box(0, 0, 10, -1), "no area"),
        (Box(100, 0, 10, 10), "outside the image"),
        (Box(-20, 0, 10, 10), "outside the image"),
        (Box(float("nan"), 0, 10, 10), "not made of numbers"),
        (Box(0, 0, float("inf"), 10), "not made of numbers"),
    ],
)
def test_a_box_that_cannot_be_is_refused(box: Box, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        checked_box(box, width=100, height=50)


def test_a_box_is_cut_to_the_image() -> None:
    assert checked_box(Box(-5, 40, 20, 1e12), width=100, height=50) == Box(0, 40, 15, 10)


@given(st.floats(0, 79), st.floats(0, 79), st.floats(0.1, 80), st.floats(0.1, 80))
def test_coverage_adds_up_to_the_area(x: float, y: float, width: float, height: float) -> None:
    patches = patches_of(width=4)
    box = checked_box(Box(x, y, width, height), width=80, height=80)
    assert coverage(patches, box).sum() * 100 == pytest.approx(box.width * box.height, rel=1e-3)
    assert np.linalg.norm(pooled(patches, box)) == pytest.approx(1.0, abs=1e-4)


def test_a_patch_is_the_pool_of_its_own_box() -> None:
    patches = patches_of(width=16)
    assert np.allclose(pooled(patches, patch_box(patches, 3, 5)), patches.vectors[3, 5], atol=1e-5)


def test_matching_patches_are_found_where_they_are() -> None:
    query, other = patches_of(width=64, seed=2), patches_of(width=64, seed=3)
    other.vectors[6, 1] = query.vectors[2, 3]
    other.vectors[0, 7] = query.vectors[3, 3]
    box = Box(30, 20, 10, 20)
    on_query, on_other = similarity_maps(query, box, other)
    assert np.isfinite(on_query).sum() == 2
    assert on_query[2, 3] == pytest.approx(1.0, abs=1e-4)
    assert on_other[6, 1] == pytest.approx(1.0, abs=1e-4)
    assert on_other.max() <= 1.0 + 1e-4
    assert {(match.query, match.other) for match in best_matches(query, box, other)} == {
        ((2, 3), (6, 1)),
        ((3, 3), (0, 7)),
    }


def test_a_box_within_one_patch_still_matches() -> None:
    query, other = patches_of(width=64, seed=2), patches_of(width=64, seed=3)
    on_query, _ = similarity_maps(query, Box(41, 52, 1, 1), other)
    assert np.argwhere(np.isfinite(on_query)).tolist() == [[5, 4]]
    assert len(best_matches(query, Box(0, 0, 80, 80), other, most=3)) <= 3
