"""A set of weights is read whole, or refused with what is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdss.canonical import canonical, canonical_sha256
from cdss.ranking.weights import WeightsError, packaged_weights, weight_set, weight_set_of
from cdss.reasoning.ranking import packaged_model
from retrieval.rerank import DEFAULT_RANKER


def test_the_packaged_weights_are_version_zero_and_those_of_the_program() -> None:
    packaged = packaged_weights()
    assert packaged.version == 0
    assert packaged.search == DEFAULT_RANKER
    assert packaged.diagnoses == packaged_model()
    assert packaged.image == 0.1


def test_what_was_made_is_read_again(data: dict[str, Any]) -> None:
    packaged = packaged_weights()
    made = weight_set_of(
        search=packaged.search,
        candidates=packaged.diagnoses.ranker,
        calibration=packaged.diagnoses.calibration,
        image=packaged.image,
        version=3,
    )
    again = weight_set(json.loads(json.dumps(made.data)), version=3)
    assert again == made
    assert made.sha256 == packaged.sha256 == canonical_sha256(data)


def test_the_hash_does_not_depend_on_the_order_of_the_keys(data: dict[str, Any]) -> None:
    assert canonical(data) == canonical(dict(reversed(data.items())))
    data["image"] = 0.2
    assert canonical_sha256(data) != packaged_weights().sha256


def put(data: dict[str, Any], path: str, value: Any) -> Any:
    *parents, last = path.split("/")
    at = data
    for name in parents:
        at = at[name]
    at[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("search/weights/phase_of_the_moon", 1.0, "no feature phase_of_the_moon"),
        ("candidates/ranker/weights/phase_of_the_moon", 1.0, "no feature phase_of_the_moon"),
        ("candidates/calibration/phase_of_the_moon", 1.0, "does not know phase_of_the_moon"),
        ("search/weights/lexical", -0.1, "below zero"),
        ("candidates/ranker/weights/listed", -1, "below zero"),
        ("candidates/calibration/log_odds", -1.0, "below zero"),
        ("search/weights/lexical", float("nan"), "no number a weight can be"),
        ("search/weights/lexical", float("inf"), "no number a weight can be"),
        ("search/weights/lexical", 1e300, "no number a weight can be"),
        ("candidates/calibration/intercept", float("nan"), "no number a weight can be"),
        ("search/weights/lexical", "4.75", "is no number"),
        ("search/weights/lexical", True, "is no number"),
        ("search/weights/lexical", None, "is no number"),
        ("search/weights", {}, "no weight is above zero"),
        ("search/weights", [1], "no table of numbers"),
        ("search/learned_from", -1, "is no count"),
        ("search/learned_from", "503", "is no count"),
        ("search/more", 1, "nothing else"),
        ("candidates/calibration", [1], "no table of numbers"),
        ("candidates/more", 1, "nothing else"),
        ("image", 1.5, "not between 0 and 1"),
        ("image", -0.1, "not between 0 and 1"),
        ("image", "much", "is no number"),
        ("format", 2, "Format 2"),
        ("format", True, "Format True"),
        ("more", 1, "nothing else"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(data: dict[str, Any], path: str, value: Any, said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        weight_set(put(data, path, value), version=1)


@pytest.mark.parametrize("name", ["format", "search", "candidates", "image"])
def test_a_part_that_is_missing_is_refused(data: dict[str, Any], name: str) -> None:
    del data[name]
    with pytest.raises(WeightsError):
        weight_set(data, version=1)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_nothing_else_than_a_set_of_weights_is_read(data: Any) -> None:
    with pytest.raises(WeightsError):
        weight_set(data, version=1)


@given(st.sampled_from(["search", "candidates", "image", "format"]), JSON)
def test_a_part_that_is_something_else_is_refused_or_read_whole(part: str, value: Any) -> None:
    data = dict(packaged_weights().data) | {part: value}
    try:
        weight_set(data, version=1)
    except WeightsError:
        return
    assert part == "image" or value == 1
