from dataclasses import replace

import numpy as np
import pytest

from retrieval.alignment.fit import fit
from retrieval.alignment.words import WordMap, word_map
from tests.retrieval.alignment.test_joint import pairs, unit

TEXTS = ["axial image of a cyst", "axial image of a mass", "coronal image of a cyst", "coronal image of a mass"] * 3
# A plane and a sign are each a direction of its own.
SHOWN = unit(np.array([(1 + ("axial" in text), 0, 0, 1 + ("cyst" in text)) for text in TEXTS], dtype=np.float32))


@pytest.fixture
def fitted() -> WordMap:
    found = word_map(TEXTS, SHOWN)
    assert found is not None
    return found


def test_words_find_the_images_whose_vectors_say_nothing() -> None:
    made = pairs()
    texts = unit(np.random.default_rng(1).standard_normal(made.texts.shape))
    report = fit(replace(made, texts=texts), image_encoder="i", text_encoder="t").report
    assert report.recall > report.chance + 0.3


def test_a_word_points_to_what_it_was_said_of(fitted: WordMap) -> None:
    axial, coronal = fitted.project(["axial mass", "coronal cyst"])
    assert axial[0] > coronal[0] + 0.1
    assert axial[3] < coronal[3] - 0.1


def test_a_text_without_a_known_word_says_nothing(fitted: WordMap) -> None:
    assert not fitted.project(["", "zzzz qqqq", "\x00", "x" * 100_000]).any()
    assert fitted.project([]).shape == (0, 4)


def test_unknown_words_change_nothing(fitted: WordMap) -> None:
    alone, beside = fitted.project(["cyst", "cyst zzzz"])
    assert np.array_equal(alone, beside)
    assert np.allclose(fitted.scaled(2.0).project(["cyst"])[0], 2 * alone)


def test_of_the_words_only_hashes_are_kept(fitted: WordMap) -> None:
    assert fitted.terms.dtype == np.int64
    assert (np.diff(fitted.terms) > 0).all()


@pytest.mark.parametrize("texts", [["one", "two", "three"], ["", "", ""]])
def test_without_a_frequent_word_there_is_no_map(texts: list[str]) -> None:
    assert word_map(texts, np.eye(3, dtype=np.float32)) is None


def test_the_order_of_the_texts_does_not_matter(fitted: WordMap) -> None:
    order = np.random.default_rng(0).permutation(len(TEXTS))
    again = word_map([TEXTS[row] for row in order], SHOWN[order])
    assert again is not None
    assert np.allclose(again.project(TEXTS), fitted.project(TEXTS), atol=1e-3)
