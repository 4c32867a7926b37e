"""What other rooms keep of a case that is imported, and give to one that is exported: they say so when they start.

A keeper is asked in the import's transaction. What a row holds for it beside its fields is untrusted, and its to check.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cdss.accounts.models import User
from cdss.library.case_images import ReadImage, digests_of
from cdss.library.models import Case, CaseImage
from cdss.library.rows import CaseRow
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked
from cdss.numbers import is_whole


@dataclass(frozen=True, slots=True)
class Arrived:
    """`known`: its pixels are known to show no text that names anybody."""

    case: Case
    row: CaseRow
    images: Sequence[ReadImage]
    owner: User | None
    known: bool = False

    def said(self, name: str) -> list[dict[str, Any]]:
        """What stands beside the case under this name; nothing while the site takes text alone."""
        beside = self.row.beside
        return beside.said.get(name, []) if beside and not is_locked(Mode.TEXT_ONLY) else []

    def image_named(self, place: object) -> CaseImage | None:
        """The image an entry names by its place in the row, counted from 1."""
        digests = digests_of(self.row.images, self.images)
        if not is_whole(place) or not 1 <= place <= len(digests):
            return None
        return CaseImage.objects.filter(case=self.case, sha256=digests[place - 1]).first()


class Keeper(Protocol):
    def __call__(self, arrived: Arrived, /) -> Sequence[str]:
        """Returns what could not be kept, and why."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """`said` is JSON that names the files; an importer hands both to the keepers of the same names."""

    said: dict[str, Any]
    files: Iterator[tuple[str, bytes]]


class Giver(Protocol):
    def __call__(self, *, case: Case, images: Sequence[CaseImage], folder: str) -> Given:
        """Of the images that go out, in their order: they are named by their places, counted from 1."""
        ...


_keepers: list[Keeper] = []
_givers: dict[Giver, tuple[str, ...]] = {}


def keeper_add(keeper: Keeper) -> None:
    if keeper not in _keepers:
        _keepers.append(keeper)


def giver_add(giver: Giver, *, needs: tuple[str, ...]) -> None:
    """`needs` are relations of a case that it looks at: they are fetched for many cases at once."""
    _givers[giver] = needs


def givers_need() -> list[str]:
    return [name for needs in _givers.values() for name in needs]


def keep(arrived: Arrived) -> list[str]:
    return [problem for keeper in _keepers for problem in keeper(arrived)]


def given_of(*, case: Case, images: Sequence[CaseImage], folder: str = "") -> list[Given]:
    return [giver(case=case, images=images, folder=folder) for giver in _givers]
