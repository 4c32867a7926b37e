"""Texts that are nearly the same."""

from hypothesis import given
from hypothesis import strategies as st

from retrieval.copies import copies, nearly_the_same, words_of

WORDS = [f"word{number}" for number in range(14)]


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=0, max_size=14), max_size=12))
def test_every_pair_is_found_that_comparing_all_would_find(rows: list[list[str]]) -> None:
    texts = [" ".join(row) for row in rows]
    words = [words_of(text) for text in texts]
    every = {
        (first, second)
        for second in range(len(texts))
        for first in range(second)
        if nearly_the_same(words[first], words[second])
    }
    found = list(copies(texts))
    assert set(found) == every
    assert len(found) == len(every)


def test_a_reworded_case_is_a_copy_and_a_short_one_is_not() -> None:
    case = "A man of sixty with chest pain, fever and a cough; an opacity in the right lower lobe of the lung."
    assert list(copies([case, "Something else entirely.", case.replace("fever", "sweats")])) == [(0, 2)]
    assert list(copies(["Chest radiograph.", "Chest radiograph."])) == []
