"""The part of the body a text is mostly about."""

from dataclasses import replace

import pytest

from cdss.reasoning.regions import far_apart, region_of, region_of_case, unlike
from cdss.reasoning.types import CaseInput


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
        ("skeleton", "chest", False),
        ("head", "head", False),
        ("head", "", False),
        ("", "", False),
    ],
)
def test_what_adjoins_says_little_against(one: str, other: str, far: bool) -> None:
    assert far_apart(one, other) is far_apart(other, one) is far


LUNG = CaseInput(history="Neck pain.", findings="A mass in the left lung. It lies in the upper lobe.")


def test_what_was_seen_tells_where_it_is() -> None:
    assert region_of_case(LUNG) == "chest"
    assert region_of_case(replace(LUNG, findings="A mass.")) == "neck"


def test_texts_on_the_same_part_of_the_body_are_alike() -> None:
    of_lung = unlike(LUNG, "A nodule of the lung. It may lie in any lobe of a lung.", "Pulmonary hamartoma")
    of_bone = unlike(LUNG, "A lesion at the knee. The cortex of the bone is thin.", "Giant cell tumour of bone")
    assert of_lung < 0.4 < of_bone == 1.0


def test_the_name_of_a_text_says_more_of_its_place_than_one_sentence() -> None:
    text = "It spreads to the lung."
    assert unlike(LUNG, text, "Osteosarcoma of the femur") > unlike(LUNG, text, "Osteosarcoma")


@pytest.mark.parametrize(("text", "name"), [("It is rare.", "Sarcoma"), ("", "")])
def test_a_text_that_names_no_place_is_not_elsewhere(text: str, name: str) -> None:
    assert unlike(LUNG, text, name) == 0


def test_a_case_that_names_no_place_is_nowhere_else() -> None:
    assert unlike(CaseInput(history="Fever."), "A nodule of the lung.", "Pneumonia") == 0
