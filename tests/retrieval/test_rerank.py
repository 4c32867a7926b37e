import numpy as np
import pytest

from retrieval.errors import RetrievalError
from retrieval.rerank import Ranker, held_out_loss, learn, softmax

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


def test_few_queries_do_not_move_what_was_believed_and_many_do() -> None:
    prior = Ranker({"helps": 1.0, "noise": 2.0})
    held = learn(judged(10), NAMES, prior=prior, ridge=1000.0)
    assert held.weights["helps"] == pytest.approx(1.0, abs=0.1)
    moved = learn(judged(400), NAMES, prior=prior)
    assert moved.weights["helps"] == pytest.approx(6.0, abs=1.2)
    assert moved.weights["noise"] < 1.0


def test_a_feature_that_is_the_same_everywhere_keeps_its_weight() -> None:
    queries = [(features * [1.0, 0.0, 1.0], relevant) for features, relevant in judged(50)]
    assert learn(queries, NAMES, prior=Ranker({"noise": 2.0})).weights["noise"] == 2.0
    assert learn(queries, NAMES).weights["noise"] == 0.0


def test_only_what_is_asked_for_is_learned_beside_what_the_others_say() -> None:
    prior = Ranker({"helps": 6.0, "noise": 3.0})
    ranker = learn(judged(400), NAMES, prior=prior, only={"noise"})
    assert ranker.weights["helps"] == 6.0
    assert ranker.weights["noise"] < 1.0


def test_a_query_that_counts_twice_is_two_queries() -> None:
    queries = judged(20)
    twice = learn(queries, NAMES, counts=[2.0] * 20)
    assert twice.weights == pytest.approx(learn(queries + queries, NAMES).weights)
    assert learn(queries, NAMES, counts=[1.0] * 10 + [0.0] * 10).learned_from == 10


def test_items_may_be_more_or_less_relevant() -> None:
    table = np.array([[1.0, 0, 0], [0.5, 0, 0], [0.0, 0, 0]])
    shared = learn([(table, np.array([0.6, 0.4, 0.0]))] * 20, NAMES)
    alone = learn([(table, np.array([1.0, 0.0, 0.0]))] * 20, NAMES)
    assert 0 < shared.weights["helps"] < alone.weights["helps"]


def test_what_predicts_unseen_choices_surprises_less() -> None:
    unseen = judged(100, seed=1)
    better, worse = Ranker({"helps": 6.0}), Ranker({"noise": 6.0})
    ones = [1.0] * 100
    assert held_out_loss(better, unseen, NAMES, ones) < held_out_loss(worse, unseen, NAMES, ones)
