from collections.abc import Iterable, Iterator
from typing import TypeVar

Row = TypeVar("Row")
# A database takes only so many values in one query.
IDS_AT_ONCE = 900


def pieces(rows: Iterable[Row], size: int = IDS_AT_ONCE) -> Iterator[list[Row]]:
    piece: list[Row] = []
    for row in rows:
        piece.append(row)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
