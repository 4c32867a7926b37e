"""Which weights answer: what the database says, at once and in every process, as long as they can be used."""

from typing import Any

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries

from cdss.canonical import canonical_sha256
from cdss.ranking.models import RankingWeights, State
from cdss.ranking.serving import active_weights, forget_weights, weights_of
from cdss.ranking.weights import WeightsError, packaged_weights

pytestmark = pytest.mark.django_db


def stored(data: dict[str, Any], version: int = 1, state: str = State.ACTIVE, **fields: Any) -> RankingWeights:
    values = {"weights": data, "sha256": canonical_sha256(data), "replaced": 0} | fields
    return RankingWeights.objects.create(version=version, state=state, **values)


def test_without_a_promotion_the_packaged_weights_answer(data: dict[str, Any]) -> None:
    stored(data | {"image": 0.3}, state=State.PROPOSED)
    assert active_weights() == packaged_weights()


def test_a_promotion_takes_effect_at_the_next_search(data: dict[str, Any]) -> None:
    active_weights()
    row = stored(data | {"image": 0.3})
    assert (active_weights().version, active_weights().image) == (1, 0.3)
    # Another process: nothing tells this one but the database.
    RankingWeights.objects.filter(pk=row.pk).update(state=State.RETIRED)
    stored(data | {"image": 0.4}, version=2)
    assert (active_weights().version, active_weights().image) == (2, 0.4)


def test_a_search_costs_one_query_of_two_columns(
    data: dict[str, Any], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    stored(data)
    with django_assert_num_queries(2):
        active_weights()
    with django_assert_num_queries(1) as asked:
        active_weights()
    assert '"weights"' not in asked.captured_queries[0]["sql"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data["search"]["weights"].update(phase_of_the_moon=1.0),
        lambda data: data["search"]["weights"].update(lexical=-1.0),
        lambda data: data.pop("image"),
    ],
)
def test_what_cannot_be_used_does_not_answer_and_that_is_told(
    data: dict[str, Any], damage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    damage(data)
    stored(data)
    answering = active_weights()
    assert answering.version == 0
    assert answering.sha256 == packaged_weights().sha256
    assert "Version 1 was promoted and cannot be used" in answering.trouble
    assert "ranking weights 1 cannot be used" in caplog.text


def test_weights_that_were_changed_in_place_do_not_answer(data: dict[str, Any]) -> None:
    row = stored(data)
    RankingWeights.objects.filter(pk=row.pk).update(weights=data | {"image": 0.9})
    forget_weights()
    assert "SHA-256" in active_weights().trouble


def test_weights_are_found_by_what_a_consultation_keeps(data: dict[str, Any]) -> None:
    row = stored(data | {"image": 0.3}, state=State.RETIRED)
    assert weights_of(1, row.sha256).image == 0.3
    assert weights_of(0, packaged_weights().sha256) == packaged_weights()
    with pytest.raises(WeightsError, match="no ranking weights of version 9"):
        weights_of(9)
    with pytest.raises(WeightsError, match="another release"):
        weights_of(0, "0" * 64)
    with pytest.raises(WeightsError, match="version 1 are not those"):
        weights_of(1, "0" * 64)
