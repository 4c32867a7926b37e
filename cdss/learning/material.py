"""What the searches of the lessons bring, as tables a ranking is learned on and measured with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from cdss.consultations.demographics import completed
from cdss.consultations.evidence import Found, Retrieved, Scope, patient_of, retrieve_each
from cdss.consultations.pipeline import without_overlays
from cdss.evaluation.workbench import Progress
from cdss.indexing.searching import reference_ids, search_measured
from cdss.learning.lessons import Lesson
from cdss.learning.said import Votes
from cdss.library.models import Kind
from cdss.ranking.weights import WeightSet
from cdss.reasoning.candidates import JudgedCandidates, judged_candidates, weakest_to_best
from cdss.reasoning.naming import same_as_any
from cdss.reasoning.types import CaseInput
from cdss.reasoning.understanding import read_case
from retrieval.errors import ImageError
from retrieval.rerank import Judged
from retrieval.types import Floats, Ids, Mask, Pixels, Query
from retrieval.types import Kind as KindName


@dataclass(frozen=True, slots=True)
class Candidates:
    """All candidates of a lesson under one search, and which of them are its disease."""

    found: JudgedCandidates
    right: Mask

    @property
    def table(self) -> Floats:
        return self.found.table

    @property
    def judged(self) -> Judged:
        """What anatomy or time rules out is put last whatever its features, so it teaches nothing."""
        kept = ~self.found.ruled_out
        return self.table[kept], self.right[kept]


@dataclass(frozen=True, slots=True)
class Brought:
    """What one lesson brings: candidates under each of the weights, and its prior cases by text and by picture."""

    candidates: Sequence[Candidates]
    # (cases, 2): how well each fits by text, and by its picture; and which are of the same disease.
    pictured: Judged | None


def topics_of(lessons: Sequence[Lesson], progress: Progress) -> list[Judged | None]:
    """Of each lesson whose disease has a document; what a text finds before it is ranked."""
    reference = reference_ids()
    return [_topics(lesson, reference) for lesson in _each(lessons, "searches", progress)]


def _topics(lesson: Lesson, reference: Ids) -> Judged | None:
    if not len(lesson.topics):
        return None
    excluded = np.union1d(lesson.left_out, reference)
    query = Query(text=_searched(lesson).text, kinds=("literature",), excluded=excluded)
    items, table = search_measured(user=lesson.user, query=query)
    return table, np.isin(items, lesson.topics)


def votes_judged(votes: Votes, lesson: Lesson) -> Judged | None:
    """The items that were voted on, as the search found them; those it does not find cannot be put in order."""
    query = Query(text=_searched(lesson).text, kinds=(cast(KindName, votes.kind),), excluded=lesson.left_out)
    items, table = search_measured(user=lesson.user, query=query)
    voted = np.isin(items, list(votes.relevance))
    shares = np.array([votes.relevance[item] for item in items[voted].tolist()])
    return (table[voted], shares) if len(shares) and shares.min() < shares.max() else None


def pictures_judged(lesson: Lesson) -> Judged | None:
    """Prior cases by text and images together, and which are of the same disease."""
    if not lesson.has_images or not len(lesson.siblings):
        return None
    query = Query(text=_searched(lesson).text, images=tuple(_pixels(lesson)), kinds=("case",), excluded=lesson.left_out)
    items, table = search_measured(user=lesson.user, query=query)
    return (table, np.isin(items, lesson.siblings)) if len(items) else None


def brought_by(
    lessons: Sequence[Lesson], weights: Sequence[WeightSet], *, with_images: bool, progress: Progress
) -> list[Brought]:
    """Each lesson is searched for once, and put in order once under each search ranker that is another."""
    distinct: list[WeightSet] = []
    places = []
    for each in weights:
        known = next((at for at, other in enumerate(distinct) if other.search == each.search), len(distinct))
        distinct += [each] if known == len(distinct) else []
        places.append(known)
    return [_brought(lesson, distinct, places, with_images) for lesson in _each(lessons, "consultations", progress)]


def _brought(lesson: Lesson, weights: Sequence[WeightSet], places: Sequence[int], with_images: bool) -> Brought:
    found = retrieve_each(
        case=_searched(lesson),
        told=completed(lesson.case),
        pixels=_pixels(lesson) if with_images else (),
        scope=Scope(user=lesson.user, left_out=lesson.left_out),
        weights=weights,
    )
    candidates = [_candidates(lesson, each) for each in found]
    return Brought([candidates[place] for place in places], _pictured(lesson, found[0]))


def _candidates(lesson: Lesson, retrieved: Retrieved) -> Candidates:
    found = judged_candidates(retrieved.leads, patient_of(completed(lesson.case)), retrieved.breadth)
    return Candidates(found, np.array([same_as_any(name, lesson.names) for name in found.names], dtype=bool))


def _pictured(lesson: Lesson, retrieved: Retrieved) -> Judged | None:
    """Expects weights whose image side is 0, so that the relevance is that of the text alone."""
    cases = [found for found in retrieved.found.values() if found.item.kind == Kind.CASE]
    shown = {found.item.pk: _image(found) for found in cases if _image(found) > 0}
    if not shown or not len(lesson.siblings):
        return None
    closeness = weakest_to_best(shown)
    table = np.array([[found.relevance, closeness.get(found.item.pk, 0.0)] for found in cases])
    return table, np.isin([found.item.pk for found in cases], lesson.siblings)


def _image(found: Found) -> float:
    return max(found.hit.scores.get("image", 0.0), 0.0)


def _searched(lesson: Lesson) -> CaseInput:
    return read_case(completed(lesson.case)).searched


def _pixels(lesson: Lesson) -> list[Pixels]:
    try:
        return without_overlays(lesson.load_pixels())
    except (ImageError, OSError):
        # A file that is gone takes its case's images out of the lesson, not the case.
        return []


def _each(lessons: Sequence[Lesson], step: str, progress: Progress) -> Iterator[Lesson]:
    progress(step, 0, len(lessons))
    for done, lesson in enumerate(lessons, start=1):
        yield lesson
        progress(step, done, len(lessons))
