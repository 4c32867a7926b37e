import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import IndexUnusableError
from retrieval.index.lexical import BM25, COSINE, PAIRS, RARITY, LexicalIndex, Weighting

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


def split_with_pairs(text: str) -> list[str]:
    return split(text) + [" ".join(pair) for pair in pairwise(split(text))]


WORDS_BM25, WORDS_COSINE = replace(BM25, tokens=split), replace(COSINE, tokens=split_with_pairs)


def cosine(texts: dict[int, str], query: str) -> dict[int, float]:
    """The formula, written out: tf-idf of words and of pairs, each divided by its length in the text."""
    documents = {identifier: Counter(split_with_pairs(text)) for identifier, text in texts.items()}

    def weight(term: str, times: int) -> float:
        frequency = sum(term in terms for terms in documents.values())
        return (1 + math.log(times)) * (math.log((1 + len(documents)) / (1 + frequency)) + 1) ** RARITY

    found = dict.fromkeys(documents, 0.0)
    for identifier, terms in documents.items():
        for pairs, share in ((False, 1.0), (True, PAIRS)):
            own = {term: weight(term, times) for term, times in terms.items() if (" " in term) == pairs}
            length = math.sqrt(sum(value**2 for value in own.values()))
            asked = Counter(split_with_pairs(query))
            known = [term for term in asked if " " not in term and any(term in other for other in documents.values())]
            norm = math.sqrt(sum(weight(term, asked[term]) ** 2 for term in known))
            found[identifier] += sum(share * weight(t, asked[t]) * own[t] / length / norm for t in own if t in asked)
    return {identifier: score for identifier, score in found.items() if score > 0}


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


FORMULAS: list[tuple[Weighting, Callable[[dict[int, str], str], dict[int, float]]]] = [
    (WORDS_BM25, bm25),
    (WORDS_COSINE, cosine),
]


@pytest.mark.parametrize(("weighting", "formula"), FORMULAS, ids=["bm25", "cosine"])
@given(changes=CHANGES, query=TEXTS, allowed=st.one_of(st.none(), st.lists(st.integers(0, 20), max_size=10)))
@settings(max_examples=150, deadline=None)
def test_after_any_changes_the_scores_are_those_of_the_formula(
    weighting: Weighting,
    formula: Callable[[dict[int, str], str], dict[int, float]],
    changes: list[tuple[str, list]],
    query: str,
    allowed: list[int] | None,
) -> None:
    index, texts = LexicalIndex(weighting), {}
    for change, values in changes:
        if change == "add":
            index.add([identifier for identifier, _ in values], [text for _, text in values])
            texts.update(values)
        else:
            assert index.remove(values) == len(set(values) & set(texts))
            texts = {identifier: text for identifier, text in texts.items() if identifier not in values}
        index.search("lung", 3)
    expected = {i: s for i, s in formula(texts, query).items() if allowed is None or i in allowed}
    scores, ids = index.search(query, 50, None if allowed is None else np.array(allowed, dtype=np.int64))
    assert len(index) == len(texts)
    assert set(ids.tolist()) == set(expected)
    np.testing.assert_allclose(scores, [expected[i] for i in ids.tolist()], rtol=1e-4)


def test_ties_go_to_the_smaller_id() -> None:
    index = LexicalIndex(WORDS_BM25)
    index.add([9, 2, 5, 7], ["lung mass"] * 3 + ["liver"])
    assert index.search("mass", 2)[1].tolist() == [2, 5]
    assert index.search("nothing known", 2)[1].tolist() == []


def test_medical_tokens_are_the_default() -> None:
    index = LexicalIndex()
    index.add([1, 2], ["A 3.5 cm mass of the left lung.", "No effusion."])
    assert index.search("3.5cm", 5)[1].tolist() == [1]


def test_what_was_saved_searches_and_changes_alike(tmp_path: Path) -> None:
    index = LexicalIndex(WORDS_BM25)
    index.add([1, 2, 3], ["lung mass", "liver cyst", "lung cyst left"])
    index.save(tmp_path)
    assert not list(tmp_path.rglob("*.pkl"))
    read = LexicalIndex.from_files({path.name: path.read_bytes() for path in tmp_path.iterdir()}, WORDS_BM25)
    for each in (index, read):
        each.remove([1])
        each.add([4], ["mass of the lung"])
    for query in ("lung", "mass cyst"):
        assert [part.tolist() for part in read.search(query, 5)] == [part.tolist() for part in index.search(query, 5)]


def test_an_empty_index_is_saved_and_read(tmp_path: Path) -> None:
    LexicalIndex(WORDS_BM25).save(tmp_path)
    read = LexicalIndex.from_files({path.name: path.read_bytes() for path in tmp_path.iterdir()}, WORDS_BM25)
    assert len(read) == 0
    assert read.search("lung", 5)[1].tolist() == []


@pytest.mark.parametrize("name", ["ids.npy", "terms.json", "terms.bin", "data.bin", "tokens.npy"])
def test_files_that_are_no_index_are_refused(tmp_path: Path, name: str) -> None:
    index = LexicalIndex(WORDS_BM25)
    index.add([1], ["lung"])
    index.save(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(IndexUnusableError):
        LexicalIndex.from_files(files | {name: b"\x80\x04K\x01."}, WORDS_BM25)
    del files[name]
    with pytest.raises(IndexUnusableError):
        LexicalIndex.from_files(files, WORDS_BM25)


@pytest.mark.parametrize("weighting", [BM25, COSINE], ids=["bm25", "cosine"])
def test_texts_set_aside_are_found_and_leave_the_others_as_they_are(tmp_path: Path, weighting: Weighting) -> None:
    texts = {
        1: "nodule in the lung",
        2: "lung lung cyst",
        5: "fracture of the radius and a cyst",
        9: "old rib fracture",
    }
    tables = {3: "nodule nodule rash", 7: "cyst of a lung with a rash and many other words", 8: "rash"}
    alone, both = LexicalIndex(weighting), LexicalIndex(weighting)
    alone.add(list(texts), list(texts.values()))
    both.add([*texts, *tables], [*texts.values(), *tables.values()])
    assert both.set_aside([*tables, 77])
    assert not both.set_aside(list(tables))
    both.save(tmp_path / "index")
    files = {path.name: path.read_bytes() for path in (tmp_path / "index").iterdir()}
    read = LexicalIndex.from_files(files, weighting)
    counted = np.isin(both.ids, alone.ids)
    for query in ("lung nodule", "a cyst with a rash", "fracture fracture lung", "rash"):
        for index in (both, read):
            np.testing.assert_allclose(index.scores(query)[counted], alone.scores(query), rtol=1e-5)
    assert both.search("rash", 3)[1].tolist()[0] == 8
    assert both.set_aside([])
    assert not np.allclose(both.scores("lung nodule")[counted], alone.scores("lung nodule"))
    both.remove(list(tables))
    np.testing.assert_allclose(both.scores("lung nodule"), alone.scores("lung nodule"), rtol=1e-5)
