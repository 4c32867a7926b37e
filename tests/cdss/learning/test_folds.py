"""Nothing of one fold says what is in another."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cdss.learning.folds import folds_of, groups_of_lessons
from cdss.learning.lessons import Lesson
from cdss.reasoning.types import CaseInput

NONE = np.zeros(0, dtype=np.int64)


def lesson(key: str, text: str, *marks: tuple[str, str]) -> Lesson:
    return Lesson(
        key=key, case=CaseInput(findings=text), names=(), count=1.0, left_out=NONE, topics=NONE, siblings=NONE,
        in_library=True, marks=frozenset(marks), load_pixels=list,
    )  # fmt: skip


LONG = "a round nodule with popcorn calcification and central fat beside the left main bronchus of an old smoker"


def test_what_shares_a_disease_a_patient_an_image_or_its_words_stays_together() -> None:
    groups = groups_of_lessons(
        [
            lesson("a", "one", ("disease", "x"), ("patient", "p")),
            lesson("b", "two", ("disease", "y"), ("patient", "p")),
            lesson("c", "three", ("disease", "y"), ("image", "i")),
            lesson("d", LONG, ("image", "i")),
            lesson("e", f"{LONG} again", ("disease", "z")),
            lesson("f", "six", ("disease", "w")),
            lesson("g", "", ("disease", "v")),
            lesson("h", "", ("disease", "u")),
        ]
    ).tolist()
    assert len(set(groups[:5])) == 1
    assert len(set(groups[4:])) == 4


@given(st.lists(st.integers(0, 12), min_size=5, max_size=60), st.integers(2, 6), st.integers(0, 99))
def test_groups_are_dealt_whole_and_evenly(labels: list[int], count: int, seed: int) -> None:
    groups = np.array(labels, dtype=np.int64)
    folds = folds_of(groups, count, seed)
    assert set(folds.tolist()) <= set(range(count))
    for group in set(labels):
        assert len(set(folds[groups == group].tolist())) == 1
    sizes = np.bincount(folds, minlength=count)
    assert sizes.max() - sizes.min() <= max(labels.count(label) for label in labels)
    assert folds.tolist() == folds_of(groups, count, seed).tolist()
