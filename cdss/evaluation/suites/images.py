"""From an image to one of the same kind, and from words to an image of the same case."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cdss.evaluation.cases import KnownImage
from cdss.evaluation.figures import PRODUCT, Asked, Result
from cdss.evaluation.suites.described import described_figures
from cdss.evaluation.suites.nearest import nearest_images
from cdss.evaluation.suites.unseen import unseen_nearest
from cdss.evaluation.workbench import Workbench, pixels_of
from cdss.indexing.searching import search_library_each
from cdss.library.models import CaseImage, State
from cdss.reasoning.concepts import concept_of
from retrieval.errors import ImageError
from retrieval.imaging import mask_overlays
from retrieval.types import Ids, Query

CHANCE = "chance"
KIND, CLASS = "same modality and region P@1", "same diagnosis P@1"


@dataclass(frozen=True, slots=True)
class Seen:
    """What an image of the library shows: its case, modality and region, and the concept of its diagnosis."""

    case: int
    kind: tuple[str, str]
    diagnosis: str


@dataclass(frozen=True, slots=True)
class Asking:
    """One image as a query: the place of its case among those of the run."""

    place: int
    image: KnownImage
    kind: tuple[str, str]
    diagnosis: str


def run(bench: Workbench) -> Result:
    library = _library()
    asking = _asking(bench)
    result = Result()
    if not asking or not library:
        result.notes.append("There are no images to ask with, or none to find.")
        return result
    cases = {pk: seen.case for pk, seen in library.items()}
    tops = {PRODUCT: _searched(bench, asking, cases, result)} | nearest_images(
        [(each.place, each.image) for each in asking], bench.excluded, cases
    )
    _score(bench, asking, library, tops, result)
    described_figures(bench, result)
    return result


def _score(
    bench: Workbench,
    asking: Sequence[Asking],
    library: Mapping[int, Seen],
    tops: Mapping[str, Sequence[int | None]],
    result: Result,
) -> None:
    chances = _Chances(library, bench.excluded)
    for measure, label in ((KIND, "kind"), (CLASS, "diagnosis")):
        wanted = [getattr(each, label) for each in asking]
        # Where no other case of the library could answer, the question is not asked.
        chance = [
            chances.of(each.place, label, want) if _told(want) else 0.0
            for each, want in zip(asking, wanted, strict=True)
        ]
        rows = [row for row, value in enumerate(chance) if value > 0]
        if not rows:
            result.notes.append(f"{measure}: no image has a partner in another case.")
            continue
        asked = Asked(np.array([asking[row].place for row in rows]), bench.seed)
        for system, found in tops.items():
            tops_of_rows = [(found[row], wanted[row]) for row in rows]
            hits = [float(top is not None and getattr(library[top], label) == want) for top, want in tops_of_rows]
            result.figures += asked.mean(measure, system, hits)
        result.figures += asked.mean(measure, CHANCE, [chance[row] for row in rows])


def _told(want: str | tuple[str, str]) -> bool:
    return bool(want) and (isinstance(want, str) or any(want))


class _Chances:
    """How often an image drawn from the others of the library would have the same label."""

    def __init__(self, library: Mapping[int, Seen], excluded: Sequence[Ids]) -> None:
        self._all = {
            label: Counter(getattr(seen, label) for seen in library.values()) for label in ("kind", "diagnosis")
        }
        self._total = len(library)
        by_case: defaultdict[int, list[Seen]] = defaultdict(list)
        for seen in library.values():
            by_case[seen.case].append(seen)
        self._out = [[seen for case in left_out.tolist() for seen in by_case.get(case, ())] for left_out in excluded]

    def of(self, place: int, label: str, want: object) -> float:
        out = self._out[place]
        alike = self._all[label][want] - sum(getattr(seen, label) == want for seen in out)
        return alike / max(self._total - len(out), 1)


def _searched(bench: Workbench, asking: Sequence[Asking], cases: Mapping[int, int], result: Result) -> list[int | None]:
    """The image that the product's search finds first for each, its own case and patient left out."""
    found: list[int | None] = []
    unread = 0
    unseen = unseen_nearest(bench, [(each.place, each.image) for each in asking], cases)
    if unseen:
        result.notes.append(f"{len(unseen)} images are searched with metrics that were not taught on their cases.")
    for row, each in enumerate(bench.each(asking, "images")):
        if row in unseen:
            found.append(unseen[row])
            continue
        try:
            pixels = [mask_overlays(frame) for frame in pixels_of(each.image)]
        except ImageError:
            unread += 1
            found.append(None)
            continue
        query = Query(images=pixels, kinds=("case",), k=1, excluded=bench.excluded[each.place])
        hits = search_library_each(user=None, queries=[query])[0].hits
        found.append(hits[0].image if hits else None)
    if unread:
        result.notes.append(f"{unread} images cannot be read and count as not found.")
    return found


def _asking(bench: Workbench) -> list[Asking]:
    return [
        Asking(place, image, (image.modality, image.region), concept_key(known.diagnosis or known.topic_title))
        for place, known in enumerate(bench.cases)
        for image in known.images
    ]


def _library() -> dict[int, Seen]:
    rows = CaseImage.objects.filter(case__state=State.PUBLISHED).values_list(
        "pk", "case_id", "modality", "region", "case__diagnosis", "case__topic_title"
    )
    return {
        pk: Seen(case, (modality, region), concept_key(diagnosis or topic))
        for pk, case, modality, region, diagnosis, topic in rows
    }


def concept_key(name: str) -> str:
    concept = concept_of(name)
    return concept.key if concept else name.strip().lower()
