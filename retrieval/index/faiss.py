"""Inner-product search in memory: exact up to a size, then by inverted lists; ids, removal and filters in both.

Source: the FAISS library (Douze et al., "The Faiss library", 2024).
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.errors import IndexUnusableError
from retrieval.index import container
from retrieval.index.inverted import InvertedIndex, lists_for
from retrieval.index.loading import deserialized, load_faiss, one_thread
from retrieval.index.ranking import best, checked, padded, queries_checked
from retrieval.index.stored import from_parts, parts_of
from retrieval.index.tuning import FEWEST, PROMISED, Sample, Tuning, measured, tuned
from retrieval.types import Ids, Vectors

# Measured (docs/benchmarks.md): up to here an exact search is no great part of the search of a text.
EXACT_UP_TO = 50_000
FLAT = "Flat"
# Ending of the file with the lists. FAISS copies what is in it, so that it need not stay in memory.
LISTS = ".lists"
# An index that grew or shrank by more than this factor since its lists were made has too few or too many of them.
_OUTGROWN = 4
_BITMAP_LIMIT = 1 << 31
_SLACK = 16


def factory(count: int) -> str:
    """The kind of index for so many vectors.

    Up to 50,000: `Flat`, exact. Above: `IVFn,RaBitQ+8`, n lists of one-bit codes, and eight bits of every vector to
    put candidates in order: a third of the memory, a fiftieth of the time and less.
    """
    return FLAT if count <= EXACT_UP_TO else _kind(lists_for(count))


class FaissIndex:
    """Inner-product search with ids. Implements `VectorIndex`.

    What is added above the size of an exact index waits until it is first searched, saved or asked for its kind;
    lists are made of all of it then.

    Args:
        dimension: width of a vector.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._index = _empty(dimension)
        self._inverted: InvertedIndex | None = None
        self._sample: Sample | None = None
        self._tuning: Tuning | None = None
        self._waiting: list[tuple[Ids, Vectors]] = []
        self._waiting_ids: set[int] = set()
        self._settling = threading.RLock()

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def kind(self) -> str:
        """`Flat`, or the number of lists and the codes in them."""
        self._settle()
        return _kind(self._inverted.count_of_lists) if self._inverted else FLAT

    @property
    def tuning(self) -> Tuning | None:
        """What a search by lists does and how much of an exact one it finds; None where it is exact."""
        self._settle()
        return self._tuning

    @property
    def ids(self) -> Ids:
        """Every id, in no order."""
        if self._waiting:
            return np.concatenate([self._settled_ids(), *(ids for ids, _ in self._waiting)])
        return self._settled_ids()

    def __len__(self) -> int:
        settled = len(self._inverted) if self._inverted else int(self._index.ntotal)
        return settled + len(self._waiting_ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add or replace (n,) ids with (n, dimension) vectors. Raises ValueError for shapes that do not match."""
        ids, vectors = checked(ids, vectors, self._dimension)
        if not len(ids):
            return
        self.remove(ids)
        if not self._inverted and not self._waiting and len(self) + len(ids) <= EXACT_UP_TO:
            self._index.add_with_ids(vectors, ids)
            return
        self._waiting.append((ids, vectors))
        self._waiting_ids.update(ids.tolist())

    def remove(self, ids: Ids) -> int:
        """Remove what is there of these ids; returns how many were."""
        wanted = np.unique(np.asarray(ids, dtype=np.int64))
        if not len(wanted) or not len(self):
            return 0
        removed = self._remove_waiting(wanted)
        if self._inverted:
            if (gone := self._inverted.remove(wanted)) and self._sample:
                self._sample.remove(wanted)
            return removed + gone
        return removed + (int(self._index.remove_ids(wanted)) if self._index.ntotal else 0)

    def prepare(self, count: int) -> None:
        """Before it comes to hold so many: forgets everything when it would have to be made anew for that.

        Then the caller finds its ids missing and adds them again, from vectors of full precision.
        """
        self._settle()
        if self._inverted is None or not self._is_outgrown(count):
            return
        self._inverted = self._sample = self._tuning = None
        self._index = _empty(self._dimension)

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """Scores and ids, both (n, k); see `VectorIndex.search`. Exact when the kind is Flat."""
        queries = queries_checked(queries, k, self._dimension)
        self._settle()
        size = len(self)
        if not size or not len(queries) or (allowed is not None and not len(allowed)):
            return padded([(np.zeros(0, np.float32), np.zeros(0, np.int64))] * len(queries), k)
        one_thread()
        if self._inverted:
            return self._inverted.search(queries, k, allowed)
        parameters = _parameters(allowed)
        # A few more than asked for, so that a tie at the end of the list is seen and broken by id.
        wanted = min(k + _SLACK, size)
        scores, ids = self._index.search(queries, wanted, params=parameters)
        rows = []
        for place in range(len(queries)):
            found = ids[place] >= 0
            row_scores, row_ids = scores[place][found], ids[place][found]
            if len(row_ids) > k and row_scores[k - 1] == row_scores[-1]:
                row_scores, row_ids = self._at_least(queries[place], float(row_scores[-1]), parameters)
            rows.append(best(row_scores, row_ids, k))
        return padded(rows, k)

    def save(self, path: Path) -> None:
        """Write the index, its lists, where it has such, into a file beside it that ends in `.lists`.

        Publish it through `retrieval.manifest`, which makes the files safe to read again.
        """
        self._settle()
        if self._inverted and self._sample and self._tuning:
            arrays, settings, lists = parts_of(self._inverted, self._sample, self._tuning)
            container.write(path, arrays, settings)
            path.with_suffix(LISTS).write_bytes(lists.data)
            return
        with path.open("wb") as file:
            file.write(memoryview(load_faiss().serialize_index(self._index)))

    @classmethod
    def from_bytes(cls, data: bytes, *, kind: str, lists: bytes = b"") -> FaissIndex:
        """What `save` wrote: the file, and the one beside it. The first stays in memory as it is.

        Only for bytes whose checksum was verified: a forged FAISS file can corrupt memory.

        Raises:
            IndexUnusableError: the bytes are no such index.
        """
        if kind == FLAT:
            inner = deserialized(data)
            if (
                not isinstance(inner, load_faiss().IndexIDMap2)
                or inner.metric_type != load_faiss().METRIC_INNER_PRODUCT
            ):
                raise IndexUnusableError(f"The vectors are in a {type(inner).__name__}, not in an IndexIDMap2.")
            index = cls(inner.d)
            index._index = inner
            return index
        inverted, sample, tuning = from_parts(*container.read(data), lists)
        if kind != _kind(inverted.count_of_lists):
            raise IndexUnusableError(f"The vectors are in {_kind(inverted.count_of_lists)}, not in {kind}.")
        index = cls(inverted.centroids.shape[1])
        index._inverted, index._sample, index._tuning = inverted, sample, tuning
        return index

    def _settled_ids(self) -> Ids:
        if self._inverted:
            return self._inverted.ids
        return np.asarray(load_faiss().vector_to_array(self._index.id_map), dtype=np.int64)

    def _settle(self) -> None:
        """What waits takes its place, and what a search finds is measured."""
        if not self._waiting and (self._tuning is None or self._tuning.passages == len(self)):
            return
        with self._settling:
            if self._waiting:
                self._place()
            if self._inverted and self._sample and (self._tuning is None or self._tuning.passages != len(self)):
                self._tune(self._inverted, self._sample)

    def _place(self) -> None:
        ids = np.concatenate([ids for ids, _ in self._waiting])
        vectors = np.concatenate([vectors for _, vectors in self._waiting])
        if self._inverted is None:
            ids = np.concatenate([self._settled_ids(), ids])
            vectors = np.concatenate([self._stored(), vectors])
        order = np.argsort(ids)
        if (np.diff(order) != 1).any():
            ids, vectors = ids[order], vectors[order]
        if self._inverted is None and len(ids) <= EXACT_UP_TO:
            self._index = _empty(self._dimension)
            self._index.add_with_ids(vectors, ids)
        elif self._inverted is None:
            self._inverted, self._sample = InvertedIndex(ids, vectors), Sample.of(ids, vectors)
            self._index = _empty(self._dimension)
        else:
            self._inverted.add(ids, vectors)
            if self._sample:
                self._sample.add(ids, vectors)
        self._waiting, self._waiting_ids = [], set()

    def _tune(self, inverted: InvertedIndex, sample: Sample) -> None:
        if self._tuning is not None:
            self._tuning = measured(inverted, sample)
            if self._tuning.recall >= PROMISED and self._tuning.filtered_recall >= PROMISED:
                return
        self._tuning = tuned(inverted, sample)

    def _is_outgrown(self, count: int) -> bool:
        if self._inverted is None or count * _OUTGROWN < EXACT_UP_TO * 2:
            return self._inverted is not None
        if self._sample is None or len(self._sample) < FEWEST:
            return True
        wanted, held = lists_for(count), self._inverted.count_of_lists
        return not held / _OUTGROWN <= wanted <= held * _OUTGROWN

    def _remove_waiting(self, ids: Ids) -> int:
        gone = self._waiting_ids.intersection(ids.tolist()) if self._waiting_ids else set()
        if gone:
            kept = [(own, ~np.isin(own, ids)) for own, _ in self._waiting]
            self._waiting = [
                (own[stays], vectors[stays])
                for (own, stays), (_, vectors) in zip(kept, self._waiting, strict=True)
                if stays.any()
            ]
            self._waiting_ids -= gone
        return len(gone)

    def _stored(self) -> Vectors:
        inner = self._index.index
        return (
            np.asarray(inner.reconstruct_n(0, inner.ntotal))
            if inner.ntotal
            else np.zeros((0, self._dimension), np.float32)
        )

    def _at_least(self, query: Vectors, score: float, parameters: Any) -> tuple[Vectors, Ids]:
        # FAISS takes what is strictly above the radius.
        radius = float(np.nextafter(np.float32(score), np.float32(-np.inf)))
        _, scores, ids = self._index.range_search(query[None], radius, params=parameters)
        return scores, ids


def _kind(lists: int) -> str:
    return f"IVF{lists},RaBitQ+8"


def _empty(dimension: int) -> Any:
    faiss = load_faiss()

    return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))


def _parameters(allowed: Ids | None) -> Any:
    faiss = load_faiss()

    return None if allowed is None else faiss.SearchParameters(sel=_selector(np.asarray(allowed, dtype=np.int64)))


def _selector(allowed: Ids) -> Any:
    """A bitmap where ids are small enough for one, else a hashed set."""
    faiss = load_faiss()

    largest = int(allowed.max())
    if largest >= _BITMAP_LIMIT or largest > 512 * max(len(allowed), 1024):
        return faiss.IDSelectorBatch(allowed)
    flags = np.zeros(largest + 1, dtype=bool)
    flags[allowed[allowed >= 0]] = True
    return faiss.IDSelectorBitmap(np.packbits(flags, bitorder="little"))
