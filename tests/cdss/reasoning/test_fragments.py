"""What of a phrase is a finding, and what is a person, a time, a place or a film."""

import pytest

from cdss.reasoning.types import CaseInput
from cdss.reasoning.understanding import read_findings


def read(text: str) -> list[str]:
    return [finding.text for finding in read_findings(CaseInput(findings=text))]


@pytest.mark.parametrize(
    "text",
    [
        "62-year-old man.",
        "45 y/o wf.",
        "Film #2 and 3.",
        "Many of.",
        "Within the left ventricle.",
        "None of them.",
        "3 cm.",
        "2 months apart.",
        "Magnified view of the sagittal image.",
        "After the last three weeks.",
        "Ocular exam.",
        "Subsequent MRI evaluation of the orbits.",
        "Globe to just anterior to the optic chiasm.",
    ],
)
def test_who_when_where_and_which_film_are_no_findings(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Incidental finding of a mass appears to", ["Incidental finding of a mass"]),
        ("T12 fracture.", ["T12 fracture"]),
        ("2 cm nodule.", ["2 cm nodule"]),
        ("A 3-day history of pain.", ["3-day history of pain"]),
        ("No fat is seen inside the mass.", ["fat"]),
    ],
)
def test_findings_stay_without_the_words_they_break_off_in(text: str, found: list[str]) -> None:
    assert read(text) == found
    for finding in read_findings(CaseInput(findings=text)):
        assert text[finding.start : finding.end] == finding.text
