"""The part of the body a text is mostly about."""

import pytest

from cdss.reasoning.regions import region_of


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("A nodule in the left lung. The heart is normal. The liver is normal.", "chest"),
        ("Hepatic and splenic lesions.", "abdomen"),
        ("A cerebellar infarct of the brain.", "head"),
        ("Lung nodule. Liver cyst.", ""),
        ("Fever for three days.", ""),
        ("", ""),
    ],
)
def test_the_part_named_most_often(text: str, region: str) -> None:
    assert region_of(text) == region
