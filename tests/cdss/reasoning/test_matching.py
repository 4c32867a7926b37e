"""Which sentences of a source are read beside the findings of a case."""

import pytest

from cdss.reasoning.matching import findings_of, information_of, matches_of, sentences_of, unexplained
from cdss.reasoning.types import CaseInput, EvidenceText


def read(text: str, kind: str = "literature") -> list[str]:
    return [sentence.text for sentence in sentences_of(EvidenceText("E1", kind, "1", "", text, 1.0))]


@pytest.mark.parametrize(
    "text",
    [
        "Surveillance of Post Colectomy Cancer Patients",
        "Imaging Features on CT and MRI",
        "DIFFERENTIAL DIAGNOSIS OF A MASS",
    ],
)
def test_a_headline_states_nothing(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    "text", ["A nodule with popcorn calcification is typical.", "popcorn calcification within a smooth nodule"]
)
def test_a_sentence_is_read_with_and_without_its_full_stop(text: str) -> None:
    assert read(text) == [text]


# Enough of other words that those of a finding tell something.
FILLING = " ".join(f"Its {word} has been described at length." for word in ("histology", "treatment", "genetics"))


def met(case: CaseInput, text: str) -> list[str]:
    described = sentences_of(EvidenceText("E1", "literature", "1", "", f"{text} {FILLING}", 1.0))
    return [match.finding.text for match in matches_of(findings_of(case), described, information_of(described))]


@pytest.mark.parametrize(
    ("case", "text"),
    [
        (CaseInput(history="Neck pain."), "Pain near the knee is typical."),
        (CaseInput(history="Neck pain."), "Pain with load is typical. The tibia and the femur are affected."),
        (CaseInput(findings="Solid mass in the left lung."), "Enhancement of the kidney means a solid mass."),
        (CaseInput(findings="A well-marginated mass of the lung."), "The femur shows a well-marginated border."),
        (
            CaseInput(findings="A well-marginated mass of the lung."),
            "It has a well-marginated border with a rim of bone.",
        ),
    ],
)
def test_what_fits_most_diseases_is_met_only_where_it_is(case: CaseInput, text: str) -> None:
    assert met(case, text) == []


@pytest.mark.parametrize(
    ("case", "text"),
    [
        (CaseInput(history="Neck pain."), "Neck pain is typical."),
        (CaseInput(history="Knee pain."), "Pain with load is typical. The knee is affected."),
        (
            CaseInput(findings="Popcorn calcification in the lung."),
            "The kidney shows no mass. Popcorn calcification is seen.",
        ),
        (CaseInput(findings="A well-marginated lesion of the femur."), "Its well-marginated border is a rim of bone."),
        (CaseInput(history="Back pain."), "Back pain and a stiff spine are typical."),
    ],
)
def test_a_finding_is_met_where_it_is_or_where_no_place_is_told(case: CaseInput, text: str) -> None:
    assert len(met(case, text)) == 1


def test_what_is_met_elsewhere_is_left_unexplained() -> None:
    case = CaseInput(history="Neck pain.")
    for text, left in (("Pain near the knee is typical.", ["Neck pain"]), ("Neck pain is typical.", [])):
        described = sentences_of(EvidenceText("E1", "literature", "1", "", f"{text} {FILLING}", 1.0))
        assert [one.text for one in unexplained(findings_of(case), described, information_of(described))] == left


@pytest.mark.parametrize(
    ("findings", "sentence", "stance"),
    [
        ("Breathlessness.", "Patients present with dyspnoea and haemoptysis.", "for"),
        ("Coughing up blood.", "Haemoptysis is a typical symptom.", "for"),
        ("No shortness of breath.", "Dyspnea is present in every patient.", "against"),
        ("Difficulty swallowing.", "Dysphasia is a typical symptom.", None),
        ("Loss of consciousness.", "Syncope is a typical symptom.", None),
    ],
)
def test_a_finding_is_met_under_its_other_names(findings: str, sentence: str, stance: str | None) -> None:
    read = sentences_of(EvidenceText("E1", "literature", "1", "", f"{sentence} The tumour is round and smooth.", 1.0))
    found = list(matches_of(findings_of(CaseInput(findings=findings)), read, information_of(read)))
    assert [(match.stance, match.sentence.text) for match in found] == ([(stance, sentence)] if stance else [])
