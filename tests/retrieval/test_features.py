from dataclasses import replace

import numpy as np

from retrieval import features
from retrieval.encoders.hashing import HashingImageEncoder, HashingTextEncoder
from retrieval.engine import Engine
from retrieval.types import Query
from tests.retrieval.small_library import Items, snapshot_of

GOUT, RADIUS = 7, 8
ITEMS: Items = {
    1: ("case", {11: "Swollen red great toe with tophi and erosions of the first metatarsal"}, {}),
    2: ("case", {21: "Fall on the outstretched hand"}, {}),
    3: ("literature", {31: "Urate crystals deposit in joints"}, {}),
    4: ("literature", {41: "A fracture of the wrist"}, {}),
    5: ("literature", {51: "A rare disease of the toe"}, {}),
}
# Case 1 and text 3 are about gout; case 1 lists the subject of text 4.
SUBJECTS = [(1, GOUT, False), (1, RADIUS, True), (3, GOUT, False), (4, RADIUS, False), (2, RADIUS, False)]


def engine() -> Engine:
    return Engine(snapshot_of(ITEMS, subjects=SUBJECTS), HashingTextEncoder(), HashingImageEncoder())


def row_of(item: int, query: Query) -> dict[str, float]:
    table, _ = engine().judge(query, np.array([item])) or (np.zeros((0, 0)), None)
    (place,) = np.flatnonzero(engine().judge(query, np.array([item]))[1])  # type: ignore[index]
    return dict(zip(features.NAMES, table[place].tolist(), strict=True))


TOE = "A swollen red great toe with tophi and erosions of the first metatarsal"


def test_a_similar_case_speaks_for_what_it_is_about_and_what_it_lists() -> None:
    query = Query(text=TOE, kinds=("literature",))
    assert row_of(3, query)["similar_cases"] > 0.5
    assert row_of(4, query)["listed"] > 0.3
    assert row_of(4, query)["similar_cases"] == 0
    assert row_of(5, query)["similar_cases"] == row_of(5, query)["listed"] == 0


def test_a_case_that_may_not_be_seen_says_nothing() -> None:
    for hidden in ({"excluded": np.array([1])}, {"allowed": np.array([2, 3, 4, 5])}):
        row = row_of(3, Query(text=TOE, kinds=("literature",), **hidden))  # type: ignore[arg-type]
        assert row["similar_cases"] == row["listed"] == 0


def test_an_item_does_not_speak_for_itself() -> None:
    assert row_of(1, Query(text=TOE))["similar_cases"] == 0


def test_the_words_of_a_similar_case_bring_its_literature_forward() -> None:
    query = Query(text=TOE, kinds=("literature",))
    with_case = {hit.item: hit.score for hit in engine().search(query)}
    without = {hit.item: hit.score for hit in engine().search(replace(query, excluded=np.array([1])))}
    assert with_case[3] > 1.5 * without[3]
    assert with_case[5] < without[5]


def test_shares_and_places_are_from_0_to_1() -> None:
    table, _ = engine().judge(Query(text=TOE), np.array([1])) or (np.zeros((0, 0)), None)
    bounded = [features.NAMES.index(name) for name in ("lexical", "dense", "lexical_rank", "dense_rank")]
    assert (table[:, bounded] >= 0).all()
    assert (table[:, bounded] <= 1).all()
    assert table[:, bounded].max(axis=0).tolist() == [1.0] * 4
