import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdss.library.case_text import case_blocks
from cdss.library.models import Case
from cdss.library.rows import CaseRow
from cdss.library.services import Target, case_upsert
from cdss.library.spans import cited_span, page_of, pieces, sections

TEXTS = st.text(st.sampled_from("Ab: .\n\t"), max_size=120)


@given(TEXTS, st.integers(0, 60), st.integers(-5, 130), st.integers(-5, 130))
def test_pieces_are_the_text_and_mark_the_span(text: str, at: int, start: int, end: int) -> None:
    found = pieces(text, at, (start, end))
    assert "".join(piece.text for piece in found) == text
    marked = "".join(piece.text for piece in found if piece.cited)
    assert marked == text[max(0, start - at) : max(0, end - at)] if end > start else marked == ""


@given(TEXTS, st.integers(0, 120), st.integers(1, 120))
def test_a_section_keeps_every_word_and_one_anchor(text: str, start: int, length: int) -> None:
    span = cited_span({"start": str(start), "end": str(start + length)}, len(text))
    found = sections(text, span)
    shown = " ".join(f"{each.heading} " + "".join(piece.text for piece in each.pieces) for each in found)
    assert shown.replace(":", " ").split() == text.replace(":", " ").split()
    marked = [piece for each in found for piece in each.pieces if piece.cited]
    assert sum(piece.anchor for piece in marked) == bool(marked)


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("Objective\nTo tell.\n\nResults:\n\nLarge.", ["Objective", "Results"]),
        ("Before.\n\nBackground:\nx", ["", "Background"]),
        ("A sentence that ends.\nNext line.", [""]),
        ("lower case\nNext line.", [""]),
        ("", []),
    ],
)
def test_headings(text: str, headings: list[str]) -> None:
    assert [section.heading for section in sections(text, None)] == headings


@pytest.mark.parametrize("piece", ["\n", "\n ", "A\n", "A:\n\n", "A b\n\n"])
def test_a_long_document_takes_no_long_time(piece: str) -> None:
    started = time.perf_counter()
    sections(piece * 50_000, (5, 50))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("query", "span"),
    [
        ({"start": "0", "end": "3"}, (0, 3)),
        ({"start": "0", "end": "11"}, None),
        ({"start": "-1", "end": "3"}, None),
        ({"start": "3", "end": "3"}, None),
        ({"start": "٣x", "end": "4"}, None),
        ({}, None),
    ],
)
def test_a_span_is_checked(query: dict[str, str], span: tuple[int, int] | None) -> None:
    assert cited_span(query, 10) == span


def test_the_page_of_a_place() -> None:
    assert [page_of([[0, 5, 1], [7, 9, 2]], at) for at in (0, 4, 5, 7, 9)] == [1, 1, None, 2, None]


def test_blocks_stand_where_they_say(target: Target) -> None:
    row = CaseRow("s", "1", history="Pain.\n\nFindings:\nnot a block", findings="Mass", differential=("A", "B"))
    case_upsert(row=row, target=target)
    case = Case.objects.get()
    blocks = case_blocks(case)
    assert [block.heading for block in blocks] == ["History", "Findings", "Differential diagnosis"]
    assert all(case.text[block.start : block.end] == block.text for block in blocks)
