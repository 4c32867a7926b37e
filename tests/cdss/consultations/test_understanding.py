from cdss.consultations.understanding import understood


def test_what_stands_for_an_identifier_is_no_finding() -> None:
    given = [{"text": text} for text in ("Dr", "name", "MRN", "date of onset", "popcorn calcification")]
    assert [row.text for row in understood(given)] == ["date of onset", "popcorn calcification"]


def test_a_note_repeats_nothing_of_the_text() -> None:
    (row,) = understood(
        [{"text": "19 mm nodule", "laterality": "right", "measures": [{"text": "19 mm"}], "polarity": "denied"}]
    )
    assert (row.text, row.note) == ("19 mm nodule", "right, denied")
