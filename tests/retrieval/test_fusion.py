from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fusion import reciprocal_rank

RANKINGS = st.lists(st.lists(st.integers(0, 12), unique=True, max_size=10), max_size=4)


def arrays(rankings: list[list[int]]) -> list[np.ndarray]:
    return [np.array(ranking, dtype=np.int64) for ranking in rankings]


@given(RANKINGS)
def test_the_scores_are_those_of_the_formula(rankings: list[list[int]]) -> None:
    scores, ids = reciprocal_rank(arrays(rankings))
    expected = {i: sum(1 / (61 + r.index(i)) for r in rankings if i in r) for r in rankings for i in r}
    assert set(ids.tolist()) == set(expected)
    np.testing.assert_allclose(scores, [expected[i] for i in ids.tolist()], rtol=1e-6)
    assert all(a >= b for a, b in pairwise(scores))


@given(RANKINGS, st.randoms())
def test_the_order_of_the_lists_does_not_matter(rankings: list[list[int]], random: object) -> None:
    shuffled = list(rankings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert reciprocal_rank(arrays(rankings))[1].tolist() == reciprocal_rank(arrays(shuffled))[1].tolist()


def test_ties_go_to_the_better_best_rank_then_the_smaller_id() -> None:
    assert reciprocal_rank(arrays([[7, 3], [3, 7]]))[1].tolist() == [3, 7]
    assert reciprocal_rank(arrays([[9], [4]]))[1].tolist() == [4, 9]


def test_weights_move_a_list() -> None:
    assert reciprocal_rank(arrays([[1, 2], [2, 1]]), [1.0, 2.0])[1].tolist() == [2, 1]
    assert reciprocal_rank(arrays([[1], [2]]), [0.0, 1.0])[0].tolist() == pytest.approx([1 / 61, 0])
