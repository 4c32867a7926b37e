"""What is read where it lies gives the scores of what is held in memory, to the last bit."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import IndexUnusableError
from retrieval.index.lexical import BM25, COSINE, LexicalIndex, Weighting
from retrieval.index.words import FolderSource, StoredWords

WORDS = st.sampled_from(["mass", "lung", "left", "liver", "Ödem", "3.5cm", "zyste", "a"])
TEXTS = st.lists(WORDS, max_size=8).map(" ".join)


def split(text: str) -> list[str]:
    return text.split()


def split_with_pairs(text: str) -> list[str]:
    return split(text) + [" ".join(pair) for pair in pairwise(split(text))]


WEIGHTINGS = [replace(BM25, tokens=split), replace(COSINE, tokens=split_with_pairs)]


def stored(index: LexicalIndex, folder: Path, weighting: Weighting) -> StoredWords:
    index.save(folder)
    return StoredWords(FolderSource(folder), weighting)


@pytest.mark.parametrize("weighting", WEIGHTINGS, ids=["bm25", "cosine"])
@given(
    texts=st.dictionaries(st.integers(0, 40), TEXTS, max_size=12),
    aside=st.lists(st.integers(0, 40), max_size=4),
    query=TEXTS,
    allowed=st.one_of(st.none(), st.lists(st.integers(0, 40), max_size=10)),
)
@settings(max_examples=80, deadline=None)
def test_scores_are_the_same_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory,
    weighting: Weighting,
    texts: dict[int, str],
    aside: list[int],
    query: str,
    allowed: list[int] | None,
) -> None:
    index = LexicalIndex(weighting)
    index.add(list(texts), list(texts.values()))
    index.set_aside(aside)
    words = stored(index, tmp_path_factory.mktemp("words"), weighting)
    np.testing.assert_array_equal(words.scores(query), index.scores(query))
    np.testing.assert_array_equal(words.ids, index.ids)
    among = None if allowed is None else np.array(allowed, dtype=np.int64)
    for found, expected in zip(words.search(query, 5, among), index.search(query, 5, among), strict=True):
        np.testing.assert_array_equal(found, expected)


def many(count: int = 1000) -> LexicalIndex:
    index = LexicalIndex(WEIGHTINGS[0])
    index.add(range(count), [f"word{number} shared{number % 7} every" for number in range(count)])
    return index


def test_every_term_of_many_blocks_is_found(tmp_path: Path) -> None:
    index = many()
    words = stored(index, tmp_path, WEIGHTINGS[0])
    for text in ("word0", "word999 shared3", "every", "before", "zzz", "word5000", "\U0010ffff"):
        np.testing.assert_array_equal(words.scores(text), index.scores(text))


def test_a_saved_index_can_be_changed_and_saved_again(tmp_path: Path) -> None:
    index = many(300)
    index.save(tmp_path / "one")
    again = LexicalIndex.from_files({p.name: p.read_bytes() for p in (tmp_path / "one").iterdir()}, WEIGHTINGS[0])
    for each in (index, again):
        each.remove([7])
        each.add([500, 3], ["new every word1", "word2 word2"])
    words = stored(again, tmp_path / "two", WEIGHTINGS[0])
    for text in ("new", "word2", "word7", "every shared1"):
        np.testing.assert_array_equal(words.scores(text), index.scores(text))


def test_files_that_grew_shorter_give_an_error_and_no_wrong_score(tmp_path: Path) -> None:
    words = stored(many(), tmp_path, WEIGHTINGS[0])
    with (tmp_path / "data.bin").open("r+b") as file:
        file.truncate(40)
    with pytest.raises(IndexUnusableError, match="shorter"):
        words.scores("word999")


@pytest.mark.parametrize("name", ["terms.bin", "data.bin", "ids.npy", "terms.json"])
def test_a_missing_file_is_told(tmp_path: Path, name: str) -> None:
    many(10).save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(IndexUnusableError):
        StoredWords(FolderSource(tmp_path), WEIGHTINGS[0])


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    many(10).save(tmp_path)
    (tmp_path / "terms.json").write_text("[]")
    with pytest.raises(IndexUnusableError):
        StoredWords(FolderSource(tmp_path), WEIGHTINGS[0])


def test_an_index_without_texts_finds_nothing(tmp_path: Path) -> None:
    words = stored(LexicalIndex(WEIGHTINGS[0]), tmp_path, WEIGHTINGS[0])
    assert len(words) == 0
    assert words.search("lung", 3)[1].tolist() == []
