import pytest

from cdss.library.models import Case
from cdss.teaching.masking import masked, names_of_text
from cdss.teaching.scoring import AnswerError, checked_answers, is_right, score


@pytest.mark.parametrize(
    ("answer", "name", "right"),
    [
        ("Pulmonary hamartoma", "Pulmonary hamartoma", True),
        ("hamartoma of the lung", "Pulmonary hamartoma", True),
        ("PULMONARY HAMARTOMAS", "Pulmonary hamartoma", True),
        ("PE", "Pulmonary embolism", True),
        ("Stone of the ureter", "Ureteric calculus", True),
        ("Kidney cancer", "Renal carcinoma", True),
        ("Liver hamartoma", "Pulmonary hamartoma", False),
        ("renal cell carcinoma", "Renal cell carcinoma", True),
        ("Cerebral haemorrhage", "Subdural hematoma", False),
        ("subdural hematoma", "Subdural haematoma", True),
        ("Carcinoid", "Pulmonary hamartoma", False),
        ("no pulmonary hamartoma", "Pulmonary hamartoma", False),
        ("not pulmonary hamartoma", "Pulmonary hamartoma", False),
        ("pulmonary hamartoma or carcinoid", "Pulmonary hamartoma", False),
        ("pulmonary hamartoma / carcinoid / metastasis", "Pulmonary hamartoma", False),
        ("hamartoma carcinoid metastasis tuberculosis granuloma lung cancer abscess pulmonary infarct", "Pulmonary "
         "hamartoma", False),
        ("", "Pulmonary hamartoma", False),
        ("disease", "Pulmonary hamartoma", False),
    ],
)  # fmt: skip
def test_what_counts_as_right(answer: str, name: str, right: bool) -> None:
    assert is_right(answer, [name]) is right


def test_places_and_the_credit_of_the_hierarchy() -> None:
    case = Case(diagnosis="Ureteric calculus", codes=[{"system": "ICD-10-CM", "code": "N20.1", "display": "x"}])
    found = score(["Appendicitis", "ureteral calculus"], case)
    assert found.place == 2
    assert found.icd_credit == 1.0
    near = score(["Kidney stone"], case)
    assert (near.place, near.icd_credit) == (None, 0.75)
    assert score([], case).icd_credit is None


def test_answers_as_they_are_taken() -> None:
    assert checked_answers([" Carcinoid  tumour ", "", "carcinoid tumor", "Granuloma"]) == [
        "Carcinoid tumour", "Granuloma"
    ]  # fmt: skip
    for lines in (["a, b"], ["x" * 121], ["carcinoid or granuloma"], [f"name {n}" for n in "abcdef"]):
        with pytest.raises(AnswerError):
            checked_answers(lines)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Pulmonary embolism", "Multiple emboli in both lower lobes."),
        ("Pulmonary embolism", "PE was suspected."),
        ("Deep vein thrombosis", "A thrombus fills the vein."),
        ("Liver metastases", "Metastatic disease of the liver."),
        ("Acute appendicitis", "The appendicitis was perforated."),
        ("Ischaemic stroke", "He had had a stroke."),
        ("Gout", "A gouty tophus."),
        ("Renal cell carcinoma", "An RCC of the left kidney."),
        ("Subdural haematoma", "SUBDURAL   HEMATOMAS on both sides."),
        ("Osteoid osteoma", "This is osteoid-osteoma."),
    ],
)
def test_a_sentence_that_names_it_is_withheld(name: str, text: str) -> None:
    shown = masked(f"A first sentence stays here. {text} A last one is kept.", names_of_text(name))
    said = "".join(piece.text for piece in shown)
    assert text not in said
    assert said == "A first sentence stays here. A last one is kept."
    assert sum(piece.withheld for piece in shown) == 1


def test_what_does_not_name_it_stays_to_the_letter() -> None:
    text = "A nodule of 22 mm.\n\nIt has fat (-80 HU). No effusion; dr. Smith agreed."
    assert [piece.text for piece in masked(text, names_of_text("Pulmonary hamartoma"))] == [text]
    assert masked("", names_of_text("Gout")) == []


def test_huge_and_odd_texts() -> None:
    names = names_of_text("Multiple sclerosis")
    assert masked("x" * 200_000, names)
    assert masked("\u202e\x00 😀", names)
    assert names_of_text("").whole == frozenset()
