"""A large picture is read within the memory of one reader: eight bytes a pixel, whatever its depth."""

import numpy as np
import pytest

from cdss.reading import door
from retrieval.sandbox import Spending
from retrieval.sandbox.spending import MEGABYTE
from tests.retrieval.dicom_files import dicom_bytes

# What decoders need that does not grow with the picture: bands, tables.
BESIDE = 48 * MEGABYTE


def test_sixteen_bits_take_no_more_than_their_share() -> None:
    side = 4000
    ramp = np.add.outer(np.arange(side, dtype=np.uint32), np.arange(side, dtype=np.uint32)) % 4096
    data = dicom_bytes(ramp.astype(np.uint16))
    spent = Spending(memory=door.BYTES_A_PIXEL * side * side + BESIDE)
    limits = {"max_bytes": len(data), "max_pixels": side * side}
    told = {"limits": limits, "kept_frames": 1}
    part = door._readers.run(f"{door.IMAGES}:image", data, told, spending=spent)
    assert (part.facts["width"], part.facts["height"]) == (side, side)


@pytest.mark.faults
def test_the_largest_picture_that_is_accepted_is_read_at_sixteen_bits() -> None:
    data = dicom_bytes(np.tile(np.arange(8000, dtype=np.uint16), (8000, 1)))
    part = door.read(f"{door.IMAGES}:image", data, kept_frames=24)
    print(f"\n64 megapixels at 16 bits: a child held at most {door._readers.peak // MEGABYTE} MB")
    assert part.facts["width"] * part.facts["height"] == 64_000_000
    assert door._readers.peak <= 512 * MEGABYTE
