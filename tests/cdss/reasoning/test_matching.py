"""Which sentences of a source are read beside the findings of a case."""

import pytest

from cdss.reasoning.matching import findings_of, information_of, matches_of, sentences_of
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
