import numpy as np
import pytest

from cdss.library.phantoms.masked import LESION, STRUCTURES, Structure, masked_phantom


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
def test_each_seed_shows_the_structure_elsewhere(structure: Structure) -> None:
    one, again, other = (masked_phantom(structure, seed, size=96) for seed in (11, 11, 12))
    assert np.array_equal(one.pixels, again.pixels)
    assert np.array_equal(one.mask, again.mask)
    assert one.pixels.shape == (96, 96, 3)
    for each in (one, other):
        assert 10 < each.mask.sum() < 0.5 * each.mask.size
    assert not np.array_equal(one.mask, other.mask)


def test_the_mask_is_the_geometry_that_was_painted() -> None:
    """Inside of a nodule it is bright, and just outside it is lung."""
    nodule = next(structure for structure in STRUCTURES if structure.area == LESION and structure.base == "chest_ct")
    made = masked_phantom(nodule, 5, size=192)
    grey = made.pixels[..., 0]
    around = np.zeros_like(made.mask)
    for shift in (-4, 4):
        for axis in (0, 1):
            around |= np.roll(made.mask, shift, axis=axis)
    assert grey[made.mask].mean() > grey[around & ~made.mask].mean() + 40
