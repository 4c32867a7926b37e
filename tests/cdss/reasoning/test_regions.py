"""The part of the body a text is mostly about."""

import pytest

from cdss.reasoning.regions import far_apart, region_of


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("A nodule in the left lung. The heart is normal. The liver is normal.", "chest"),
        ("Hepatic and splenic lesions.", "abdomen"),
        ("A cerebellar infarct of the brain.", "head"),
        ("Lung nodule. Liver cyst.", ""),
        ("Fever for three days.", ""),
        ("An aneurysm of the aorta below the kidneys.", "abdomen"),
        ("", ""),
    ],
)
def test_the_part_named_most_often(text: str, region: str) -> None:
    assert region_of(text) == region


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [
        ("head", "abdomen", True),
        ("pelvis", "chest", True),
        ("abdomen", "pelvis", False),
        ("limb", "chest", False),
        ("spine", "limb", False),
        ("head", "head", False),
        ("head", "", False),
        ("", "", False),
    ],
)
def test_what_adjoins_says_little_against(one: str, other: str, far: bool) -> None:
    assert far_apart(one, other) is far_apart(other, one) is far
