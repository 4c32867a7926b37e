"""What a person says of a finding holds over what was read, in every text that is made of the case."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdss.reasoning.matching import findings_of
from cdss.reasoning.types import CaseInput, Correction
from cdss.reasoning.understanding import read_case, read_findings, standing
from retrieval.terms import Finding, Presence, Side

CASE = CaseInput(
    history="Cough for 3 weeks. Denies fever.",
    findings="A well-circumscribed 2 cm nodule with popcorn calcification in the left upper lobe. "
    "No fat or effusion is evident.",
)


def found(text: str, case: CaseInput = CASE) -> Finding:
    return next(one for one in read_findings(case) if text in one.text)


def corrected(
    text: str, assertion: Presence | str, *, side: Side | None = None, measure: str | None = None
) -> CaseInput:
    one = found(text)
    correction = Correction(
        one.part,
        one.text,
        one.start,
        assertion,  # type: ignore[arg-type]
        side or one.laterality,
        ", ".join(one.measures) if measure is None else measure,
    )
    return replace(CASE, corrections=(correction,))


def told(case: CaseInput) -> dict[str, bool]:
    """What the composer takes for denied."""
    return {one.text: one.denied for one in findings_of(case)}


def test_without_corrections_the_case_is_read_and_searched_as_it_is() -> None:
    reading = read_case(CASE)
    assert reading.case is reading.searched is CASE
    assert {one.text: one.assertion for one in reading.findings} == {
        "Cough for 3 weeks": "present",
        "fever": "denied",
        "well-circumscribed 2 cm nodule": "present",
        "popcorn calcification in the left upper lobe": "present",
        "fat": "denied",
        "effusion": "denied",
    }


def test_a_denied_finding_that_is_present_is_said_and_counts_double_in_the_search() -> None:
    case = corrected("fat", "present")
    reading = read_case(case)
    assert reading.case.findings.endswith("No effusion is evident.\nFat.")
    assert reading.searched.findings.endswith("\nFat. Fat.")
    # Neither words nor vectors read a denial: what is denied is not searched for.
    assert "effusion" not in reading.searched.text
    assert told(case) | {"fat": False, "effusion": True} == told(case)


def test_a_present_finding_that_is_denied_is_not_searched_for() -> None:
    case = corrected("popcorn", "denied")
    reading = read_case(case)
    assert "No popcorn calcification in the left upper lobe." in reading.case.findings
    assert "popcorn" not in reading.searched.text
    assert told(case)["popcorn calcification in the left upper lobe"] is True


def test_a_removed_finding_is_gone_from_every_text() -> None:
    case = corrected("fever", "removed")
    reading = read_case(case)
    assert reading.case.history == reading.searched.history == "Cough for 3 weeks."
    assert "fever" not in told(case)
    assert [one.text for one in reading.removed] == ["fever"]


def test_a_case_that_denies_everything_is_searched_by_what_it_denies() -> None:
    case = CaseInput(findings="Fat.", corrections=(Correction("findings", "Fat", 0, "denied"),))
    assert read_case(case).searched.text == "No Fat."


def test_an_uncertain_finding_is_searched_for_and_speaks_for_nothing() -> None:
    case = corrected("fat", "uncertain")
    assert "Possible fat." in read_case(case).searched.findings
    assert "fat" not in told(case)


@pytest.mark.parametrize(
    ("text", "change", "expected"),
    [
        ("popcorn", {"side": "right"}, "popcorn calcification in the right upper lobe"),
        ("nodule", {"side": "left"}, "left well-circumscribed 2 cm nodule"),
        ("nodule", {"measure": "35 mm"}, "well-circumscribed 35 mm nodule"),
        ("nodule", {"measure": ""}, "well-circumscribed nodule"),
        ("popcorn", {"measure": "4 mm"}, "4 mm popcorn calcification in the left upper lobe"),
    ],
)
def test_a_side_or_a_size_is_put_in_its_place(text: str, change: dict[str, str], expected: str) -> None:
    reading = read_case(corrected(text, "present", **change))  # type: ignore[arg-type]
    (one,) = [one for one in reading.findings if one.by_hand]
    assert one.text == expected
    assert f"{expected[0].upper()}{expected[1:]}." in reading.case.findings


def test_an_added_finding_is_read_for_its_side_size_and_organ() -> None:
    case = replace(CASE, corrections=(Correction("findings", "3 cm left adrenal mass", -1, "present", "left", "3 cm"),))
    one = read_case(case).findings[-1]
    assert (one.laterality, one.measures, one.anatomy, one.by_hand) == ("left", ("3 cm",), ("adrenal",), True)
    assert told(case)["3 cm left adrenal mass"] is False


def test_a_word_of_a_person_holds_over_what_its_own_words_would_be_read_as() -> None:
    case = CaseInput(corrections=(Correction("findings", "non-enhancing mass", -1, "denied"),))
    assert told(case) == {"non-enhancing mass": True}


def test_corrections_go_along_with_their_words_and_no_further() -> None:
    corrections = (
        *corrected("fat", "present").corrections,
        *corrected("fever", "removed").corrections,
        Correction("exam", "clubbing", -1, "present"),
    )
    edited = CaseInput(history="Cough.", findings=f"New text before. {CASE.findings}")
    kept = standing(edited, corrections)
    assert [(one.text, one.start) for one in kept] == [("fat", found("fat").start + 17), ("clubbing", -1)]
    assert read_case(replace(edited, corrections=kept)).case.findings.endswith("Fat.")


def test_a_correction_holds_where_its_words_would_be_cut_differently_today() -> None:
    case = replace(CASE, corrections=(Correction("findings", "fat or effusion", 87, "present"),))
    assert [one.text for one in read_case(case).findings if one.by_hand] == ["fat or effusion"]
    assert "fat" not in {one.text for one in read_case(case).findings}


def test_what_stands_for_an_identifier_is_no_finding() -> None:
    case = CaseInput(history="Dr name, MRN record, phone number. Popcorn calcification.")
    assert [one.text for one in read_findings(case)] == ["Popcorn calcification"]


@given(
    st.lists(
        st.sampled_from(["No fat or calcification.", "Denies cough, fever.", "A mass, 2 cm.", "History of melanoma."])
    ),
    st.data(),
)
def test_every_other_finding_stays_as_it_was(parts: list[str], data: st.DataObject) -> None:
    case = CaseInput(findings=" ".join(parts))
    read = read_findings(case)
    chosen = data.draw(st.lists(st.sampled_from(read), unique=True)) if read else []
    assertions = [
        data.draw(st.sampled_from(["present", "denied", "uncertain", "historical", "removed"])) for _ in chosen
    ]
    corrections = tuple(
        Correction(one.part, one.text, one.start, assertion, one.laterality, ", ".join(one.measures))
        for one, assertion in zip(chosen, assertions, strict=True)
    )
    reading = read_case(replace(case, corrections=corrections))
    expected = [(one.text, one.assertion) for one in read if one not in chosen]
    assert [(one.text, one.assertion) for one in reading.findings if not one.by_hand] == expected
    # The text that the gate reads says the same.
    again = [(one.text.lower(), one.assertion) for one in read_findings(reading.case)]
    said = [(one.text.lower(), one.assertion) for one in reading.findings]
    assert sorted(again) == sorted(said)
