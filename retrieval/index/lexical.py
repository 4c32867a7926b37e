"""Words with ids, changes and a filter inside the search, weighed by BM25 or by the cosine of tf-idf.

BM25 reads passages, which are about equally long. A whole item may be one line or a chapter: the cosine divides by
the length of its vector, and finds the short ones too.

Sources: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, in the variant
of Lucene, computed beforehand as in bm25s (Lù, 2024). Salton and Buckley, "Term-weighting approaches in automatic text
retrieval", 1988.
"""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import IndexUnusableError
from retrieval.index.words import WordSearch, blocks_of, terms_of
from retrieval.terms import stems_and_pairs
from retrieval.terms import tokens as medical_tokens
from retrieval.types import Floats, Ids, Mask, Vectors

Tokens = Callable[[str], Sequence[str]]
Counts = NDArray[np.int32]
# Of the cosine, measured on teaching cases: a rare word counts more than its idf, a pair of words half of a word.
RARITY = 1.3
PAIRS = 0.5
# Of BM25.
K1 = 1.2
B = 0.75
ARRAYS = ("ids", "lengths", "tokens", "aside")


class _Scores(NamedTuple):
    """One column of BM25 contributions per token: `data[indptr[t]:indptr[t + 1]]` for the rows in `indices`."""

    data: Vectors
    indices: Counts
    indptr: Ids


@dataclass(frozen=True, slots=True)
class Weighting:
    """How words count.

    Args:
        tokens: from a text to its terms.
        compile: the contribution of each term to each text, of texts as counted terms, their vocabulary, and which of
            the texts count in the statistics.
        asked: what each term of a query counts; of its known terms, how often each stands in it, how many texts that
            count hold it, and how many of these there are.
    """

    tokens: Tokens
    compile: Callable[[list[Counts], Mapping[str, int], Mask], _Scores]
    asked: Callable[[Sequence[str], Floats, Ids, int], Floats]


class LexicalIndex(WordSearch):
    """Words with ids. The scores are always those of an index newly built from what is in it.

    Texts can be set aside: they are found like any other, and their words leave the scores of the others as they are.

    Changes are cheap; the scores are computed anew at the first search or save after one.

    Args:
        weighting: `BM25` or `COSINE`.
    """

    def __init__(self, weighting: Weighting | None = None) -> None:
        self._weighting = weighting or BM25
        self._tokens = self._weighting.tokens
        self._vocabulary: dict[str, int] = {}
        self._documents: dict[int, Counts] = {}
        self._ids: Ids = np.zeros(0, dtype=np.int64)
        self._scores: _Scores | None = None
        self._aside: frozenset[int] = frozenset()
        self._holding: Ids | None = None

    def __len__(self) -> int:
        return len(self._documents)

    @property
    def ids(self) -> Ids:
        """Every id, ascending."""
        return np.array(sorted(self._documents), dtype=np.int64)

    def add(self, ids: Sequence[int] | Ids, texts: Sequence[str]) -> None:
        """Add or replace the texts of these ids. Raises ValueError when there are not as many of each."""
        for identifier, text in zip(ids, texts, strict=True):
            terms = [self._vocabulary.setdefault(term, len(self._vocabulary)) for term in self._tokens(text)]
            self._documents[int(identifier)] = np.array(terms, dtype=np.int32)
            self._scores = None

    def set_aside(self, ids: Sequence[int] | Ids) -> bool:
        """Of the texts that are here, these alone do not count in the statistics; returns whether that is new."""
        wanted = frozenset(map(int, ids)) & self._documents.keys()
        changed = wanted != self._aside
        if changed:
            self._aside, self._scores = wanted, None
        return changed

    def remove(self, ids: Sequence[int] | Ids) -> int:
        """Remove what is there of these ids; returns how many were."""
        gone = [identifier for identifier in map(int, ids) if self._documents.pop(identifier, None) is not None]
        if gone:
            self._scores = None
        return len(gone)

    def scores(self, text: str) -> Vectors:
        """(n,) score of every text, in the order of ascending ids."""
        compiled = self._compiled()
        known = Counter(term for term in self._tokens(text) if term in self._vocabulary)
        if not known:
            return np.zeros(len(self._ids), dtype=np.float32)
        places = np.array([self._vocabulary[term] for term in known])
        starts, ends = compiled.indptr[places], compiled.indptr[places + 1]
        times = np.array(list(known.values()), dtype=np.float64)
        holding = self._texts_holding(compiled)[places]
        weights = self._weighting.asked(list(known), times, holding, len(self._ids) - len(self._aside))
        columns = list(zip(starts.tolist(), ends.tolist(), weights.astype(np.float32), strict=True))
        rows = np.concatenate([compiled.indices[start:end] for start, end, _ in columns])
        parts = np.concatenate([compiled.data[start:end] * weight for start, end, weight in columns])
        return np.bincount(rows, weights=parts, minlength=len(self._ids)).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the index into an empty folder, for `from_files` and for `StoredWords`; nothing is pickled."""
        compiled = self._compiled()
        terms = sorted(self._vocabulary)
        order = np.array([self._vocabulary[term] for term in terms], dtype=np.int64)
        sizes = np.diff(compiled.indptr)[order]
        edges = np.concatenate([[0], np.cumsum(sizes)])
        # Column after column in the order of the terms.
        moved = np.repeat(compiled.indptr[order] - edges[:-1], sizes) + np.arange(len(compiled.data))
        places = np.empty(len(order), dtype=np.int32)
        places[order] = np.arange(len(order), dtype=np.int32)
        documents = [self._documents[identifier] for identifier in self._ids.tolist()]
        arrays = {
            "ids": self._ids,
            "lengths": np.array([len(document) for document in documents], dtype=np.int64),
            "tokens": places[np.concatenate([np.zeros(0, np.int32), *documents])],
            "aside": np.array(sorted(self._aside), dtype=np.int64),
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name in ARRAYS:
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, arrays[name], allow_pickle=False)
        holding = self._texts_holding(compiled)[order]
        blocks, head = blocks_of(terms, edges, holding, len(self._ids) - len(self._aside))
        (folder / "terms.bin").write_bytes(blocks)
        (folder / "terms.json").write_bytes(head)
        (folder / "data.bin").write_bytes(compiled.data[moved].astype("<f4").tobytes())
        (folder / "indices.bin").write_bytes(compiled.indices[moved].astype("<i4").tobytes())

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], weighting: Weighting | None = None) -> LexicalIndex:
        """What `save` wrote, by file name. Raises IndexUnusableError for anything else."""
        try:
            arrays = {name: np.load(io.BytesIO(files[f"{name}.npy"]), allow_pickle=False) for name in ARRAYS}
            terms, edges = terms_of(files)
            index = cls(weighting)
            index._vocabulary = {term: place for place, term in enumerate(terms)}
            index._ids = arrays["ids"].astype(np.int64)
            pieces = np.split(arrays["tokens"].astype(np.int32), np.cumsum(arrays["lengths"])[:-1])
            data, indices = (
                np.frombuffer(files["data.bin"], dtype="<f4").astype(np.float32),
                np.frombuffer(files["indices.bin"], dtype="<i4").astype(np.int32),
            )
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            raise IndexUnusableError(f"The lexical index cannot be read: {error}") from error
        index._documents = dict(zip(index._ids.tolist(), pieces, strict=False))
        index._aside = frozenset(arrays["aside"].tolist()) & index._documents.keys()
        index._scores = _Scores(data, indices, edges)
        return index

    def _compiled(self) -> _Scores:
        if self._scores is None:
            self._ids, self._holding = self.ids, None
            self._aside &= self._documents.keys()
            self._drop_unused_terms()
            self._scores = self._weighting.compile(
                [self._documents[identifier] for identifier in self._ids.tolist()], self._vocabulary, self._counted()
            )
        return self._scores

    def _counted(self) -> Mask:
        return ~np.isin(self._ids, np.array(sorted(self._aside), dtype=np.int64))

    def _texts_holding(self, compiled: _Scores) -> Ids:
        """Of each term the texts that hold it, those that are set aside left out."""
        if self._holding is None:
            held = np.diff(compiled.indptr)
            if self._aside:
                terms = np.repeat(np.arange(len(held)), held)
                held = np.bincount(terms[self._counted()[compiled.indices]], minlength=len(held))
            self._holding = held
        return self._holding

    def _drop_unused_terms(self) -> None:
        used = np.zeros(len(self._vocabulary), dtype=bool)
        for document in self._documents.values():
            used[document] = True
        if used.all():
            return
        places = np.cumsum(used, dtype=np.int32) - 1
        self._vocabulary = {term: int(places[old]) for term, old in self._vocabulary.items() if used[old]}
        self._documents = {identifier: places[document] for identifier, document in self._documents.items()}


def _nothing() -> _Scores:
    return _Scores(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int64))


def _bm25(documents: list[Counts], vocabulary: Mapping[str, int], counted: Mask) -> _Scores:
    """Each term's share of the score of each text; the length and the rarity of words are those of the counted ones."""
    if not vocabulary:
        return _nothing()
    rows, terms, counts = _cells(documents, vocabulary)
    lengths = np.array([len(document) for document in documents], dtype=np.float64)
    mean = lengths[counted].mean() if counted.any() else lengths.mean()
    holding = np.bincount(terms[counted[rows]], minlength=len(vocabulary))
    rarity = np.log(1 + (counted.sum() - holding + 0.5) / (holding + 0.5))
    damped = counts / (counts + (K1 * (1 - B + B * lengths / (mean or 1.0)))[rows])
    return _by_term(rarity[terms] * damped, rows, terms, len(vocabulary))


def _cells(documents: list[Counts], vocabulary: Mapping[str, int]) -> tuple[Ids, Ids, Ids]:
    """Row, term and count of every term that stands in a text, term after term."""
    rows = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
    cells, counts = np.unique(np.concatenate(documents).astype(np.int64) * len(documents) + rows, return_counts=True)
    terms, rows = np.divmod(cells, len(documents))
    return rows, terms, counts


def _by_term(weights: Floats, rows: Ids, terms: Ids, vocabulary: int) -> _Scores:
    starts = np.concatenate([[0], np.cumsum(np.bincount(terms, minlength=vocabulary))])
    return _Scores(weights.astype(np.float32), rows.astype(np.int32), starts.astype(np.int64))


def _cosine(documents: list[Counts], vocabulary: Mapping[str, int], counted: Mask) -> _Scores:
    """Words and pairs of words each as a vector of length 1, so that neither drowns the other."""
    if not vocabulary:
        return _nothing()
    rows, terms, counts = _cells(documents, vocabulary)
    holding = np.bincount(terms[counted[rows]], minlength=len(vocabulary))
    weights = (1 + np.log(counts)) * _rarity(holding, int(counted.sum()))[terms]
    is_pair = _pairs(vocabulary)[terms]
    for chosen, share in ((~is_pair, 1.0), (is_pair, PAIRS)):
        lengths = np.sqrt(np.bincount(rows[chosen], weights[chosen] ** 2, minlength=len(documents)))
        weights[chosen] *= share / lengths[rows[chosen]]
    return _by_term(weights, rows, terms, len(vocabulary))


def _asked_cosine(terms: Sequence[str], times: Floats, holding: Ids, texts: int) -> Floats:
    """Divided by the length of the query's words, so that one text's closeness compares over queries."""
    weights = (1 + np.log(times)) * _rarity(holding, texts)
    # What stands only in texts that are set aside makes a query no longer for the others.
    words = weights[~_pairs(terms) & (holding > 0)]
    return np.asarray(weights / np.sqrt((words**2).sum() or 1.0), dtype=np.float64)


def _rarity(holding: Ids, texts: int) -> Floats:
    return np.asarray((np.log((1 + texts) / (1 + holding)) + 1) ** RARITY, dtype=np.float64)


def _pairs(terms: Iterable[str]) -> Mask:
    return np.array([" " in term for term in terms], dtype=bool)


def _asked_bm25(terms: Sequence[str], times: Floats, holding: Ids, texts: int) -> Floats:
    return times


BM25 = Weighting(medical_tokens, _bm25, _asked_bm25)
COSINE = Weighting(stems_and_pairs, _cosine, _asked_cosine)
