import pytest

from cdss.library.ages import age_said, age_years, dicom_age, is_no_age
from cdss.library.rows import CaseRow, patient_group, row_hash, shown_age


@pytest.mark.parametrize(
    ("age", "years"),
    [
        ("58", 58.0),
        ("58 y", 58.0),
        ("58-year-old", 58.0),
        ("058Y", 58.0),
        ("6 months", 0.5),
        ("006M", 0.5),
        ("3-week-old", 0.057),
        ("2 days", 0.005),
        ("0", 0.0),
        ("2.5 years", 2.5),
        ("92", 90.0),
        ("90 or older", 90.0),
        ("aged 45", 45.0),
        ("", None),
        ("adult", None),
        ("200", None),
    ],
)
def test_an_age_becomes_years(age: str, years: float | None) -> None:
    assert age_years(age) == years


@pytest.mark.parametrize("age", ["-5", "−5", "-5 years", "400", "131 y", "NaN", "nan", "inf", "1e9"])
def test_a_number_that_no_person_is_old_is_no_age(age: str) -> None:
    assert is_no_age(age)


@pytest.mark.parametrize("age", ["", "0", "58", "2.5", "130", "6 months", "120 weeks", "adult", "unknown", "40s", "-"])
def test_ages_and_words_are_taken_as_they_are(age: str) -> None:
    assert not is_no_age(age)


@pytest.mark.parametrize(
    ("age", "shown"), [("89", "89"), ("90", "90 or older"), ("101 years", "90 or older"), ("95 months", "95 months")]
)
def test_an_age_over_89_is_not_told(age: str, shown: str) -> None:
    assert shown_age(age) == shown


def test_the_hash_follows_the_row_and_its_images() -> None:
    row = CaseRow("s", "1", history="a")
    assert row_hash(row) == row_hash(CaseRow("s", "1", history="a"))
    assert len({row_hash(row), row_hash(CaseRow("s", "1", history="b")), row_hash(row, ("x",))}) == 3


def test_a_patient_is_known_by_a_salted_hash() -> None:
    group = patient_group("a", "4711")
    assert group == patient_group("a", "4711") != patient_group("b", "4711")
    assert "4711" not in group
    assert "patient" not in repr(CaseRow("s", "1", patient="4711"))


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("58", "58 years"),
        ("1", "1 year"),
        ("0", "under 1 year"),
        ("000Y", "under 1 year"),
        ("0.5", "6 months"),
        ("006M", "6 months"),
        ("1 mo", "1 month"),
        ("012D", "12 days"),
        ("3 weeks", "3 weeks"),
        ("3-week-old", "3-week-old"),
        ("0 days", "under 1 day"),
        ("90 or older", "90 or older"),
        ("adult", "adult"),
        ("", ""),
    ],
)
def test_an_infant_is_not_nought_years_old(held: str, said: str) -> None:
    assert age_said(held) == said


@pytest.mark.parametrize(
    ("held", "age"),
    [("58", "058Y"), ("6 months", "006M"), ("18 months", "018M"), ("5 days", "005D"), ("0", ""), ("adult", "")],
)
def test_dicom_counts_an_infant_in_months_or_days(held: str, age: str) -> None:
    assert dicom_age(age_years(held)) == age
