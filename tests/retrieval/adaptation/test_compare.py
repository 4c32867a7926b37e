"""Figures of two encoders on the same questions."""

import numpy as np
import pytest

from retrieval.adaptation.compare import compared


def test_figures_are_paired_by_question() -> None:
    figure = compared("x", [1, 2, None, 11], [1, 1, 5, 10], np.arange(4))
    assert figure.before == (0.25, 0.5, 0.5)
    assert figure.after == (0.5, 0.75, 1.0)
    assert figure.reciprocal == (pytest.approx((1 + 0.5 + 1 / 11) / 4, abs=1e-4), pytest.approx(2.3 / 4, abs=1e-4))
    assert figure.low <= figure.gain <= figure.high
    assert figure.gain == pytest.approx((0 + 0.5 + 0.2 + 0.1 - 1 / 11) / 4, abs=1e-4)


def test_the_same_ranks_gain_nothing() -> None:
    figure = compared("x", [3, 1, None], [3, 1, None], np.zeros(3, dtype=np.int64))
    assert (figure.gain, figure.low, figure.high) == (0, 0, 0)


def test_cases_of_a_group_are_drawn_together() -> None:
    before, after = [2] * 40, [1] * 20 + [4] * 20
    apart = compared("x", before, after, np.arange(40))
    together = compared("x", before, after, np.repeat([0, 1], 20))
    assert together.high - together.low > apart.high - apart.low


def test_without_a_question_there_is_no_figure() -> None:
    with pytest.raises(ValueError):
        compared("x", [], [], np.zeros(0, dtype=np.int64))
