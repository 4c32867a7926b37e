import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import IndexUnusableError
from retrieval.index.lexical import LexicalIndex

WORDS = st.sampled_from(["mass", "lung", "left", "liver", "cyst", "3.5cm", "effusion"])
TEXTS = st.lists(WORDS, max_size=8).map(" ".join)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.tuples(st.integers(0, 15), TEXTS), max_size=8)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 15), max_size=4)),
    ),
    max_size=5,
)


def split(text: str) -> list[str]:
    return text.split()


def bm25(texts: dict[int, str], query: str, k1: float = 1.2, b: float = 0.75) -> dict[int, float]:
    """The formula, written out (Robertson and Zaragoza 2009, Lucene's idf)."""
    documents = {identifier: split(text) for identifier, text in texts.items()}
    mean = np.mean([len(terms) for terms in documents.values()]) if documents else 0.0
    found = dict.fromkeys(documents, 0.0)
    for term, times in Counter(split(query)).items():
        frequency = sum(term in terms for terms in documents.values())
        idf = math.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))
        for identifier, terms in documents.items():
            if count := terms.count(term):
                found[identifier] += times * idf * count / (count + k1 * (1 - b + b * len(terms) / mean))
    return {identifier: score for identifier, score in found.items() if score > 0}


@given(CHANGES, TEXTS, st.one_of(st.none(), st.lists(st.integers(0, 20), max_size=10)))
@settings(max_examples=150, deadline=None)
def test_after_any_changes_the_scores_are_those_of_the_formula(
    changes: list[tuple[str, list]], query: str, allowed: list[int] | None
) -> None:
    index, texts = LexicalIndex(split), {}
    for change, values in changes:
        if change == "add":
            index.add([identifier for identifier, _ in values], [text for _, text in values])
            texts.update(values)
        else:
            assert index.remove(values) == len(set(values) & set(texts))
            texts = {identifier: text for identifier, text in texts.items() if identifier not in values}
        index.search("lung", 3)
    expected = {i: s for i, s in bm25(texts, query).items() if allowed is None or i in allowed}
    scores, ids = index.search(query, 50, None if allowed is None else np.array(allowed, dtype=np.int64))
    assert len(index) == len(texts)
    assert set(ids.tolist()) == set(expected)
    np.testing.assert_allclose(scores, [expected[i] for i in ids.tolist()], rtol=1e-4)


def test_ties_go_to_the_smaller_id() -> None:
    index = LexicalIndex(split)
    index.add([9, 2, 5, 7], ["lung mass"] * 3 + ["liver"])
    assert index.search("mass", 2)[1].tolist() == [2, 5]
    assert index.search("nothing known", 2)[1].tolist() == []


def test_medical_tokens_are_the_default() -> None:
    index = LexicalIndex()
    index.add([1, 2], ["A 3.5 cm mass of the left lung.", "No effusion."])
    assert index.search("3.5cm", 5)[1].tolist() == [1]


def test_what_was_saved_searches_and_changes_alike(tmp_path: Path) -> None:
    index = LexicalIndex(split)
    index.add([1, 2, 3], ["lung mass", "liver cyst", "lung cyst left"])
    index.save(tmp_path)
    assert not list(tmp_path.rglob("*.pkl"))
    read = LexicalIndex.from_files({path.name: path.read_bytes() for path in tmp_path.iterdir()}, split)
    for each in (index, read):
        each.remove([1])
        each.add([4], ["mass of the lung"])
    for query in ("lung", "mass cyst"):
        assert [part.tolist() for part in read.search(query, 5)] == [part.tolist() for part in index.search(query, 5)]


def test_an_empty_index_is_saved_and_read(tmp_path: Path) -> None:
    LexicalIndex(split).save(tmp_path)
    read = LexicalIndex.from_files({path.name: path.read_bytes() for path in tmp_path.iterdir()}, split)
    assert len(read) == 0
    assert read.search("lung", 5)[1].tolist() == []


@pytest.mark.parametrize("name", ["ids.npy", "vocabulary.json", "tokens.npy"])
def test_files_that_are_no_index_are_refused(tmp_path: Path, name: str) -> None:
    index = LexicalIndex(split)
    index.add([1], ["lung"])
    index.save(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(IndexUnusableError):
        LexicalIndex.from_files(files | {name: b"\x80\x04K\x01."}, split)
    del files[name]
    with pytest.raises(IndexUnusableError):
        LexicalIndex.from_files(files, split)
