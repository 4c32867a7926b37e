import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.terms import assertions, hedges, laterality


def polarity(text: str, phrase: str) -> str:
    return next(found.polarity for found in assertions(text) if phrase in found.text)


@pytest.mark.parametrize(
    ("text", "phrase", "expected"),
    [
        ("No fat or calcification is evident. The mass enhances.", "calcification", "denied"),
        ("No fat or calcification is evident. The mass enhances.", "mass", "affirmed"),
        ("Denies fever but has cough.", "fever", "denied"),
        ("Denies fever but has cough.", "cough", "affirmed"),
        ("Pneumothorax is not seen.", "Pneumothorax", "denied"),
        ("Calcification is absent.", "Calcification", "denied"),
        ("The effusion has resolved.", "effusion", "denied"),
        ("Pulmonary embolism was ruled out.", "embolism", "denied"),
        ("Negative for fracture.", "fracture", "denied"),
        ("Lungs free of consolidation.", "consolidation", "denied"),
        ("No evidence of metastasis; left renal cyst.", "renal cyst", "affirmed"),
        ("There is no change in the left lung nodule.", "nodule", "affirmed"),
        ("Not only the liver is involved.", "liver", "affirmed"),
        ("Cannot exclude carcinoma.", "carcinoma", "uncertain"),
        ("Carcinoma cannot be excluded.", "Carcinoma", "uncertain"),
        ("Possible fracture of the rib.", "fracture", "uncertain"),
        ("Findings suspicious for abscess.", "abscess", "uncertain"),
        ("Lymphoma is unlikely.", "Lymphoma", "denied"),
        ("A non-enhancing mass in the liver.", "liver", "affirmed"),
    ],
)
def test_polarity(text: str, phrase: str, expected: str) -> None:
    assert polarity(text, phrase) == expected


def test_an_assertion_carries_its_side_and_measures() -> None:
    (found,) = assertions("A 2.5 x 3 cm right renal mass.")
    assert (found.laterality, [measure.normalised for measure in found.measures]) == ("right", [(25, 25), (30, 30)])


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("left kidney", "left"),
        ("Right-sided effusion", "right"),
        ("bilateral nodules", "bilateral"),
        ("left and right kidneys", "bilateral"),
        ("midline shift", "midline"),
        ("the kidney", None),
    ],
)
def test_laterality(text: str, side: str | None) -> None:
    assert laterality(text) == side


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("It is a cyst.", "definite"),
        ("It is usually a cyst.", "probable"),
        ("It may be a cyst.", "possible"),
        ("It is rarely a cyst.", "rare"),
        ("It is never a cyst.", "never"),
        ("It is usually, but may not be, a cyst.", "possible"),
    ],
)
def test_hedges(text: str, level: str) -> None:
    assert hedges(text) == level


@given(st.text(alphabet="nomasleft rgh,.;3cmx\n“"))
def test_offsets_always_slice_to_the_phrase(text: str) -> None:
    for found in assertions(text):
        assert text[found.start : found.end] == found.text
        for measure in found.measures:
            assert found.start <= measure.start <= measure.end <= found.end


def test_a_list_of_denials_denies_each() -> None:
    for text in (
        "No cough, no haemoptysis, no weight loss.",
        "No fever, no chills, or rigors.",
        "No fat and no edema.",
    ):
        assert {found.polarity for found in assertions(text)} == {"denied"}
