import numpy as np
import pytest

from retrieval.errors import RetrievalError
from retrieval.rerank import Ranker, learn, softmax

NAMES = ("helps", "noise", "harms")


def judged(count: int = 60, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Queries of eight items each; the relevant one is drawn by a known weight of the first feature."""
    random = np.random.default_rng(seed)
    queries = []
    for _ in range(count):
        features = random.random((8, 3))
        chance = softmax(6.0 * features[:, 0] - 2.0 * features[:, 2])
        queries.append((features, np.arange(8) == random.choice(8, p=chance)))
    return queries


def test_what_decided_is_found_again() -> None:
    ranker = learn(judged(400), NAMES)
    assert ranker.weights["helps"] == pytest.approx(6.0, abs=1.2)
    assert abs(ranker.weights["noise"]) < 1.0
    assert ranker.learned_from == 400


def test_no_feature_ever_counts_against_an_item() -> None:
    assert learn(judged(400), NAMES).weights["harms"] == 0.0


def test_a_learned_order_is_better_than_none() -> None:
    ranker = learn(judged(200), NAMES)
    unseen = judged(200, seed=1)
    first = np.mean([relevant[ranker.scores(features, NAMES).argmax()] for features, relevant in unseen])
    assert first > 2 / 8


def test_features_are_found_by_name_and_unknown_ones_do_not_count() -> None:
    ranker = Ranker({"b": 2.0})
    assert ranker.scores(np.array([[1.0, 3.0], [5.0, 1.0]]), ["a", "b"]).tolist() == [6.0, 2.0]


def test_queries_that_teach_nothing_are_left_out() -> None:
    features = np.ones((3, 3))
    nothing = [(features, np.zeros(3, bool)), (features, np.ones(3, bool))]
    assert learn([*judged(50), *nothing], NAMES).learned_from == 50
    with pytest.raises(RetrievalError, match="nothing to learn"):
        learn(nothing, NAMES)


def test_what_was_written_is_read_and_nothing_else() -> None:
    ranker = learn(judged(), NAMES)
    assert Ranker.from_json(ranker.as_json()) == ranker
    for damaged in ({}, {"weights": [1], "learned_from": 1}, {"weights": {"a": "x"}, "learned_from": 1}, None):
        with pytest.raises(RetrievalError):
            Ranker.from_json(damaged)
    with pytest.raises(RetrievalError, match="not numbers"):
        Ranker.from_json({"weights": {"a": float("nan")}, "learned_from": 1})


def test_chances_sum_to_one_and_large_scores_do_not_overflow() -> None:
    assert softmax(np.array([1000.0, 1000.0])).tolist() == [0.5, 0.5]
