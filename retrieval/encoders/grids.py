"""How many patches an image has along each side."""

from __future__ import annotations

# Along the longer side, as they are stored for search; `fine` maps have three times as many.
PATCHES = 16


def patch_grid(width: int, height: int, longest: int) -> tuple[int, int]:
    """(rows, columns): `longest` along the longer side, and what keeps patches nearly square along the other.

    An image of any shape has at least one patch along each side.
    """
    most = max(width, height)
    return max(1, round(longest * height / most)), max(1, round(longest * width / most))
