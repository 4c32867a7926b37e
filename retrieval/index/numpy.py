"""Exact search in plain numpy: the oracle that every other index is held to."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from retrieval.errors import IndexUnusableError
from retrieval.index.ranking import best, checked, members, padded, queries_checked
from retrieval.types import Ids, Vectors


class NumpyIndex:
    """Inner products against every vector. Implements `VectorIndex`.

    Args:
        dimension: width of a vector.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._ids: Ids = np.zeros(0, dtype=np.int64)
        self._vectors: Vectors = np.zeros((0, dimension), dtype=np.float32)

    @property
    def dimension(self) -> int:
        return self._dimension

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add or replace (n,) ids with (n, dimension) vectors. Raises ValueError for shapes that do not match."""
        ids, vectors = checked(ids, vectors, self._dimension)
        self.remove(ids)
        self._ids = np.concatenate([self._ids, ids])
        self._vectors = np.concatenate([self._vectors, vectors])

    def remove(self, ids: Ids) -> int:
        """Remove what is there of these ids; returns how many were."""
        gone = members(self._ids, np.asarray(ids, dtype=np.int64))
        self._ids, self._vectors = self._ids[~gone], self._vectors[~gone]
        return int(gone.sum())

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """Scores and ids, both (n, k); see `VectorIndex.search`."""
        queries = queries_checked(queries, k, self._dimension)
        kept = members(self._ids, allowed)
        ids, vectors = self._ids[kept], self._vectors[kept]
        return padded([best(vectors @ query, ids, k) for query in queries], k)

    def save(self, path: Path) -> None:
        """Write ids and vectors as an uncompressed .npz file without pickled objects."""
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, ids=self._ids, vectors=self._vectors)

    @classmethod
    def from_bytes(cls, data: bytes) -> NumpyIndex:
        """What `save` wrote. Raises IndexUnusableError for anything else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                index = cls(int(file["vectors"].shape[1]))
                index.add(file["ids"], file["vectors"])
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise IndexUnusableError(f"The vectors cannot be read: {error}") from error
        return index
