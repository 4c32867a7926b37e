"""Reading the best hits again: the new order, what it is worth, and what is left alone."""

from collections.abc import Sequence

import numpy as np
import pytest

from retrieval.pairwise import PairStage
from retrieval.types import Floats, Hit


class Planted:
    """Knows the score of each text; reads only so many."""

    version = "planted@0"

    def __init__(self, scores: dict[str, float], most: int = 1000) -> None:
        self.known, self.most, self.read = scores, most, []  # type: ignore[var-annotated]

    def scores(self, query: str, passages: Sequence[str], *, deadline: float) -> Floats:
        self.read = list(passages)[: self.most]
        return np.array([self.known.get(passage, 0.0) for passage in self.read])


def hit(item: int, rerank: float, *passages: int) -> Hit:
    return Hit(item, "case", item, rerank / 10, passages or (item,), None, {"rerank": rerank, "dense": 0.5})


HITS = [hit(1, 9.0), hit(2, 7.0), hit(3, 4.0), hit(4, 1.0)]
TEXTS = {n: f"text {n}" for n in range(1, 50)}


def items(hits: Sequence[Hit]) -> list[int]:
    return [hit.item for hit in hits]


def test_its_order_alone() -> None:
    stage = PairStage(Planted({"text 4": 3.0, "text 2": 2.0, "text 1": 1.0}), weight=1.0)
    assert items(stage.reranked("q", HITS, TEXTS)) == [4, 2, 1, 3]


def test_with_no_weight_nothing_moves() -> None:
    stage = PairStage(Planted({"text 4": 3.0}), weight=0.0)
    assert items(stage.reranked("q", HITS, TEXTS)) == [1, 2, 3, 4]


def test_half_of_each_order_counts() -> None:
    found = PairStage(Planted({"text 3": 9.0, "text 2": 8.0, "text 1": 7.0}), weight=0.5).reranked("q", HITS, TEXTS)
    # 1 has the ranks 1 and 3, 3 has 3 and 1, 2 has 2 and 2: equally good to the third digit, 1 and 3 by their best.
    assert items(found) == [1, 3, 2, 4]


def test_the_scores_of_the_learned_ranking_stay_with_the_places() -> None:
    found = PairStage(Planted({"text 4": 3.0, "text 2": 2.0, "text 1": 1.0}), weight=1.0).reranked("q", HITS, TEXTS)
    assert [one.scores["rerank"] for one in found] == [9.0, 7.0, 4.0, 1.0]
    assert [one.rank for one in found] == [1, 2, 3, 4]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert found[0].scores["learned"] == 1.0
    assert found[0].scores["pairs"] == 3.0
    assert found[0].scores["dense"] == 0.5


def test_what_is_not_read_stays_behind() -> None:
    stage = PairStage(Planted({"text 2": 5.0, "text 4": 50.0}), items=2, weight=1.0)
    found = stage.reranked("q", HITS, TEXTS)
    assert items(found) == [2, 1, 3, 4]
    assert "pairs" not in found[2].scores
    assert found[2].scores["rerank"] == 4.0


def test_when_time_runs_out_the_hits_that_were_read_are_in_order() -> None:
    found = PairStage(Planted({"text 2": 5.0, "text 3": 9.0}, most=2), weight=1.0).reranked("q", HITS, TEXTS)
    assert items(found) == [2, 1, 3, 4]


@pytest.mark.parametrize("most", [0, 1])
def test_when_no_two_were_read_nothing_moves(most: int) -> None:
    assert PairStage(Planted({"text 1": -5.0}, most=most), weight=1.0).reranked("q", HITS, TEXTS) == HITS


def test_an_item_counts_with_its_best_passage_and_first_passages_are_read_first() -> None:
    hits = [hit(1, 9.0, 11, 12, 13), hit(2, 7.0, 21, 22)]
    scorer = Planted({"text 11": 1.0, "text 22": 5.0, "text 13": 99.0})
    found = PairStage(scorer, weight=1.0).reranked("q", hits, TEXTS)
    assert scorer.read == ["text 11", "text 21", "text 12", "text 22"]
    assert items(found) == [2, 1]


def test_a_hit_without_a_text_is_not_read_and_not_lost() -> None:
    hits = [HITS[0], Hit(9, "case", 2, 0.5, (), 7, {"image": 0.9}), *HITS[1:]]
    found = PairStage(Planted({"text 4": 9.0}), weight=1.0).reranked("q", hits, TEXTS)
    assert items(found) == [4, 1, 2, 3, 9]


def test_no_hits() -> None:
    assert PairStage(Planted({})).reranked("q", [], {}) == []
