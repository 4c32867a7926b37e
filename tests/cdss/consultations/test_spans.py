from hypothesis import given
from hypothesis import strategies as st

from cdss.consultations.previews import pieces
from cdss.consultations.spans import excerpt, segments, span_id

TEXTS = st.text(alphabet="ab \n<>&", max_size=900)


@st.composite
def cited_texts(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]]]:
    text = draw(TEXTS)
    edge = st.integers(0, len(text))
    pairs = draw(st.lists(st.tuples(edge, edge).map(sorted), max_size=5))
    return text, sorted({(low, high) for low, high in pairs if low < high})


@given(cited_texts())
def test_nothing_of_the_text_is_lost_and_every_span_is_marked_whole(found: tuple[str, list[tuple[int, int]]]) -> None:
    text, cited = found
    made = segments("E1", text, cited, near=excerpt(text, cited))
    assert "".join(segment.text for segment in made) == text
    for low, high in cited:
        name = span_id("E1", low, high)
        assert "".join(segment.text for segment in made if name in segment.spans) == text[low:high]
        assert [name in segment.anchors for segment in made].count(True) == 1
    assert not any(segment.far and segment.spans for segment in made)


@given(cited_texts())
def test_an_ellipsis_stands_once_before_each_part_that_is_folded_away(found: tuple[str, list[tuple[int, int]]]) -> None:
    text, cited = found
    made = segments("E1", text, cited, near=excerpt(text, cited))
    before = [False, *(segment.far for segment in made)]
    assert [segment.gap for segment in made] == [s.far and not b for s, b in zip(made, before, strict=False)]


def test_a_long_text_without_citations_is_folded_after_its_opening() -> None:
    made = segments("E1", "word " * 300, [], near=excerpt("word " * 300, []))
    assert [segment.far for segment in made] == [False, True]
    assert 300 < len(made[0].text) < 340


def test_an_excerpt_ends_with_its_paragraph_and_shows_no_blank_lines() -> None:
    text = "Findings:\nA nodule.\n\n" + "It is central. " * 30 + "\n\nTreatment:\nNone."
    start = text.index("It is")
    made = segments("E1", text, [(start, start + 14)], near=excerpt(text, [(start, start + 14)]))
    assert [segment.text[:9] for segment in made if segment.spans] == ["It is cen"]
    assert made[0].far
    assert made[0].shown == "Findings:\nA nodule.\n"


def test_a_span_beyond_the_text_marks_nothing() -> None:
    assert [segment.spans for segment in segments("E1", "short", [(90, 99)], near=[(0, 5)])] == [[]]


@given(cited_texts())
def test_a_preview_shows_the_whole_text(found: tuple[str, list[tuple[int, int]]]) -> None:
    text, spans = found
    assert "".join(piece.text for piece in pieces(text, [(low, high, "name") for low, high in spans])) == text
