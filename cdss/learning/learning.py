"""From the site's own cases and what clinicians said to a set of weights, and whether it is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cdss.canonical import canonical_sha256
from cdss.evaluation.cases import KnownCase
from cdss.evaluation.workbench import Progress
from cdss.indexing.engine import engine_versions
from cdss.learning import comparing, fitting
from cdss.learning.comparing import Compared, Outcome, told, topic_place
from cdss.learning.fitting import Examples, usable
from cdss.learning.folds import folds_of, groups_of_lessons
from cdss.learning.lessons import Lesson, lessons_of, voted_lessons
from cdss.learning.material import Brought, brought_by, pictures_judged, topics_of, votes_judged
from cdss.learning.said import Votes, relevance_votes
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked
from cdss.ranking.serving import active_weights
from cdss.ranking.weights import WeightSet, weight_set_of
from cdss.reasoning.ranking import DiagnosisModel
from retrieval.features import NAMES
from retrieval.metrics import bootstrap_interval
from retrieval.rerank import Judged, Ranker
from retrieval.types import Ids

FEWEST = 30
# Cases with a picture and another case of their disease, from which the image side is learned.
FEWEST_PICTURED = 20
FOLDS = 5


class TooFewError(ValueError):
    """There is not enough to learn from; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A set of weights learned on everything, with figures of sets that were learned without the cases asked."""

    weights: WeightSet
    serving: WeightSet
    figures: Sequence[Compared]
    learned_on: Mapping[str, Any]
    notes: Sequence[str]

    @property
    def outcome(self) -> Outcome:
        return comparing.verdict(self.figures)

    @property
    def is_the_same(self) -> bool:
        return self.weights.sha256 == self.serving.sha256


@dataclass(slots=True)
class _Room:
    """What one run of learning works with. Of each list one entry a lesson."""

    lessons: Sequence[Lesson]
    groups: Ids
    folds: Ids
    count: int
    seed: int
    serving: WeightSet
    notes: list[str] = field(default_factory=list)
    chosen: dict[str, Any] = field(default_factory=dict)

    @property
    def each_fold(self) -> list[int | None]:
        """Every fold that is left out, and, last, none."""
        return [*range(self.count), None]

    def examples(self, judged: Sequence[Judged | None]) -> Examples:
        kept = [place for place, each in enumerate(judged) if usable(each)]
        counts = np.array([self.lessons[place].count for place in kept])
        return Examples([one for one in judged if one is not None and usable(one)], counts, self.folds[kept])


def learn_ranking(
    *,
    cases: Sequence[KnownCase],
    seed: int,
    folds: int = FOLDS,
    with_images: bool = True,
    progress: Progress = lambda step, done, total: None,
) -> Learned:
    """Learns on these cases of the library and on all that was said.

    Raises TooFewError and RetrievalError.
    """
    serving, with_images = active_weights(), with_images and not is_locked(Mode.TEXT_ONLY)
    lessons = lessons_of(cases, seed=seed, progress=progress)
    votes = relevance_votes()
    if len(lessons) < FEWEST:
        raise TooFewError(
            f"{len(lessons)} cases have a known diagnosis and {FEWEST} are needed. Publish more cases that name their "
            "diagnosis, or confirm the final diagnosis of more consultations."
        )
    everyone = [*lessons, *voted_lessons(votes)]
    groups = groups_of_lessons(everyone)
    if len(np.unique(groups)) < folds:
        raise TooFewError(f"The cases are of fewer than {folds} diseases: they cannot be dealt into {folds} folds.")
    every_fold = folds_of(groups, folds, seed)
    room = _Room(lessons, groups[: len(lessons)], every_fold[: len(lessons)], folds, seed, serving)
    voted = _voted(votes, everyone[len(lessons) :], every_fold[len(lessons) :], groups[len(lessons) :])
    topics = topics_of(lessons, progress)
    pictures = [pictures_judged(lesson) if with_images else None for lesson in lessons]
    searches = _search_rankers(room, topics, pictures, voted)
    asked = [replace(serving, search=ranker, image=0.0) for ranker in (serving.search, *searches)]
    brought = brought_by(lessons, asked, with_images=with_images, progress=progress)
    models = _diagnosis_models(room, brought)
    image = _image_weight(room, brought)
    figures = [
        *_topic_figures(room, topics, searches),
        *_vote_figures(room, voted, searches),
        *_diagnosis_figures(room, brought, models),
    ]
    weights = weight_set_of(
        search=_rounded(searches[-1]),
        candidates=_rounded(models[-1].ranker),
        calibration={name: round(value, 4) for name, value in models[-1].calibration.items()},
        image=image,
    )
    return Learned(weights, serving, figures, _learned_on(room, voted, brought, with_images), room.notes)


@dataclass(frozen=True, slots=True)
class _Voted:
    """One group of votes with its fold, and how much it counts: the raters of it."""

    judged: Judged
    raters: int
    fold: int
    group: int


def _voted(votes: Sequence[Votes], lessons: Sequence[Lesson], folds: Ids, groups: Ids) -> list[_Voted]:
    found = []
    for each, lesson, fold, group in zip(votes, lessons, folds.tolist(), groups.tolist(), strict=True):
        if (judged := votes_judged(each, lesson)) is not None:
            found.append(_Voted(judged, each.raters, fold, group))
    return found


def _search_rankers(
    room: _Room, topics: Sequence[Judged | None], pictures: Sequence[Judged | None], voted: Sequence[_Voted]
) -> list[Ranker]:
    """One for each fold, learned without it, and one learned on all."""
    examples = room.examples(topics)
    examples = Examples(
        [*examples.queries, *(each.judged for each in voted)],
        np.concatenate([examples.counts, [float(each.raters) for each in voted]]),
        np.concatenate([examples.folds, np.array([each.fold for each in voted], dtype=np.int64)]),
    )
    if len(examples.queries) < FEWEST:
        room.notes.append(
            f"The search keeps its weights: {len(examples.queries)} searches teach something, {FEWEST} are needed."
        )
        return [room.serving.search] * (room.count + 1)
    neighbours = fitting.enough_siblings([usable(each) for each in topics], [one.has_sibling for one in room.lessons])
    pictured = room.examples(pictures)
    if len(pictured.queries) < FEWEST_PICTURED:
        pictured = Examples([], np.zeros(0), np.zeros(0, dtype=np.int64))
    found = []
    for fold in room.each_fold:
        ranker, room.chosen["ridge"] = fitting.search_ranker(
            examples.without(fold),
            pictured.without(fold),
            room.serving.search,
            neighbours=neighbours,
        )
        found.append(ranker)
    return found


def _diagnosis_models(room: _Room, brought: Sequence[Brought]) -> list[DiagnosisModel]:
    serving = room.serving.diagnoses
    models: list[DiagnosisModel] = []
    teaches = [usable(each.candidates[-1].judged) for each in brought]
    if sum(teaches) < FEWEST:
        raise TooFewError(
            f"The disease of {sum(teaches)} cases is among what is found for them, each kept out of its own evidence, "
            f"and {FEWEST} are needed. Publish more cases, or texts about their diseases."
        )
    neighbours = fitting.enough_siblings(teaches, [one.has_sibling for one in room.lessons])
    if not neighbours:
        room.notes.append(
            "What prior cases say of a diagnosis keeps its weight: too few diseases have a second case to learn it on."
        )
    room.chosen["neighbours"] = neighbours
    counts = np.array([one.count for one in room.lessons])
    for place, fold in enumerate(room.each_fold):
        found = [each.candidates[1 + place] for each in brought]
        examples = room.examples([each.judged for each in found]).without(fold)
        ranker, ridge = fitting.candidate_ranker(examples, serving.ranker, neighbours=neighbours)
        room.chosen["ridge"] = room.chosen.get("ridge", {}) | {"candidates": ridge}
        others = np.flatnonzero(room.folds != fold) if fold is not None else np.arange(len(found))
        calibration = fitting.calibration(
            [found[other] for other in others.tolist()], counts[others], ranker, serving.calibration
        )
        models.append(replace(serving, ranker=ranker, calibration=calibration))
    return models


def _image_weight(room: _Room, brought: Sequence[Brought]) -> float:
    """The learned one where it finds cases of the same disease sooner, on folds left out, than none and the serving."""
    examples = room.examples([each.pictured for each in brought])
    if len(examples.queries) < FEWEST_PICTURED:
        room.notes.append(
            f"The image side keeps its weight: {len(examples.queries)} cases with a picture have another case of "
            f"their disease among those found, {FEWEST_PICTURED} are needed."
        )
        return room.serving.image
    candidates: dict[str, list[float]] = {"none": [], "serving": [], "learned": []}
    for fold in np.unique(examples.folds).tolist():
        learned = fitting.image_weight(examples.without(fold))
        for name, weight in (("none", 0.0), ("serving", room.serving.image), ("learned", learned)):
            candidates[name] += [_first(judged, weight) for judged in examples.only(fold).queries]
    means = {name: float(np.mean(values)) for name, values in candidates.items()}
    learned = fitting.image_weight(examples)
    gain = np.array(candidates["learned"]) - np.array(candidates["serving"])
    low, high = bootstrap_interval(gain, seed=room.seed)
    best = max(means, key=lambda name: (round(means[name], 9), name == "serving", name == "none"))
    room.chosen["image"] = {
        "cases": len(gain),
        "learned": learned,
        "chosen": best,
        "mrr": {name: round(value, 4) for name, value in means.items()},
        "difference": [round(low, 4), round(high, 4)],
    }
    return {"none": 0.0, "serving": room.serving.image, "learned": learned}[best]


def _first(judged: Judged, weight: float) -> float:
    """The reciprocal place of the first prior case of the same disease."""
    return 1 / topic_place(judged, Ranker({"text": 1.0, "picture": weight}), ("text", "picture"))


def _topic_figures(room: _Room, topics: Sequence[Judged | None], searches: Sequence[Ranker]) -> list[Compared]:
    asked = [(place, judged) for place, judged in enumerate(topics) if judged is not None]
    if not asked:
        return []
    before = [topic_place(judged, room.serving.search, NAMES) for _, judged in asked]
    after = [topic_place(judged, searches[room.folds[place]], NAMES) for place, judged in asked]
    groups = room.groups[[place for place, _ in asked]]
    return list(comparing.topics_compared(before, after, groups, room.seed))


def _vote_figures(room: _Room, voted: Sequence[_Voted], searches: Sequence[Ranker]) -> list[Compared]:
    if not voted:
        return []
    before = np.array([comparing.in_order(each.judged, room.serving.search, NAMES) for each in voted])
    after = np.array([comparing.in_order(each.judged, searches[each.fold], NAMES) for each in voted])
    groups = np.array([each.group for each in voted], dtype=np.int64)
    return [comparing.paired(comparing.VOTES, before, after, groups, room.seed)]


def _diagnosis_figures(room: _Room, brought: Sequence[Brought], models: Sequence[DiagnosisModel]) -> list[Compared]:
    before = [told(each.candidates[0], room.serving.diagnoses) for each in brought]
    after = [
        told(each.candidates[1 + fold], models[fold]) for each, fold in zip(brought, room.folds.tolist(), strict=True)
    ]
    return list(comparing.diagnoses_compared(before, after, room.groups, room.seed))


def _rounded(ranker: Ranker) -> Ranker:
    return Ranker({name: round(weight, 4) for name, weight in ranker.weights.items()}, ranker.learned_from)


def _learned_on(room: _Room, voted: Sequence[_Voted], brought: Sequence[Brought], with_images: bool) -> dict[str, Any]:
    ids, versions = sorted(lesson.digest for lesson in room.lessons), engine_versions()
    return {
        "cases": sum(lesson.in_library for lesson in room.lessons),
        "consultations": sum(not lesson.in_library for lesson in room.lessons),
        "votes": len(voted),
        "teach": sum(usable(each.candidates[-1].judged) for each in brought),
        "groups": len(np.unique(room.groups)),
        "ids_sha256": canonical_sha256({"ids": ids}),
        "ids": ids,
        "index_version": versions.index,
        "text_encoder": versions.text_encoder,
        "image_encoder": versions.image_encoder,
        "seed": room.seed,
        "folds": room.count,
        "serving": room.serving.version,
        "with_images": with_images,
        **room.chosen,
    }
