"""How much a search by lists has to do, measured on the vectors themselves against exact search.

A sample of the vectors is asked for its nearest others; the exact answers are computed once and kept with the index,
and follow it as vectors come and go. The least effort that finds enough of them is taken.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from retrieval.index.inverted import BY_LISTS, Effort, InvertedIndex
from retrieval.types import Ids, Vectors

# Share of the exact answers that has to be found: a little more than is promised, as a sample may be lucky.
WANTED = 0.985
PROMISED = 0.98
K = 10
QUESTIONS = 200
# Fewer questions than this say too little.
FEWEST = 50
# Of the exact answers so many are kept, so that some may go.
_KEPT = 40
_TIMED = 40
_AT_ONCE = 50_000
_CANDIDATES = (10, 15, 20, 30, 40, 60, 80)
_FILTERED = (400, 700, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 16_000, 32_000)
# What is asked in earnest lies further from the passages than they from each other: fewer lists than these are too few.
_LEAST_PROBES, _LEAST_SHARE = 8, 256
# The most that is tried, and how much less than that is as good.
_MOST_PROBES, _AS_GOOD = 256, 0.003
# Allowed shares that a filtered search is measured with: a small one, and the largest that goes by rows.
_SMALL_SHARE, _FEWEST_ALLOWED = 0.01, 5000
_LARGE_SHARE = 0.2


@dataclass(slots=True)
class Sample:
    """Questions and their exact answers among all other vectors.

    Args:
        ids: (q,) whose vectors the questions are.
        questions: (q, d).
        answers: (q, 40) ids, best first; -1 where there are no more.
        scores: (q, 40) of the answers.
    """

    ids: Ids
    questions: Vectors
    answers: Ids
    scores: Vectors

    @classmethod
    def of(cls, ids: Ids, vectors: Vectors, seed: int = 0) -> Sample:
        """At most 200 of (n, d) vectors, and their exact answers."""
        chosen = np.sort(np.random.default_rng(seed).choice(len(ids), min(QUESTIONS, len(ids)), replace=False))
        empty = (len(chosen), 0)
        sample = cls(ids[chosen], vectors[chosen].copy(), np.zeros(empty, np.int64), np.zeros(empty, np.float32))
        for start in range(0, len(ids), _AT_ONCE):
            sample.add(ids[start : start + _AT_ONCE], vectors[start : start + _AT_ONCE])
        return sample

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """These are in the index from now on."""
        scores = self.questions @ vectors.T
        scores[self.ids[:, None] == ids[None]] = -np.inf
        places = np.argsort(-scores, axis=1, kind="stable")[:, :_KEPT] if len(ids) <= _KEPT else _highest(scores)
        scores = np.concatenate([self.scores, np.take_along_axis(scores, places, axis=1)], axis=1)
        answers = np.concatenate([self.answers, ids[places]], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :_KEPT]
        self.scores, answers = np.take_along_axis(scores, order, axis=1), np.take_along_axis(answers, order, axis=1)
        self.answers = np.where(np.isfinite(self.scores), answers, -1)

    def remove(self, ids: Ids) -> None:
        """These are in the index no longer; nor is a question whose vector went, or that lost too many answers."""
        gone = np.isin(self.answers, ids)
        scores = np.where(gone, np.float32(-np.inf), self.scores)
        order = np.argsort(-scores, axis=1, kind="stable")
        answers = np.take_along_axis(np.where(gone, -1, self.answers), order, axis=1)
        kept = ~np.isin(self.ids, ids) & ((answers >= 0).sum(axis=1) >= min(K, answers.shape[1]))
        self.scores = np.take_along_axis(scores, order, axis=1)[kept]
        self.answers, self.ids, self.questions = answers[kept], self.ids[kept], self.questions[kept]


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a search does and what it finds.

    Args:
        effort: how much it does.
        recall: share of the exact ten nearest that it finds, over the sample.
        filtered_recall: the same where only some are allowed, the worst of `permissions_of`, against scoring every
            allowed one.
        questions: how many were asked.
        passages: how many vectors were in the index then.
    """

    effort: Effort
    recall: float
    filtered_recall: float
    questions: int
    passages: int

    def as_dict(self) -> dict[str, Any]:
        values = asdict(self)
        return {**values.pop("effort"), **values}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Tuning:
        """Raises KeyError or TypeError for anything but what `as_dict` gave."""
        effort = Effort(int(values["probes"]), int(values["candidates"]), int(values["filtered"]))
        figures = (float(values["recall"]), float(values["filtered_recall"]))
        return cls(effort, *figures, int(values["questions"]), int(values["passages"]))


def tuned(index: InvertedIndex, sample: Sample) -> Tuning:
    """The cheapest effort that finds what is wanted of the sample's answers, or the most that is tried; it is set."""
    index.effort = replace(index.effort, probes=min(index.count_of_lists, _MOST_PROBES), candidates=_CANDIDATES[-1])
    # What eight bits lose, no effort brings back.
    wanted = min(WANTED, recall(index, sample) - _AS_GOOD)
    enough = list(_enough(index, sample, wanted)) or [index.effort]
    index.effort = min(enough, key=lambda effort: _seconds(index, sample, effort))
    permissions = permissions_of(index, sample)
    for filtered in _FILTERED:
        index.effort = replace(index.effort, filtered=filtered)
        if filtered_recall(index, sample, permissions) >= WANTED:
            break
    return measured(index, sample)


def measured(index: InvertedIndex, sample: Sample) -> Tuning:
    """What the index finds with the effort it is set to."""
    found = (round(recall(index, sample), 4), round(filtered_recall(index, sample), 4))
    return Tuning(index.effort, *found, len(sample), len(index))


def recall(index: InvertedIndex, sample: Sample) -> float:
    """Mean share of the exact ten answers that a search finds; 1 where nothing is asked."""
    _, found = index.search(sample.questions, K + 1)
    return _shared(found, sample.answers[:, :K], sample.ids)


def filtered_recall(index: InvertedIndex, sample: Sample, permissions: Sequence[Ids] | None = None) -> float:
    """The same where only some are allowed: the worst of several permissions, those of `permissions_of` by default."""
    chosen = permissions_of(index, sample) if permissions is None else permissions
    return min((_filtered_recall(index, sample, allowed) for allowed in chosen), default=1.0)


def permissions_of(index: InvertedIndex, sample: Sample) -> list[Ids]:
    """A few ids and many, spread over the index, and a corner of it, as a collection is."""
    few = min(max(int(_SMALL_SHARE * len(index)), _FEWEST_ALLOWED), len(index))
    many = min(int(_LARGE_SHARE * len(index)), BY_LISTS)
    random = np.random.default_rng(1)
    found = [np.sort(random.choice(index.ids, count, replace=False)) for count in (few, many)]
    for corner in sample.questions[-1:]:
        closeness = index.scores(corner, np.arange(len(index)))
        found.append(np.sort(index.ids[np.argpartition(closeness, len(index) - few)[len(index) - few :]]))
    return found


def _filtered_recall(index: InvertedIndex, sample: Sample, allowed: Ids) -> float:
    rows = index.rows_of(allowed)
    asked = sample.questions[:_TIMED]
    _, found = index.search(asked, K, allowed)
    exact = np.stack([allowed[np.argsort(-index.scores(each, rows))[:K]] for each in asked]) if len(asked) else found
    return _shared(found, exact, np.full(len(asked), -1))


def _enough(index: InvertedIndex, sample: Sample, wanted: float) -> Iterator[Effort]:
    """Of each number of candidates the fewest lists that find what is wanted."""
    before = index.effort
    least = min(index.count_of_lists, max(_LEAST_PROBES, index.count_of_lists // _LEAST_SHARE))
    for candidates in _CANDIDATES:
        probes = least
        while probes <= before.probes:
            index.effort = replace(before, probes=probes, candidates=candidates)
            if recall(index, sample) >= wanted:
                yield index.effort
                break
            probes *= 2
        if probes == least:
            break
    index.effort = before


def _seconds(index: InvertedIndex, sample: Sample, effort: Effort) -> float:
    index.effort = effort
    times = []
    for question in sample.questions[:_TIMED]:
        # Of this thread alone: what else the machine does is no reason to choose differently.
        start = time.thread_time()
        index.search(question[None], K)
        times.append(time.thread_time() - start)
    return float(np.median(times))


def _shared(found: Ids, expected: Ids, own: Ids) -> float:
    shares = []
    for one, other, question in zip(found, expected, own, strict=True):
        wanted = set(other.tolist()) - {-1}
        got = [identifier for identifier in one.tolist() if identifier != question][:K]
        shares.append(len(wanted & set(got)) / len(wanted) if wanted else 1.0)
    return float(np.mean(shares)) if shares else 1.0


def _highest(scores: Vectors) -> Ids:
    return np.asarray(np.argpartition(scores, scores.shape[1] - _KEPT, axis=1)[:, scores.shape[1] - _KEPT :])
