"""What anatomy or time rules out, and what it does not."""

import pytest

from cdss.reasoning.concepts import concept_of
from cdss.reasoning.patients import Patient, is_impossible, sex_of


def impossible(name: str, **patient: object) -> bool:
    concept = concept_of(name)
    assert concept
    return is_impossible(concept, name, Patient(**patient))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "sex"),
    [
        ("Ovarian torsion", "male"),
        ("Endometriosis", "male"),
        ("Ectopic pregnancy", "male"),
        ("Testicular torsion", "female"),
        ("Prostatic abscess", "female"),
    ],
)
def test_an_organ_the_other_sex_has_not(name: str, sex: str) -> None:
    assert impossible(name, sex=sex)
    assert not impossible(name, sex="male" if sex == "female" else "female")
    assert not impossible(name)


@pytest.mark.parametrize("name", ["Breast carcinoma", "Testicular feminization", "Pneumonia", "Varicose veins"])
@pytest.mark.parametrize("sex", ["male", "female"])
def test_what_either_sex_may_have(name: str, sex: str) -> None:
    assert not impossible(name, sex=sex)


def test_the_newborn_s_diseases_and_pregnancy_have_their_ages() -> None:
    assert impossible("Neonatal respiratory distress syndrome", years=40.0)
    assert not impossible("Neonatal respiratory distress syndrome", years=0.01)
    assert impossible("Ectopic pregnancy", years=80.0, sex="female")
    assert not impossible("Ectopic pregnancy", years=30.0, sex="female")


def test_a_disease_seldom_seen_at_an_age_is_not_impossible() -> None:
    assert not impossible("Wilms tumor", years=40.0)
    assert not impossible("Subarachnoid hemorrhage", years=61.0)


@pytest.mark.parametrize(
    ("text", "sex"), [("F", "female"), (" Male ", "male"), ("unknown", ""), ("", ""), ("man", "male")]
)
def test_the_sex_as_it_is_entered(text: str, sex: str) -> None:
    assert sex_of(text) == sex
