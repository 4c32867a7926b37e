import pytest
from django.test import override_settings

from cdss.consultations.intake import CaseRefusedError, checked, deidentified, split_pasted
from cdss.reasoning.types import CaseInput


@pytest.mark.parametrize("text", ["", "   \n\t ", "…", "\x00\x07"])
def test_an_empty_case_is_refused(text: str) -> None:
    with pytest.raises(CaseRefusedError, match="empty"):
        checked(CaseInput(history=text))


@override_settings(CASE_MAX_CHARACTERS=1000)
def test_a_case_too_long_is_refused_with_both_numbers() -> None:
    with pytest.raises(CaseRefusedError, match=r"1,200 characters; at most 1,000"):
        checked(CaseInput(findings="a" * 1200))


def test_control_characters_go_and_line_breaks_stay() -> None:
    case = checked(CaseInput(history="fever\r\nfor\u202e 3 days\x00"))
    assert case.history == "fever\nfor 3 days"


def test_text_in_another_script_is_a_case() -> None:
    assert checked(CaseInput(history="咳嗽三周")).history == "咳嗽三周"


def test_identifiers_are_counted_and_gone() -> None:
    case, removed = deidentified(CaseInput(history="Mr. John Smith, phone 555-123-4567, has cough."))
    assert "Smith" not in case.history
    assert "4567" not in case.history
    assert "cough" in case.history
    assert sum(removed.values()) == 2


def test_headings_within_a_line_split_it_too() -> None:
    case = split_pasted(
        "45 year old man. History: fever. Exam: weak left arm. Findings: MRI: a ring. Imaging findings agree."
    )
    assert (case.age, case.sex) == ("45", "male")
    assert case.history == "45 year old man.\nfever."
    assert case.exam == "weak left arm."
    assert case.findings == "MRI: a ring. Imaging findings agree."


def test_headings_split_a_pasted_text() -> None:
    case = split_pasted("58 yo man\nHistory: neck pain\nExam: normal\nFindings:\nA 3 cm mass in the left lung.")
    assert case.history == "58 yo man\nneck pain"
    assert case.exam == "normal"
    assert case.findings == "A 3 cm mass in the left lung."
    assert (case.age, case.sex) == ("58", "male")


def test_without_headings_a_paragraph_about_images_is_the_findings() -> None:
    case = split_pasted("A woman of 40 with headache.\n\nT2-weighted MR shows a hyperintense lesion.")
    assert case.history.startswith("A woman")
    assert case.findings.startswith("T2-weighted")
    assert case.sex == "female"
