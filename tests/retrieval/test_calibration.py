import numpy as np
import pytest

from retrieval.calibration import fit_logistic
from retrieval.errors import RetrievalError


def drawn(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Answers that are right by a known weight of the first feature and none of the second."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 2))
    return features, random.random(count) < 1 / (1 + np.exp(-(2.0 * features[:, 0] - 0.5)))


def test_what_decided_is_found_again() -> None:
    features, right = drawn(4000)
    intercept, weights = fit_logistic(features, right, np.ones(4000), prior=(0.0, 0.0, 0.0))
    assert intercept == pytest.approx(-0.5, abs=0.15)
    assert weights[0] == pytest.approx(2.0, abs=0.2)
    assert weights[1] == pytest.approx(0.0, abs=0.15)


def test_no_feature_makes_an_answer_less_likely() -> None:
    features, right = drawn(1000)
    _, weights = fit_logistic(-features, right, np.ones(1000), prior=(0.0, 1.0, 1.0))
    assert weights[0] == 0.0
    assert (weights >= 0).all()


def test_few_answers_do_not_move_what_was_believed_and_many_do() -> None:
    few, many = drawn(10), drawn(4000)
    prior = (0.0, 5.0, 0.0)
    _, held = fit_logistic(*few, np.ones(10), prior=prior, ridge=1000.0)
    _, moved = fit_logistic(*many, np.ones(4000), prior=prior, ridge=1.0)
    assert held[0] == pytest.approx(5.0, abs=0.1)
    assert moved[0] == pytest.approx(2.0, abs=0.3)


def test_a_row_that_counts_twice_is_two_rows() -> None:
    features, right = drawn(50)
    once = fit_logistic(np.tile(features, (2, 1)), np.tile(right, 2), np.ones(100), prior=(0.0, 0.0, 0.0))
    twice = fit_logistic(features, right, np.full(50, 2.0), prior=(0.0, 0.0, 0.0))
    assert once[0] == pytest.approx(twice[0])
    assert once[1] == pytest.approx(twice[1])


def test_a_feature_that_is_the_same_everywhere_keeps_its_weight() -> None:
    features, right = drawn(200)
    features[:, 1] = 0.7
    _, weights = fit_logistic(features, right, np.ones(200), prior=(0.0, 0.0, 3.0))
    assert weights[1] == 3.0


@pytest.mark.parametrize("right", [np.zeros(4, bool), np.ones(4, bool), np.zeros(0, bool)])
def test_all_right_or_all_wrong_teaches_nothing(right: np.ndarray) -> None:
    with pytest.raises(RetrievalError, match="nothing to learn"):
        fit_logistic(np.zeros((len(right), 1)), right, np.ones(len(right)), prior=(0.0, 0.0))
