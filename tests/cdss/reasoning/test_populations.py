"""Ages and sexes that a text names for a disease."""

import pytest

from cdss.reasoning.populations import OLDEST, distance, populations


@pytest.mark.parametrize(
    ("text", "ages"),
    [
        ("It typically occurs in children under 5 years of age.", {(0.0, 5.0), (0, 16)}),
        ("The peak incidence is in the third to fifth decades of life.", {(20.0, 50.0)}),
        ("It is usually discovered during the first three decades of life.", {(0.0, 30.0)}),
        ("Symptoms usually appear after the second decade of life.", {(20.0, OLDEST)}),
        ("Patients are usually between 10 and 35 years old.", {(10.0, 35.0)}),
        ("It commonly presents between 2 and 6 months of age.", {(2 / 12, 6 / 12)}),
        ("Most patients are older than 50 years.", {(50.0, OLDEST)}),
        ("The mean age at onset is 40 years.", {(25.0, 55.0)}),
        ("Young adults are most commonly affected.", {(15, 40)}),
    ],
)
def test_ages_are_read(text: str, ages: set[tuple[float, float]]) -> None:
    (found,) = populations(text)
    assert set(found.ages) >= ages
    assert found.usual
    assert text[found.start : found.end] == text


@pytest.mark.parametrize(
    "text",
    [
        "Lesions measure 2 to 5 cm.",
        "The five-year survival of children is 80%.",
        "New lesions usually appear within 1-2 years.",
        "Treatment is usually surgery in adults.",
        "",
    ],
)
def test_what_is_of_no_age_is_not_read(text: str) -> None:
    assert list(populations(text)) == []


def test_what_is_rare_is_not_usual() -> None:
    (found,) = populations("It is rarely seen in adults.")
    assert not found.usual


@pytest.mark.parametrize(
    ("text", "sex"),
    [
        ("There is a female predominance.", "female"),
        ("It is more common in men.", "male"),
        ("Age-15-41 yrs; m:f 1:8", "female"),
        ("The male to female ratio is 3:1 and it peaks early.", "male"),
        ("Male:female incidence is 1:1.", ""),
    ],
)
def test_the_usual_sex_is_read(text: str, sex: str) -> None:
    assert next((found.sex for found in populations(text)), "") == sex


def test_the_distance_grows_outside_of_the_ranges() -> None:
    ages = [(0.0, 16.0), (40.0, 60.0)]
    assert distance(5, ages) == distance(50, ages) == distance(18, ages) == 0
    assert 0 < distance(72, ages) < distance(90, ages)
    assert distance(50, []) == 0


def test_a_long_text_is_read_in_no_time() -> None:
    assert list(populations("1 to " * 20_000)) == []
