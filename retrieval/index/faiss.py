"""FAISS: exact up to a size, then inverted lists with 8-bit vectors; ids, removal and filters in both.

Source: the FAISS library (Douze et al., "The Faiss library", 2024).
"""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.errors import IndexUnusableError
from retrieval.index.loading import load_faiss
from retrieval.index.ranking import best, checked, padded, queries_checked
from retrieval.types import Ids, Vectors

EXACT_UP_TO = 50_000
_TRAINING_PER_LIST = 64
_BITMAP_LIMIT = 1 << 31
_SLACK = 16
# The limit FAISS takes for the size of one vector in a file belongs to the process, not to one reader.
_read_lock = threading.Lock()


def factory(count: int) -> str:
    """The kind of index for so many vectors.

    Up to 50,000: `Flat`, exact, a few milliseconds. Above: `IVFn,SQ8`, with n the power of two nearest to
    4·√count: a third of the memory, a hundredth of the time, and ids can be removed, which a graph cannot do.
    """
    if count <= EXACT_UP_TO:
        return "Flat"
    return f"IVF{2 ** round(math.log2(4 * math.sqrt(count)))},SQ8"


def probes(lists: int, allowed: float) -> int:
    """How many lists to visit: 1 in 32, at least 16; more, the smaller the allowed share, so that recall holds."""
    wanted = max(16, lists // 32) / max(allowed, 1e-9)
    return int(min(lists, math.ceil(wanted)))


class FaissIndex:
    """Inner-product search with ids. Implements `VectorIndex`.

    Args:
        dimension: width of a vector.
        kind: `Flat` or `IVFn,SQ8`, or None for the rule of `factory`, which is applied again as the index grows.
    """

    def __init__(self, dimension: int, kind: str | None = None) -> None:
        self._dimension = dimension
        self._fixed = kind
        self._kind = kind or factory(0)
        self._index = _empty(dimension, self._kind)

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def kind(self) -> str:
        """The FAISS factory string of what is inside."""
        return self._kind

    @property
    def ids(self) -> Ids:
        """Every id, in no order."""
        faiss = load_faiss()

        if self._kind == "Flat":
            return np.asarray(faiss.vector_to_array(self._index.id_map), dtype=np.int64)
        lists = self._index.invlists
        sizes = ((place, lists.list_size(place)) for place in range(lists.nlist))
        parts = [faiss.rev_swig_ptr(lists.get_ids(place), size).copy() for place, size in sizes if size]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add or replace (n,) ids with (n, dimension) vectors.

        A first or a grown set over the size of `factory` trains inverted lists once. Raises ValueError for shapes
        that do not match.
        """
        ids, vectors = checked(ids, vectors, self._dimension)
        if not len(ids):
            return
        self.remove(ids)
        kind = self._fixed or factory(len(self) + len(ids))
        if kind != self._kind and self._kind == "Flat" and self._fixed is None:
            ids, vectors = np.concatenate([self.ids, ids]), np.concatenate([self._stored(), vectors])
            self._kind, self._index = kind, _empty(self._dimension, kind)
        if not self._index.is_trained:
            self._train(vectors)
        self._index.add_with_ids(vectors, ids)

    def remove(self, ids: Ids) -> int:
        """Remove what is there of these ids; returns how many were."""
        wanted = np.unique(np.asarray(ids, dtype=np.int64))
        return int(self._index.remove_ids(wanted)) if len(wanted) and len(self) else 0

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """Scores and ids, both (n, k); see `VectorIndex.search`. Exact when the kind is Flat."""
        queries = queries_checked(queries, k, self._dimension)
        size = len(self)
        if not size or not len(queries) or (allowed is not None and not len(allowed)):
            return padded([(np.zeros(0, np.float32), np.zeros(0, np.int64))] * len(queries), k)
        parameters = self._parameters(allowed)
        # A few more than asked for, so that a tie at the end of the list is seen and broken by id.
        wanted = min(k + _SLACK, size)
        scores, ids = self._index.search(queries, wanted, params=parameters)
        rows = []
        for place in range(len(queries)):
            found = ids[place] >= 0
            row_scores, row_ids = scores[place][found], ids[place][found]
            if len(row_ids) > k and row_scores[k - 1] == row_scores[-1] and self._kind == "Flat":
                row_scores, row_ids = self._at_least(queries[place], float(row_scores[-1]), parameters)
            rows.append(best(row_scores, row_ids, k))
        return padded(rows, k)

    def save(self, path: Path) -> None:
        """Write the index. Publish it through `retrieval.manifest`, which makes the file safe to read again."""
        faiss = load_faiss()

        with path.open("wb") as file:
            file.write(memoryview(faiss.serialize_index(self._index)))

    @classmethod
    def from_bytes(cls, data: bytes, *, kind: str) -> FaissIndex:
        """What `save` wrote.

        Only for bytes whose checksum was verified: a forged FAISS file can corrupt memory.

        Raises:
            IndexUnusableError: the bytes are no such index.
        """
        faiss = load_faiss()

        with _read_lock:
            before = faiss.get_deserialization_vector_byte_limit()
            faiss.set_deserialization_vector_byte_limit(len(data) + 1024)
            try:
                inner = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
            except (RuntimeError, AssertionError, MemoryError) as error:
                raise IndexUnusableError(f"The vectors cannot be read: {str(error)[:200]}") from error
            finally:
                faiss.set_deserialization_vector_byte_limit(before)
        expected = faiss.IndexIDMap2 if kind == "Flat" else faiss.IndexIVF
        if not isinstance(inner, expected) or inner.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise IndexUnusableError(f"The vectors are in a {type(inner).__name__}, not in an {expected.__name__}.")
        index = cls(inner.d)
        index._kind, index._index = kind, inner
        return index

    def _train(self, vectors: Vectors) -> None:
        sample = _TRAINING_PER_LIST * self._index.nlist
        if len(vectors) > sample:
            vectors = vectors[np.random.default_rng(0).choice(len(vectors), sample, replace=False)]
        self._index.train(vectors)

    def _stored(self) -> Vectors:
        inner = self._index.index
        return (
            np.asarray(inner.reconstruct_n(0, inner.ntotal))
            if inner.ntotal
            else np.zeros((0, self._dimension), np.float32)
        )

    def _parameters(self, allowed: Ids | None) -> Any:
        faiss = load_faiss()

        selector = None if allowed is None else _selector(np.asarray(allowed, dtype=np.int64))
        if self._kind == "Flat":
            return None if selector is None else faiss.SearchParameters(sel=selector)
        share = 1.0 if allowed is None else min(1.0, len(allowed) / len(self))
        return faiss.SearchParametersIVF(sel=selector, nprobe=probes(self._index.nlist, share))

    def _at_least(self, query: Vectors, score: float, parameters: Any) -> tuple[Vectors, Ids]:
        # FAISS takes what is strictly above the radius.
        radius = float(np.nextafter(np.float32(score), np.float32(-np.inf)))
        _, scores, ids = self._index.range_search(query[None], radius, params=parameters)
        return scores, ids


def _empty(dimension: int, kind: str) -> Any:
    faiss = load_faiss()

    inner = faiss.index_factory(dimension, kind, faiss.METRIC_INNER_PRODUCT)
    # Inverted lists keep ids of their own; under a map they would go out of step when one is removed.
    return faiss.IndexIDMap2(inner) if kind == "Flat" else inner


def _selector(allowed: Ids) -> Any:
    """A bitmap where ids are small enough for one, else a hashed set."""
    faiss = load_faiss()

    largest = int(allowed.max())
    if largest >= _BITMAP_LIMIT or largest > 512 * max(len(allowed), 1024):
        return faiss.IDSelectorBatch(allowed)
    flags = np.zeros(largest + 1, dtype=bool)
    flags[allowed[allowed >= 0]] = True
    return faiss.IDSelectorBitmap(np.packbits(flags, bitorder="little"))
