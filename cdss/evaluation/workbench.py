"""What the suites of one run share: the cases, what each leaves out, and answers that are asked for only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from cdss.consultations.evidence import Scope
from cdss.consultations.exclusion import case_words, own_items
from cdss.consultations.pipeline import Outcome, Unwatched, consult
from cdss.evaluation.baselines import encoded
from cdss.evaluation.cases import KnownCase, KnownImage
from cdss.evaluation.figures import Asked
from cdss.library.models import Case
from cdss.reading import door
from retrieval.copies import nearly_the_same, words_of
from retrieval.types import Ids, Pixels, Vectors

T = TypeVar("T")
# What is done, how much of it, of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Workbench:
    cases: Sequence[KnownCase]
    seed: int
    progress: Progress = lambda step, done, total: None
    # Whether the consultations are given the images of their cases too.
    with_images: bool = False
    # At most so many texts and cases; None: all there are.
    limit: int | None = None
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    def each(self, rows: Sequence[T], step: str) -> Iterator[T]:
        self.progress(step, 0, len(rows))
        for done, row in enumerate(rows, start=1):
            yield row
            self.progress(step, done, len(rows))

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What several suites need is made by the first of them."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def asked(self, places: Sequence[int]) -> Asked:
        """One row for each place in `cases`; a place may be there several times."""
        rows = np.array(places, dtype=np.int64)
        return Asked(rows, self.seed, self.given_away[rows])

    @cached_property
    def given_away(self) -> np.ndarray:
        return np.array([known.given_away for known in self.cases], dtype=bool)

    @cached_property
    def texts(self) -> list[str]:
        return [known.case.text for known in self.cases]

    @cached_property
    def vectors(self) -> Vectors:
        return encoded(self.texts)

    @cached_property
    def excluded(self) -> list[Ids]:
        """Of each case: its own item, its patient's others, cases with the same image, and copies of its words."""
        library = Case.objects.published().only("pk", "history", "exam", "findings")
        words = {item.pk: words_of(case_words(item)) for item in library}
        return [np.union1d(own_items(known.source_id), copies_of(known.case.text, words)) for known in self.cases]

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """Of each case: the whole consultation, its own source and copies of it kept out of the evidence."""
        asked = list(zip(self.cases, self.excluded, strict=True))
        return [self._consulted(known, left_out) for known, left_out in self.each(asked, "consultations")]

    def _consulted(self, known: KnownCase, left_out: Ids) -> Outcome:
        images = known.images if self.with_images else ()
        return consult(
            case=known.case,
            load_pixels=lambda: [frame for image in images for frame in pixels_of(image)],
            scope=Scope(excluded_source_id=known.source_id, left_out=left_out),
            watch=Unwatched(),
        )


def copies_of(text: str, library: Mapping[int, frozenset[str]]) -> Ids:
    mine = words_of(text)
    return np.array([item for item, theirs in library.items() if nearly_the_same(mine, theirs)], dtype=np.int64)


def pixels_of(image: KnownImage) -> list[Pixels]:
    """Raises ImageError, and LockedError where the site is locked to text."""
    from cdss.library.intake import stored_pixels

    if image.stored is not None:
        return stored_pixels(image.stored)
    return door.frames_of(image.path) if image.path else []
