"""What other rooms keep of a case that is imported: they say so when they start, and are asked in its transaction."""

from collections.abc import Sequence
from typing import Protocol

from cdss.library.case_images import ReadImage
from cdss.library.models import Case
from cdss.library.rows import CaseRow


class Keeper(Protocol):
    def __call__(self, *, case: Case, row: CaseRow, images: Sequence[ReadImage]) -> None: ...


_keepers: list[Keeper] = []


def keeper_add(keeper: Keeper) -> None:
    if keeper not in _keepers:
        _keepers.append(keeper)


def keep(*, case: Case, row: CaseRow, images: Sequence[ReadImage]) -> None:
    for keeper in _keepers:
        keeper(case=case, row=row, images=images)
