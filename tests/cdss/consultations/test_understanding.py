from cdss.consultations.understanding import corrections_from, corrections_rows, understood, understood_rows
from cdss.reasoning.types import CaseInput, Correction
from cdss.reasoning.understanding import read_case


def test_a_note_repeats_nothing_of_the_text() -> None:
    (row,) = understood([{"text": "19 mm nodule", "laterality": "right", "measures": ["19 mm"], "assertion": "denied"}])
    assert (row.text, row.note) == ("19 mm nodule", "right, denied")


def test_what_was_corrected_is_told_and_what_was_left_out_is_shown_as_such() -> None:
    corrections = (
        Correction("findings", "fat", 3, "present"),
        Correction("findings", "calcification", 10, "removed"),
    )
    reading = read_case(CaseInput(findings="No fat or calcification.", corrections=corrections))
    rows = understood(understood_rows(reading, coded=False))
    assert [(row.text, row.assertion, row.note) for row in rows] == [
        ("fat", "present", "set by hand"),
        ("calcification", "removed", "left out, set by hand"),
    ]


def test_a_finding_carries_the_codes_of_its_concept() -> None:
    (row,) = understood_rows(read_case(CaseInput(findings="Left pleural effusion.")))
    assert row["codes"]["icd10cm"].startswith("J9")  # type: ignore[index]
    assert (row["laterality"], row["anatomy"]) == ("left", ["pleura"])


def test_corrections_are_stored_and_read_again() -> None:
    given = (Correction("exam", "clubbing", -1, "denied", "left", "2 cm"),)
    assert corrections_from(corrections_rows(given)) == given
