import numpy as np
import pytest

from cdss.library.phantoms.masked import STRUCTURES, masked_phantom
from retrieval.encoders.hashing import HashingImageEncoder
from retrieval.errors import ImageError
from retrieval.segmentation import MOST_PATCHES, Support, dice, guided, mean_mask, patch_shares, propose_mask
from retrieval.types import Mask, Pixels

LIVER = next(structure for structure in STRUCTURES if structure.name == "liver, CT")
ENCODER = HashingImageEncoder()


def support(pixels: Pixels, mask: Mask) -> Support:
    return Support(ENCODER.patches([pixels], fine=True)[0], mask)


def test_dice_counts_the_common_area_twice() -> None:
    one, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert dice(one, other) == 1.0
    one[:2], other[1:3] = True, True
    assert dice(one, other) == 0.5
    assert dice(one, ~one) == 0.0


def test_a_square_is_found_where_it_moved_to() -> None:
    def square(top: int, left: int) -> tuple[Pixels, Mask]:
        mask = np.zeros((96, 96), bool)
        mask[top : top + 30, left : left + 24] = True
        return np.where(mask[..., None], 200, 60).astype(np.uint8).repeat(3, axis=2), mask

    known = support(*square(20, 20))
    pixels, wanted = square(50, 44)
    proposed = propose_mask(pixels, ENCODER.patches([pixels], fine=True)[0], [known])
    assert proposed.dtype == bool
    assert dice(proposed, wanted) > 0.95
    assert dice(mean_mask([known.mask], width=96, height=96), wanted) < 0.1


def test_a_liver_is_proposed_from_two_better_than_by_their_mean() -> None:
    made = [masked_phantom(LIVER, seed, size=128) for seed in (1, 2, 3)]
    new = made[2]
    proposed = propose_mask(
        new.pixels,
        ENCODER.patches([new.pixels], fine=True)[0],
        [support(each.pixels, each.mask) for each in made[:2]],
    )
    average = mean_mask([each.mask for each in made[:2]], width=128, height=128)
    assert dice(proposed, new.mask) > dice(average, new.mask)
    assert dice(proposed, new.mask) > 0.8


def test_supports_of_other_sizes_and_shapes_serve() -> None:
    mask = np.zeros((60, 200), bool)
    mask[:, 100:] = True
    pixels = np.where(mask[..., None], 220, 20).astype(np.uint8).repeat(3, axis=2)
    new = np.full((96, 96, 3), 20, dtype=np.uint8)
    new[48:] = 220
    proposed = propose_mask(new, ENCODER.patches([new], fine=True)[0], [support(pixels, mask)])
    assert proposed[60:].mean() > 0.9
    assert proposed[:36].mean() < 0.1


def test_an_image_without_the_structure_gets_an_empty_mask() -> None:
    mask = np.zeros((96, 96), bool)
    mask[20:50, 20:50] = True
    pixels = np.where(mask[..., None], 255, 60).astype(np.uint8).repeat(3, axis=2)
    plain = np.full((96, 96, 3), 60, dtype=np.uint8)
    assert not propose_mask(plain, ENCODER.patches([plain], fine=True)[0], [support(pixels, mask)]).any()


def test_many_supports_stay_bounded() -> None:
    made = masked_phantom(LIVER, 4, size=96)
    known = support(made.pixels, made.mask)
    count = MOST_PATCHES // (known.patches.rows * known.patches.columns) + 3
    proposed = propose_mask(made.pixels, known.patches, [known] * count)
    assert dice(proposed, made.mask) > 0.9


def test_without_a_support_it_says_what_to_do() -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(ImageError, match="mask the structure on at least one image"):
        propose_mask(pixels, ENCODER.patches([pixels], fine=True)[0], [])


def test_a_mask_of_another_size_is_refused() -> None:
    patches = ENCODER.patches([np.zeros((20, 30, 3), np.uint8)], fine=True)[0]
    with pytest.raises(ImageError, match="30 × 20"):
        patch_shares(np.zeros((30, 20), bool), patches)
    assert patch_shares(np.ones((20, 30), bool), patches).min() == 1.0


def test_smoothing_keeps_an_edge_of_the_image() -> None:
    image = np.zeros((256, 256, 3), np.uint8)
    image[:, 128:] = 255
    blurred = np.clip((np.arange(256) - 118) / 20, 0, 1)[None].repeat(256, axis=0)
    sharp = guided(image, blurred)
    assert sharp[128, 129] - sharp[128, 126] > 2 * (blurred[128, 129] - blurred[128, 126])
