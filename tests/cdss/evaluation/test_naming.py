import pytest

from cdss.reasoning.icd import icd_credit
from cdss.reasoning.naming import names_in_text, same_disease


@pytest.mark.parametrize(
    ("name", "gold"),
    [
        ("Pulmonary hamartoma", "Hamartoma, pulmonary"),
        ("Hepatocellular carcinoma", "Hepatocellular carcinomas (HCC)"),
        ("Renal cell carcinoma", "Left renal cell carcinoma with vein invasion"),
        ("Oesophageal perforation", "Esophageal perforation"),
        ("Meningioma", "Sphenoid wing meningioma"),
        ("Acute appendicitis", "Appendicitis"),
    ],
)
def test_names_of_one_disease(name: str, gold: str) -> None:
    assert same_disease(name, gold)
    assert same_disease(gold, name)


@pytest.mark.parametrize(
    ("name", "gold"),
    [
        ("Pulmonary embolism", "Pulmonary hamartoma"),
        ("Brain abscess", "Brain metastases"),
        ("Carcinoma", "Squamous cell lung carcinoma of the left upper lobe"),
        ("", "Gout"),
        ("Disease", "Crohn disease"),
    ],
)
def test_names_of_two_diseases(name: str, gold: str) -> None:
    assert not same_disease(name, gold)


def test_a_text_names_a_disease_in_any_spelling() -> None:
    assert names_in_text(["Epidural haematoma"], "CT shows an epidural hematoma.")
    assert not names_in_text(["Epidural haematoma"], "CT shows a haematoma that is not epidural.")
    assert not names_in_text(["", "Gout"], "A swollen toe.")


@pytest.mark.parametrize(
    ("code", "gold", "credit"),
    [
        ("D14.3", "D14.3", 1.0),
        ("D14.30", "D14.3", 1.0),
        ("D14.1", "D14.3", 0.75),
        ("K35", "K36", 0.5),
        ("K35", "K80", 0.25),
        ("K35", "D14.3", 0.0),
        ("not a code", "D14.3", 0.0),
    ],
)
def test_credit_falls_with_the_distance_in_the_hierarchy(code: str, gold: str, credit: float) -> None:
    assert icd_credit(code, gold) == credit
    assert icd_credit(gold, code) == credit
