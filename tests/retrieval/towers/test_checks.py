"""What holds is settled by figures, and what is no number never holds."""

import numpy as np
import pytest

from retrieval.towers.checks import Likeness, TextSample, chosen, likeness, ndcg


def unit(rows: list[list[float]]) -> np.ndarray:
    found = np.array(rows, dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_likeness_is_of_the_worst_row() -> None:
    found = likeness(unit([[1, 0], [0, 1]]), unit([[1, 0], [1, 1]]))
    assert found.least == pytest.approx(np.sqrt(0.5), abs=1e-6)
    assert found.mean == pytest.approx((1 + np.sqrt(0.5)) / 2, abs=1e-6)


@pytest.mark.parametrize("bad", [[[np.nan, 0.0]], [[np.inf, 0.0]], [[1.0, 0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]])
def test_what_is_no_vector_is_not_alike(bad: list[list[float]]) -> None:
    assert likeness(np.array(bad, dtype=np.float32), unit([[1, 0]])).least == -1.0


def test_ndcg_falls_when_the_wanted_item_is_found_later() -> None:
    passages = unit([[1, 0], [1, 1], [0, 1]])
    sample = TextSample(["a", "b", "c"], [0, 1, 2], ["x", "y"], [0, 2])
    assert ndcg(unit([[1, 0], [0, 1]]), passages, sample) == pytest.approx(1.0)
    worse = ndcg(unit([[1, 0.9], [0, 1]]), passages, sample)
    assert worse == pytest.approx((1 / np.log2(3) + 1) / 2)


def test_the_cheapest_that_holds_is_chosen() -> None:
    spent = {"torch": 10.0, "float32": 5.0, "int8": 2.0}
    alike = {"float32": Likeness(1.0, 1.0), "int8": Likeness(0.89, 0.95)}
    name, measured = chosen(spent, alike, {"float32": True, "int8": False}, reference="torch")
    assert name == "float32"
    assert measured["int8"] == {"times_reference": 0.2, "cosine_least": 0.89, "cosine_mean": 0.95, "holds": False}
    assert chosen(spent, alike, {"float32": True, "int8": True}, reference="torch")[0] == "int8"


def test_what_saves_nothing_leaves_the_reference() -> None:
    alike = {"float32": Likeness(1.0, 1.0)}
    assert chosen({"torch": 10.0, "float32": 9.5}, alike, {"float32": True}, reference="torch")[0] == "torch"
    assert chosen({"torch": 10.0}, {}, {}, reference="torch")[0] == "torch"
