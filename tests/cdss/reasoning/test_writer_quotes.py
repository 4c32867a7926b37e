import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdss.reasoning.jsonstream import DEEPEST, NotJson, ObjectStream
from cdss.reasoning.quotes import locate

TEXT = "Hamartomas hold fat and\n  ‘popcorn’ calcifi\u00adcation – in 30% of cases. No fat is seen in carcinoid."


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("Hamartomas hold fat", "Hamartomas hold fat"),
        ("  hold fat and 'popcorn' calcification ", "hold fat and\n  ‘popcorn’ calcifi\u00adcation"),
        ("calcification - in 30%", "calcifi\u00adcation – in 30%"),
        ("hamartomas HOLD fat", "Hamartomas hold fat"),
        ("No fat is seen", "No fat is seen"),
    ],
)
def test_the_same_words_are_found_and_the_true_wording_counts(quote: str, found: str) -> None:
    start, end = locate(quote, TEXT)
    assert TEXT[start:end] == found


@pytest.mark.parametrize(
    "quote", ["", "  ", "fa", "Hamartomas hold no fat", "Fat is seen in hamartoma", "30 % of", "hold […] calcification"]
)
def test_other_words_are_not_found(quote: str) -> None:
    assert locate(quote, TEXT) == (0, 0)


@given(st.text(max_size=80), st.text(max_size=30))
def test_offsets_always_lie_in_the_text(text: str, quote: str) -> None:
    start, end = locate(quote, text)
    assert 0 <= start <= end <= len(text)


@given(st.text(min_size=3, max_size=60), st.data())
def test_a_copied_piece_is_found(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 3))
    end = data.draw(st.integers(start + 3, len(text)))
    quote = text[start:end].strip()
    found = locate(quote, text)
    assert len(quote) < 3 or text[found[0] : found[1]] == quote


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), st.integers(1, 20), st.booleans())
def test_every_object_is_given_out_once_and_the_root_last(
    value: dict[str, object], size: int, ascii_only: bool
) -> None:
    import json

    text = "```json\n" + json.dumps(value, ensure_ascii=ascii_only, indent=1) + "\n```"
    stream = ObjectStream()
    try:
        closed = [one for at in range(0, len(text), size) for one in stream.feed(text[at : at + size])]
    except NotJson:
        assert depth(value) > DEEPEST
        return
    assert stream.complete
    assert closed[-1].path == ()
    assert closed[-1].value == value
    for one in closed:
        inner: object = value
        for key in one.path:
            inner = inner[key]  # type: ignore[index]
        assert inner == one.value


@given(st.text(alphabet='{}[]",:\\a1 ', max_size=60))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    stream = ObjectStream()
    try:
        list(stream.feed(text))
    except NotJson:
        return
    assert len(stream.text) == len(text)
