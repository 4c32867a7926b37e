"""Cases dealt into folds so that nothing of one fold says what is in another."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cdss.indexing.taught.grouping import groups_of
from cdss.learning.lessons import Lesson
from retrieval.copies import copies
from retrieval.types import Ids


def groups_of_lessons(lessons: Sequence[Lesson]) -> Ids:
    """(n,) numbers: the same for cases of one disease, topic or patient, with one image, or nearly the same words."""
    keys = [
        [f"lesson {place}", *(f"{kind} {value}" for kind, value in sorted(lesson.marks))]
        for place, lesson in enumerate(lessons)
    ]
    for first, second in copies([lesson.case.text for lesson in lessons]):
        keys[second].append(keys[first][0])
    return groups_of(keys)


def folds_of(groups: Ids, count: int, seed: int) -> Ids:
    """(n,) from 0: whole groups, the largest first, each to the fold that has the fewest cases."""
    sizes: defaultdict[int, int] = defaultdict(int)
    for group in groups.tolist():
        sizes[group] += 1
    order = sorted(sizes)
    random.Random(seed).shuffle(order)
    filled, chosen = [0] * count, {}
    for group in sorted(order, key=lambda group: -sizes[group]):
        fold = filled.index(min(filled))
        chosen[group] = fold
        filled[fold] += sizes[group]
    return np.array([chosen[group] for group in groups.tolist()], dtype=np.int64)
