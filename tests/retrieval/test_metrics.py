import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import metrics


def test_recall_and_hit() -> None:
    assert metrics.recall_at(["a", "b", "c"], {"a", "c", "z"}, 2) == pytest.approx(1 / 3)
    assert metrics.hit_at(["a", "b"], {"b"}, 1) == 0
    assert metrics.hit_at(["a", "b"], {"b"}, 2) == 1
    with pytest.raises(ValueError, match="Nothing is relevant"):
        metrics.recall_at(["a"], set(), 5)


def test_reciprocal_rank() -> None:
    assert metrics.reciprocal_rank([4, 5, 6], {6, 5}) == 0.5
    assert metrics.reciprocal_rank([4], {6}) == 0


def test_ndcg_by_hand() -> None:
    gained = 3 + 2 / math.log2(3) + 0 + 1 / math.log2(5)
    ideal = 3 + 2 / math.log2(3) + 1 / math.log2(4)
    assert metrics.ndcg_at([3, 2, 0, 1], [1, 2, 3], 10) == pytest.approx(gained / ideal)
    assert metrics.ndcg_at([3, 2, 1], [1, 2, 3], 10) == pytest.approx(1)
    assert metrics.ndcg_at([0], [], 10) == 0


def test_calibration_error_by_hand() -> None:
    assert metrics.calibration_error([0.95, 0.95, 0.15, 0.15], [True, True, False, False]) == pytest.approx(0.1)
    assert metrics.calibration_error([1.0, 1.0], [True, False]) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="from 0 to 1"):
        metrics.calibration_error([1.2], [True])
    with pytest.raises(ValueError, match="1 confidences and 2 outcomes"):
        metrics.calibration_error([1.0], [True, False])


def test_risk_and_coverage_by_hand() -> None:
    coverage, risk = metrics.risk_coverage([0.9, 0.2, 0.5, 0.5], [True, False, True, False])
    assert coverage.tolist() == [0.25, 0.75, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 0.5])


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_answering_everything_errs_as_often_as_all_do(pairs: list[tuple[float, bool]]) -> None:
    confidence, correct = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    coverage, risk = metrics.risk_coverage(confidence, correct)
    assert coverage[-1] == 1
    assert risk[-1] == pytest.approx(1 - sum(correct) / len(correct))
    assert 0 <= metrics.calibration_error(confidence, correct) <= 1


def test_bins_hold_every_answer_once() -> None:
    bins = metrics.reliability_bins([0.05, 0.95, 1.0, 0.94], [False, True, True, False])
    assert [(each.low, each.high, each.count) for each in bins] == [(0.0, 0.1, 1), (0.9, 1.0, 3)]
    assert bins[1].accuracy == pytest.approx(2 / 3)
    assert metrics.calibration_error([0.05, 0.95, 1.0, 0.94], [False, True, True, False]) == pytest.approx(
        (0.05 + 3 * abs(bins[1].confidence - 2 / 3)) / 4
    )


def test_area_of_risk_is_smallest_when_the_right_answers_are_surest() -> None:
    right = [True, True, False, False]
    assert metrics.risk_area([0.9, 0.8, 0.2, 0.1], right) < metrics.risk_area([0.1, 0.2, 0.8, 0.9], right)
    assert metrics.risk_area([0.5] * 4, right) == 0.5


def test_the_interval_of_a_mean_covers_it_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for turn in range(200):
        low, high = metrics.bootstrap_interval(random.random(60) < 0.4, samples=300, seed=turn)
        covered += low <= 0.4 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_rows_of_one_group_are_drawn_together() -> None:
    values = np.repeat([0.0, 1.0] * 10, 20)
    rows = metrics.bootstrap_interval(values)
    groups = metrics.bootstrap_interval(values, np.repeat(np.arange(20), 20))
    assert groups[1] - groups[0] > 3 * (rows[1] - rows[0])


def test_an_interval_is_repeatable_and_needs_rows() -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    assert metrics.bootstrap_interval(values, seed=3) == metrics.bootstrap_interval(values, seed=3)
    assert metrics.bootstrap_interval([0.5]) == (0.5, 0.5)
    assert metrics.bootstrap_statistic(lambda rows: float(len(set(rows.tolist()))), 1) == (1.0, 1.0)
    with pytest.raises(ValueError, match="no value"):
        metrics.bootstrap_interval([])
    with pytest.raises(ValueError, match="no row"):
        metrics.bootstrap_statistic(lambda rows: 0.0, 0)
