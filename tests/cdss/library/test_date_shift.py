from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdss.library.date_shift import LEAST, MOST, DateShift
from cdss.library.deidentify import deidentify

DAY = DateShift(31)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Seen 2020-03-05.", "Seen 2020-02-03."),
        ("CT on 3/5/2020 and 04-05-20.", "CT on 2/3/2020 and 03-05-20."),
        ("CT on 25/3/2020, MR on 5/4/2020", "CT on 23/2/2020, MR on 5/3/2020"),
        ("CT on 05.03.2020", "CT on 03.02.2020"),
        ("Study 20200305 done", "Study 20200203 done"),
        ("On March 5, 2020 he fell.", "On February 3, 2020 he fell."),
        ("On the 5th of March he fell.", "On the 3rd of February he fell."),
        ("05-Mar-2020 and 05MAR2020", "03-Feb-2020 and 03FEB2020"),
        ("In March 2020 a CT", "In February 2020 a CT"),
        ("Taken 2020-03-05T12:30:00Z", "Taken 2020-02-03T12:30:00Z"),
        ("Since 2004 he smokes.", "Since 2004 he smokes."),
    ],
)
def test_dates_move_in_the_clothes_they_had(text: str, expected: str) -> None:
    assert deidentify(text, shift=DAY).text == expected


def test_what_is_no_day_of_the_calendar_is_replaced() -> None:
    assert deidentify("Seen 2/30/2020.", shift=DAY).text == "Seen [date]."


def test_other_identifiers_are_still_replaced() -> None:
    assert deidentify("Dr. Smith, 2020-03-05", shift=DAY).text == "Dr. [name], 2020-02-03"


@given(st.dates(date(1905, 1, 1), date(2099, 12, 31)), st.integers(0, 4000), st.text(min_size=1, max_size=20))
def test_the_days_between_two_dates_stay(first: date, days: int, patient: str) -> None:
    second = date.fromordinal(min(first.toordinal() + days, date(2099, 12, 31).toordinal()))
    shift = DateShift.of(patient)
    text = deidentify(f"Seen {first.isoformat()} and {second:%B} {second.day}, {second.year}.", shift=shift).text
    words = text.removeprefix("Seen ").removesuffix(".").split(" and ")
    moved = [date.fromisoformat(words[0]), datetime.strptime(words[1], "%B %d, %Y").date()]  # noqa: DTZ007 - a day has no zone
    assert moved[1] - moved[0] == second - first
    assert moved[0] != first


def test_a_patient_has_one_shift_and_others_have_others() -> None:
    shifts = {DateShift.of(f"patient {number}").days for number in range(50)}
    assert len(shifts) > 40
    assert all(LEAST <= days <= MOST for days in shifts)
    assert DateShift.of("A-1") == DateShift.of(" A-1 ")


def test_header_and_history_agree() -> None:
    shift = DateShift.of("A-1")
    written = deidentify("Seen 2020-03-05.", shift=shift).text.removeprefix("Seen ").removesuffix(".")
    assert shift.dicom("20200305", "DA") == written.replace("-", "")
    assert shift.dicom("20200305123000.5", "DT") == written.replace("-", "") + "123000.5"
    assert shift.dicom("yesterday", "DA") == ""
