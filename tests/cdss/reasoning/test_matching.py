"""Which sentences of a source are read beside the findings of a case."""

import pytest

from cdss.reasoning.matching import sentences_of
from cdss.reasoning.types import EvidenceText


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
