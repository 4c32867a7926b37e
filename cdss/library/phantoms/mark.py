"""The word that every phantom carries, in letters of its own so that no font changes the picture."""

import numpy as np

from cdss.library.phantoms.canvas import Array

LETTERS = {
    "S": ("111", "100", "111", "001", "111"),
    "Y": ("101", "101", "010", "010", "010"),
    "N": ("1001", "1101", "1011", "1001", "1001"),
    "T": ("111", "010", "010", "010", "010"),
    "H": ("101", "101", "111", "101", "101"),
    "E": ("111", "100", "110", "100", "111"),
    "I": ("1", "1", "1", "1", "1"),
    "C": ("111", "100", "100", "100", "111"),
}
WORD = "SYNTHETIC"
MARGIN = 4


def mark_bitmap() -> Array:
    rows = ["0".join(LETTERS[letter][row] for letter in WORD) for row in range(5)]
    return np.array([[float(bit) for bit in row] for row in rows])


def stamp(pixels: Array) -> Array:
    """The word at the bottom left, on a dark plate so that it reads on any ground."""
    marked = pixels.copy()
    bitmap = mark_bitmap()
    height, width = bitmap.shape
    bottom = marked.shape[0] - MARGIN
    plate = np.s_[bottom - height - 2 : bottom + 2, MARGIN - 2 : MARGIN + width + 2]
    marked[plate] *= 0.25
    letters = np.s_[bottom - height : bottom, MARGIN : MARGIN + width]
    marked[letters] = np.maximum(marked[letters], bitmap * 0.62)
    return marked
