import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.encoders.hashing import HashingTextEncoder
from retrieval.passages import Page, Section, heading_sections, split
from retrieval.types import Passage

OFFSETS = HashingTextEncoder().token_offsets
PIECES = st.sampled_from(
    [
        "The lung is clear. ",
        "No mass, no effusion. ",
        "word ",
        "\n\n",
        "\n",
        "x" * 30,
        "3.5 cm ",
        "肺に結節。",
        "!?",
        " ",
        "é",
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=60).map("".join), st.text(max_size=200))


def subwords(text: str) -> list[tuple[int, int]]:
    """Tokens of at most three characters, as an encoder of word pieces has them."""
    return [
        (start, min(start + 3, match.end()))
        for match in re.finditer(r"\S+", text)
        for start in range(match.start(), match.end(), 3)
    ]


def words_outside(text: str, passages: list[Passage]) -> str:
    left = list(text)
    for passage in passages:
        left[passage.start : passage.end] = " " * (passage.end - passage.start)
    return "".join(left).strip()


@given(TEXTS, st.integers(1, 40), st.integers(0, 12), st.sampled_from([OFFSETS, subwords]))
@settings(max_examples=300, deadline=None)
def test_passages_fit_and_cover_and_stand_where_they_say(text: str, window: int, overlap: int, offsets: object) -> None:
    passages = split(text, token_offsets=offsets, max_tokens=window, overlap=min(overlap, window - 1))
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
        assert passage.text == passage.text.strip() != ""
        assert len(offsets(passage.text)) <= window or passage.end - passage.start == 1
    assert words_outside(text, passages) == ""
    starts = [passage.start for passage in passages]
    ends = [passage.end for passage in passages]
    assert starts == sorted(set(starts))
    assert ends == sorted(set(ends))


@given(TEXTS, st.integers(2, 20))
@settings(max_examples=100, deadline=None)
def test_without_overlap_no_character_is_in_two_passages(text: str, window: int) -> None:
    passages = split(text, token_offsets=OFFSETS, max_tokens=window)
    assert all(first.end <= second.start for first, second in pairwise(passages))


@given(st.lists(st.tuples(PIECES, st.integers(0, 2)), max_size=25), st.integers(1, 10))
@settings(max_examples=100, deadline=None)
def test_no_passage_reaches_over_a_section_or_a_page(pieces: list[tuple[str, int]], window: int) -> None:
    text, pages = "", []
    for number, (piece, _) in enumerate(pieces, 1):
        pages.append(Page(len(text), len(text) + len(piece), number))
        text += piece
    half = len(text) // 2
    sections = [Section(0, half, "a"), Section(half, len(text), "b")]
    for passage in split(text, token_offsets=OFFSETS, max_tokens=window, sections=sections, pages=pages):
        assert passage.page is not None
        page = pages[passage.page - 1]
        assert page.start <= passage.start < passage.end <= page.end
        assert (passage.section == "a") == (passage.end <= half)


def test_a_cut_falls_at_a_sentence_end() -> None:
    text = "The heart is enlarged. The lungs are clear. No effusion is seen, and nothing else."
    cut = split(text, token_offsets=OFFSETS, max_tokens=12)
    assert [passage.text for passage in cut] == [
        "The heart is enlarged. The lungs are clear.",
        "No effusion is seen, and nothing else.",
    ]


def test_a_paragraph_end_in_the_second_half_is_preferred() -> None:
    text = "One two three four five six.\n\nSeven eight nine. Ten eleven twelve thirteen."
    cut = split(text, token_offsets=OFFSETS, max_tokens=12)
    assert cut[0].text == "One two three four five six."


def test_overlap_repeats_whole_sentences() -> None:
    text = "One two three four. Five six seven. Eight nine ten. Eleven twelve."
    cut = split(text, token_offsets=OFFSETS, max_tokens=10, overlap=5)
    assert [passage.text for passage in cut] == [
        "One two three four. Five six seven.",
        "Five six seven. Eight nine ten.",
        "Eight nine ten. Eleven twelve.",
    ]


def test_an_overlap_that_leaves_no_room_is_left_out() -> None:
    text = "word\n\nNo mass, no effusion. The lung is clear."
    cut = split(text, token_offsets=OFFSETS, max_tokens=7, overlap=6)
    assert [passage.text for passage in cut] == ["word\n\nNo mass, no effusion.", "The lung is clear."]


def test_a_word_over_the_window_is_cut() -> None:
    text = "a" * 100
    cut = split(text, token_offsets=subwords, max_tokens=10)
    assert [len(passage.text) for passage in cut] == [30, 30, 30, 10]


@pytest.mark.parametrize(
    "options", [{"max_tokens": 0}, {"max_tokens": 5, "overlap": 5}, {"max_tokens": 5, "overlap": -1}]
)
def test_windows_that_make_no_sense_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"write a number|at least one"):
        split("text", token_offsets=OFFSETS, **options)


def test_headings_make_sections() -> None:
    text = "History:\nChest pain.\n\nFindings:\nA mass: 3 cm.\nTwo lines.\n\nDifferential diagnosis:\nCyst\n"
    found = [(section.name, text[section.start : section.end].strip()) for section in heading_sections(text)]
    assert found == [
        ("History", "Chest pain."),
        ("Findings", "A mass: 3 cm.\nTwo lines."),
        ("Differential diagnosis", "Cyst"),
    ]


def test_text_before_the_first_heading_has_no_name() -> None:
    assert [section.name for section in heading_sections("A note.\n\nFindings:\nClear.")] == ["", "Findings"]
    assert [section.name for section in heading_sections("A note: with a colon.")] == [""]
    assert heading_sections(" \n") == []
