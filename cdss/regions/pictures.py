"""A mask as a picture to lay over its image: see-through, with a rim that is not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdss.regions.masks import Mask

# The colour of marks on images: it reads on black and on white.
COLOUR = (255, 190, 40)
INSIDE, RIM = 90, 255


def overlay_png(mask: Mask) -> bytes:
    import numpy as np
    from PIL import Image

    inner = mask.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        inner &= np.roll(mask, step, axis=axis)
    pixels = np.zeros((*mask.shape, 4), dtype=np.uint8)
    pixels[mask] = (*COLOUR, INSIDE)
    pixels[mask & ~inner] = (*COLOUR, RIM)
    data = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(data, "PNG")
    return data.getvalue()
