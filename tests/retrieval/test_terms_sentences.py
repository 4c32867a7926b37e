import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.terms import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A mass. It enhances.", ["A mass.", "It enhances."]),
        ("It measures 3.5 cm. No fat.", ["It measures 3.5 cm.", "No fat."]),
        ("Dr. Smith saw it, e.g. on CT. Then left.", ["Dr. Smith saw it, e.g. on CT.", "Then left."]),
        ("CT:\nWell-circumscribed nodule.", ["CT:", "Well-circumscribed nodule."]),
        ("a mass in the\nleft lung.", ["a mass in the\nleft lung."]),
        ("one line\n\nanother line", ["one line", "another line"]),
        ("1. First item\n2. Second item", ["1. First item", "2. Second item"]),
        ("- fever\n- cough", ["- fever", "- cough"]),
        ("Is it a cyst? Yes!", ["Is it a cyst?", "Yes!"]),
        ("  \n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [span.text for span in sentences(text)] == expected


@given(st.text(alphabet="aB1. ,;:\n-()?!“”é"))
def test_offsets_always_slice_to_the_sentence_and_nothing_but_space_is_lost(text: str) -> None:
    spans = sentences(text)
    last = 0
    for span in spans:
        assert text[span.start : span.end] == span.text
        assert not text[last : span.start].strip()
        last = span.end
    assert not text[last:].strip()
