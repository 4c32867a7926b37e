"""BM25 over passages (bm25s), with ids, changes and a filter inside the search.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, in the variant
of Lucene, as precomputed by bm25s (Lù, 2024).
"""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import IndexUnusableError
from retrieval.index.ranking import best, members
from retrieval.terms import tokens as medical_tokens
from retrieval.types import Ids, Vectors

Tokens = Callable[[str], Sequence[str]]
Counts = NDArray[np.int32]
FILES = ("ids", "lengths", "tokens", "data", "indices", "indptr")


class _Scores(NamedTuple):
    """One column of BM25 contributions per token: `data[indptr[t]:indptr[t + 1]]` for the rows in `indices`."""

    data: Vectors
    indices: Counts
    indptr: Ids


class LexicalIndex:
    """BM25 with ids. The scores are always those of an index newly built from what is in it.

    Changes are cheap; the scores are computed anew at the first search or save after one.

    Args:
        tokens: from a text to its terms.
    """

    def __init__(self, tokens: Tokens = medical_tokens) -> None:
        self._tokens = tokens
        self._vocabulary: dict[str, int] = {}
        self._documents: dict[int, Counts] = {}
        self._ids: Ids = np.zeros(0, dtype=np.int64)
        self._scores: _Scores | None = None

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

    def remove(self, ids: Sequence[int] | Ids) -> int:
        """Remove what is there of these ids; returns how many were."""
        gone = [identifier for identifier in map(int, ids) if self._documents.pop(identifier, None) is not None]
        if gone:
            self._scores = None
        return len(gone)

    def search(self, text: str, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """BM25 scores, descending, and ids of at most k texts that share a term with `text`.

        Ties are broken by the smaller id; nothing outside `allowed` is returned.
        """
        return self.top(self.scores(text), k, allowed)

    def top(self, scores: Vectors, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """The search alone, over what `scores` gave."""
        matched = scores > 0
        if allowed is not None:
            matched &= members(self._ids, allowed)
        rows = np.flatnonzero(matched)
        return best(scores[rows], self._ids[rows], k)

    def scores(self, text: str) -> Vectors:
        """(n,) BM25 score of every text, in the order of ascending ids."""
        compiled = self._compiled()
        known = Counter(self._vocabulary[term] for term in self._tokens(text) if term in self._vocabulary)
        columns = [(compiled.indptr[term], compiled.indptr[term + 1], times) for term, times in known.items()]
        if not columns:
            return np.zeros(len(self._ids), dtype=np.float32)
        rows = np.concatenate([compiled.indices[start:end] for start, end, _ in columns])
        parts = np.concatenate([compiled.data[start:end] * np.float32(times) for start, end, times in columns])
        return np.bincount(rows, weights=parts, minlength=len(self._ids)).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the arrays as .npy files and the vocabulary as JSON into an empty folder; nothing is pickled."""
        compiled = self._compiled()
        documents = [self._documents[identifier] for identifier in self._ids.tolist()]
        arrays = {
            "ids": self._ids,
            "lengths": np.array([len(document) for document in documents], dtype=np.int64),
            "tokens": np.concatenate([np.zeros(0, np.int32), *documents]),
            **compiled._asdict(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, arrays[name], allow_pickle=False)
        (folder / "vocabulary.json").write_text(
            json.dumps(list(self._vocabulary), ensure_ascii=False), encoding="utf-8"
        )

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], tokens: Tokens = medical_tokens) -> LexicalIndex:
        """What `save` wrote, by file name. Raises IndexUnusableError for anything else."""
        try:
            arrays = {name: np.load(io.BytesIO(files[f"{name}.npy"]), allow_pickle=False) for name in FILES}
            terms = json.loads(files["vocabulary.json"])
            index = cls(tokens)
            index._vocabulary = {term: place for place, term in enumerate(terms)}
            index._ids = arrays["ids"].astype(np.int64)
            pieces = np.split(arrays["tokens"].astype(np.int32), np.cumsum(arrays["lengths"])[:-1])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexUnusableError(f"The lexical index cannot be read: {error}") from error
        index._documents = dict(zip(index._ids.tolist(), pieces, strict=False))
        index._scores = _Scores(arrays["data"], arrays["indices"], arrays["indptr"])
        return index

    def _compiled(self) -> _Scores:
        if self._scores is None:
            self._ids = self.ids
            self._drop_unused_terms()
            self._scores = _compile(
                [self._documents[identifier] for identifier in self._ids.tolist()], self._vocabulary
            )
        return self._scores

    def _drop_unused_terms(self) -> None:
        used = np.zeros(len(self._vocabulary), dtype=bool)
        for document in self._documents.values():
            used[document] = True
        if used.all():
            return
        places = np.cumsum(used, dtype=np.int32) - 1
        self._vocabulary = {term: int(places[old]) for term, old in self._vocabulary.items() if used[old]}
        self._documents = {identifier: places[document] for identifier, document in self._documents.items()}


def _compile(documents: list[Counts], vocabulary: dict[str, int]) -> _Scores:
    if not vocabulary:
        return _Scores(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int64))
    import bm25s

    # It sets its own level when it is imported.
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    index: Any = bm25s.BM25(method="lucene", k1=1.2, b=0.75, backend="numpy")
    index.index(
        ([document.tolist() for document in documents], vocabulary), create_empty_token=False, show_progress=False
    )
    parts = index.scores
    return _Scores(
        parts["data"].astype(np.float32), parts["indices"].astype(np.int32), np.asarray(parts["indptr"], dtype=np.int64)
    )
