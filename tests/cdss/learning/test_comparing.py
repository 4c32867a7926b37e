"""Better means better beyond chance, in something that decides, and worse in nothing that does."""

import numpy as np
import pytest

from cdss.learning import comparing
from cdss.learning.comparing import Compared, Told, diagnoses_compared, in_order, paired, told, verdict
from cdss.learning.material import Candidates
from cdss.reasoning.candidates import JudgedCandidates
from cdss.reasoning.ranking import FEATURES, packaged_model
from retrieval.rerank import Ranker

GROUPS = np.arange(40)


def figure(measure: str, low: float, high: float, better: str = "higher") -> Compared:
    return Compared(measure, 0.5, 0.5, (low + high) / 2, low, high, 40, better)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ([figure(comparing.DIAGNOSIS_MRR, 0.01, 0.2)], "better"),
        ([figure(comparing.DIAGNOSIS_MRR, -0.01, 0.2)], "equal"),
        ([figure(comparing.DIAGNOSIS_MRR, 0.0, 0.0)], "equal"),
        ([figure(comparing.DIAGNOSIS_MRR, -0.2, -0.01)], "worse"),
        ([figure(comparing.SURPRISE, -0.2, -0.01, "lower")], "better"),
        ([figure(comparing.SURPRISE, 0.01, 0.2, "lower")], "worse"),
        ([figure(comparing.DIAGNOSIS_MRR, 0.01, 0.2), figure(comparing.TOPIC_MRR, -0.2, -0.01)], "worse"),
        ([figure("diagnosis: among the first 10", 0.01, 0.2)], "equal"),
        ([figure("diagnosis: among the first 10", -0.2, -0.01), figure(comparing.VOTES, 0.01, 0.2)], "better"),
        ([], "equal"),
    ],
)
def test_what_decides(figures: list[Compared], expected: str) -> None:
    assert verdict(figures) == expected


def test_a_difference_is_of_the_same_cases() -> None:
    before = np.tile([1.0, 0.0], 20)
    found = paired("x", before, before + 0.1, GROUPS, 7)
    assert found.difference == pytest.approx(0.1)
    assert (found.low, found.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert found.outcome == "better"


def test_what_is_sure_and_wrong_surprises_more_than_what_is_unsure() -> None:
    unsure = [Told(0, 0.5, False)] * 20 + [Told(1, 0.5, True)] * 20
    sure = [Told(0, 0.99, False)] * 20 + [Told(1, 0.99, True)] * 20
    figures = {each.measure: each for each in diagnoses_compared(unsure, sure, GROUPS, 7)}
    assert figures[comparing.SURPRISE].outcome == "worse"
    assert figures[comparing.CALIBRATION].learned == pytest.approx(0.49)
    assert figures[comparing.CALIBRATION].serving == pytest.approx(0.0)
    assert figures[comparing.DIAGNOSIS_MRR].difference == 0


def test_candidates_stand_in_the_order_of_a_consultation() -> None:
    table = np.zeros((12, len(FEATURES)))
    table[:, FEATURES.index("literature_rank")] = np.linspace(0.1, 0.9, 12)
    right = np.zeros(12, dtype=bool)
    concepts = [f"disease {n:02}" for n in range(12)]
    right[10] = True

    def placed(ruled_out: int | None = None) -> Told:
        impossible = np.array([n == ruled_out for n in range(len(table))], dtype=bool)
        return told(Candidates(JudgedCandidates(concepts, concepts, table, impossible), right), packaged_model())

    assert placed().place == 2
    # What anatomy rules out stands behind all others, and the next one moves up.
    assert placed(11).place == 1
    assert placed(10).place == 0
    # Beyond the ten that are shown it is not found.
    right[:] = [n == 1 for n in range(12)]
    assert placed().place == 0
    # What is equally likely stands in the order of its name.
    table[:] = 0.5
    assert placed().place == 2
    nothing = JudgedCandidates([], [], table[:0], right[:0])
    assert told(Candidates(nothing, right[:0]), packaged_model()) == Told(0, 0.0, False)


def test_votes_in_order() -> None:
    table = np.array([[3.0], [2.0], [1.0]])
    assert in_order((table, np.array([1.0, 0.5, 0.0])), Ranker({"x": 1.0}), ["x"]) == 1.0
    assert in_order((table, np.array([0.0, 0.5, 1.0])), Ranker({"x": 1.0}), ["x"]) == 0.0
    assert in_order((table, np.array([0.0, 0.5, 1.0])), Ranker({}), ["x"]) == 0.5
