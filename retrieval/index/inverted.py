"""Inner products by inverted lists: one bit a dimension to find candidates, eight to put them in order.

Vectors are sorted into lists around centroids. A search visits the nearest lists, where RaBitQ codes of one bit a
dimension tell which vectors are worth a look; these are scored from their residual in eight bits, scaled for each
vector, which loses about 2e-4 of a cosine. How many lists are visited and how many candidates looked at is measured on
the vectors themselves: see `retrieval.index.tuning`.

Where only some ids are allowed, those whose centroids are nearest are scored directly, so that a permission that has
nothing to do with what is asked costs no recall; only a large share of the index is searched by lists.

Sources: Gao and Long, "RaBitQ", SIGMOD 2024, as in FAISS; Jégou et al., "Product quantization for nearest neighbor
search", 2011 (inverted lists with residuals).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.index.loading import all_cores, load_faiss
from retrieval.index.ranking import best, padded
from retrieval.types import Ids, Mask, Vectors

# Measured: fewer rows than this are scored directly in the time of a search.
DIRECT = 2000
# Measured: with more allowed rows than this, a search by lists is cheaper than one by rows.
BY_LISTS = 50_000
# So many times more allowed vectors are visited than in a search of everything: the best of few lie further away.
_FURTHER = 4
# From so many lists on, finding the nearest through a graph of centroids is cheaper than comparing them all.
_GRAPH_FROM = 2048
# Measured at a million: a graph that is made with more care finds as much with half the links, in two thirds of the
# time, for a second of building; of centroids in eight bits it takes a third less time again.
_GRAPH_LINKS, _GRAPH_CARE = 16, 200
# Measured at a million: a search of the graph as wide as this and as one and a half times the lists visited finds as
# much as one twice to four times as wide.
_GRAPH_WIDTH, _WIDTH_PER_LIST = 32, 1.5
_ITERATIONS = 6
_TRAINING_PER_LIST = 40
_AT_ONCE = 512
_ENCODED_AT_ONCE = 20_000
# Effort is measured with so many hits. Of more, the last lie further away: with 300 case histories as questions among
# a million passages, 16 lists held .93 of the first hundred, 64 lists .98.
_MEASURED_WITH, _DEEPER = 11, 0.6
# Beside a question of length 1: of the first hundred of 300 case histories among a million passages none was in a list
# whose centroid is this much further away than the nearest one (at most .294; of questions like the passages .08).
_REACH_OF_LISTS = 0.3
# A vector a caller asks for is worth so many visited, at least.
_VISITED_PER_HIT = 40
# Of allowed vectors so many in the nearest lists are looked at first. How far their scores lie from the closeness of
# their centroids, on average and so many times their spread more, says how far away a better one may still lie.
_FIRST, _REACH = 500, 5
# Filters that are kept ready.
_SELECTIONS = 4
_TABLE_LIMIT = 1 << 28


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a search does.

    Args:
        probes: lists it visits.
        candidates: vectors it looks at in eight bits, for each one asked for.
        filtered: vectors it looks at in eight bits when only some are allowed.
    """

    probes: int = 32
    candidates: int = 20
    filtered: int = 4000


def lists_for(count: int) -> int:
    """The power of two nearest to 4·√count, at most 65,536."""
    return int(min(2 ** round(math.log2(4 * math.sqrt(max(count, 1)))), 1 << 16))


@dataclass(slots=True)
class Rows:
    """What is held of every vector, by ascending id: its list, its residual in eight bits, the scale of these, and the
    factor of the whole. With both, the inner products with the vector itself and with its centroid are exact."""

    ids: Ids
    lists: NDArray[np.uint16]
    codes: NDArray[np.int8]
    scales: Vectors
    factors: Vectors

    def __iter__(self) -> Iterator[Any]:
        return iter((self.ids, self.lists, self.codes, self.scales, self.factors))


@dataclass(frozen=True, slots=True)
class _Selection:
    """The rows of an array of allowed ids, their lists, each of these once, and, for many: how many each list holds,
    and FAISS's filter."""

    allowed: Ids
    rows: Ids
    lists: NDArray[np.uint16]
    visited: Ids
    held: Ids
    selector: Any


class InvertedIndex:
    """Inverted lists over (n, d) vectors with ids; a part of `FaissIndex`, which checks what it is given.

    Args:
        ids: (n,) ascending.
        vectors: (n, d).
        lists: how many lists; None for the rule of `lists_for`.
    """

    def __init__(self, ids: Ids, vectors: Vectors, *, lists: int | None = None) -> None:
        self.effort = Effort()
        count = min(lists or lists_for(len(ids)), len(ids))
        with all_cores():
            self._lists = _empty(_clustered(vectors, count))
        # As the graph holds them: what it says of their closeness is exact then.
        self.centroids = np.ascontiguousarray(self._lists.quantizer.reconstruct_n(0, count))
        self._rows = Rows(
            np.zeros(0, np.int64),
            np.zeros(0, np.uint16),
            np.zeros((0, vectors.shape[1]), np.int8),
            np.zeros(0, np.float32),
            np.zeros(0, np.float32),
        )
        self._table: NDArray[np.int32] | None = None
        self._selections: list[_Selection] = []
        self._kept_parameters: dict[int, tuple[Any, Any]] = {}
        self.add(ids, vectors)

    @classmethod
    def of(cls, lists: Any, centroids: Vectors, rows: Rows, effort: Effort) -> InvertedIndex:
        """From its parts, as they are stored."""
        index = cls.__new__(cls)
        index._lists, index.centroids, index._rows, index.effort = lists, centroids, rows, effort
        index._table, index._selections, index._kept_parameters = None, [], {}
        return index

    @property
    def ids(self) -> Ids:
        """Every id, ascending."""
        return self._rows.ids

    @property
    def count_of_lists(self) -> int:
        return len(self.centroids)

    def __len__(self) -> int:
        return len(self._rows.ids)

    def parts(self) -> tuple[Any, Vectors, Rows]:
        """The FAISS lists, the centroids and the rows, to be stored."""
        return self._lists, self.centroids, self._rows

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add (n,) ids that are not there yet with (n, d) vectors."""
        faiss = load_faiss()

        lists = np.empty(len(ids), dtype=np.uint16)
        codes = np.empty(vectors.shape, dtype=np.int8)
        scales, factors = np.empty(len(ids), dtype=np.float32), np.empty(len(ids), dtype=np.float32)
        nearest = faiss.IndexFlatIP(self.centroids.shape[1])
        nearest.add(self.centroids)
        with all_cores():
            for start in range(0, len(ids), _ENCODED_AT_ONCE):
                part = slice(start, start + _ENCODED_AT_ONCE)
                own = nearest.assign(vectors[part], 1).reshape(-1)
                lists[part] = own
                codes[part], scales[part], factors[part] = _encoded(vectors[part], self.centroids[own])
                _append(self._lists, ids[part], vectors[part], own)
        self._merge(Rows(ids, lists, codes, scales, factors))

    def remove(self, ids: Ids) -> int:
        """Remove what is there of these ids; returns how many were."""
        gone = np.isin(self._rows.ids, ids, assume_unique=True)
        if not gone.any():
            return 0
        self._lists.remove_ids(np.ascontiguousarray(self._rows.ids[gone]))
        self._rows = Rows(*(array[~gone] for array in self._rows))
        self._table, self._selections = None, []
        return int(gone.sum())

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """Scores and ids, both (n, k), as of `VectorIndex.search`; equal scores stand in the order of their ids."""
        if allowed is None:
            return padded(self._by_lists(queries, k, math.ceil(self._probes(k)), None), k)
        chosen = self._selection(allowed)
        if len(chosen.rows) <= max(DIRECT, 2 * k):
            return padded([self._best(query, chosen.rows, k) for query in queries], k)
        if len(chosen.rows) <= BY_LISTS:
            return padded([self._best_of_nearest(query, chosen, k) for query in queries], k)
        found: list[tuple[Vectors, Ids]] = []
        for query in queries:
            probes = self._probes_over(query, chosen.held, k)
            found += self._by_lists(query[None], k, probes, chosen.selector)
        return padded(found, k)

    def rows_of(self, ids: Ids) -> Ids:
        """Row numbers of those of these ids that are there, ascending by id where the ids are."""
        own = self._rows.ids
        if not len(own):
            return np.zeros(0, dtype=np.int64)
        ids = ids[(ids >= 0) & (ids <= own[-1])]
        places = self._places(ids)
        return np.asarray(places[own[places] == ids], dtype=np.int64)

    def scores(self, query: Vectors, rows: Ids, closeness: Vectors | None = None) -> Vectors:
        """(m,) inner products of a (d,) query with (m,) rows, to within what eight bits lose.

        `closeness` are its (lists,) inner products with the centroids, where they are known.
        """
        own, out = self._rows, np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            # Rows that lie apart: `take` copies them in half the time of indexing.
            out[start : start + len(part)] = products(own.codes.take(part, axis=0).astype(np.float32), query)
        out *= own.scales.take(rows)
        lists = own.lists.take(rows)
        out += (self._closeness(query, _each_once(lists)) if closeness is None else closeness).take(lists)
        out *= own.factors.take(rows)
        return out

    def _closeness(self, query: Vectors, visited: Ids) -> Vectors:
        """(lists,) inner products with the centroids; of few lists only theirs are computed, the rest is anything."""
        if 2 * len(visited) > self.count_of_lists:
            return products(self.centroids, query)
        # Reading their centroids once, and not for each row, is most of the time saved.
        found = np.empty(self.count_of_lists, dtype=np.float32)
        found[visited] = products(self.centroids[visited], query)
        return found

    def _best(self, query: Vectors, rows: Ids, k: int) -> tuple[Vectors, Ids]:
        return best(self.scores(query, rows), self._rows.ids[rows], k)

    def _best_of_nearest(self, query: Vectors, chosen: _Selection, k: int) -> tuple[Vectors, Ids]:
        """Of the allowed rows those in the nearest lists, and of the others as many as may be among the best still."""
        closeness = self._closeness(query, chosen.visited)
        near, asked_for = closeness.take(chosen.lists), _VISITED_PER_HIT * k
        first = _nearest(near, max(_FIRST, asked_for))
        scores = self.scores(query, chosen.rows[first], closeness)
        if (rest := max(self.effort.filtered, asked_for) - len(first)) > 0:
            beyond = scores - near[first]
            reach = beyond.mean() + _REACH * beyond.std()
            floor = np.partition(scores, len(scores) - k)[len(scores) - k] - reach
            near[first] = -np.inf
            second = np.flatnonzero(near >= floor)
            second = second[_nearest(near[second], rest)]
            scores = np.concatenate([scores, self.scores(query, chosen.rows[second], closeness)])
            first = np.concatenate([first, second])
        return best(scores, self._rows.ids[chosen.rows[first]], k)

    def _selection(self, allowed: Ids) -> _Selection:
        """What a search among these ids needs; kept for the same array, as the same reader asks again."""
        kept = self._selections
        for found in kept:
            if found.allowed is allowed:
                return found
        rows = self.rows_of(allowed)
        lists, by_lists = self._rows.lists[rows], len(rows) > BY_LISTS
        chosen = _Selection(
            allowed,
            rows,
            lists,
            _each_once(lists),
            np.bincount(lists, minlength=self.count_of_lists) if by_lists else rows,
            _selector(self._rows.ids[rows]) if by_lists else None,
        )
        if len(rows) <= DIRECT:
            return chosen
        # One assignment: a search of another thread sees the list before or the list after.
        self._selections = [chosen, *kept[: _SELECTIONS - 1]]
        return chosen

    def _probes(self, k: int, further: float = 1.0) -> float:
        """How many lists are visited for k hits, at least `further` times those that effort says."""
        deeper = self.effort.probes * max(further, (k / _MEASURED_WITH) ** _DEEPER)
        return float(min(self.count_of_lists, max(deeper, further * self._visited(k))))

    def _visited(self, k: int) -> int:
        """How many lists are visited for k hits, however far away they are."""
        return math.ceil(_VISITED_PER_HIT * k * self.count_of_lists / max(len(self), 1))

    def _probes_over(self, query: Vectors, held: Ids, k: int) -> int:
        """How many of the nearest lists hold as many allowed vectors as a search of everything visits."""
        enough = self._probes(k, _FURTHER) * len(self) / self.count_of_lists
        seen = np.cumsum(held[np.argsort(-products(self.centroids, query))])
        return int(min(self.count_of_lists, np.searchsorted(seen, min(enough, seen[-1])) + 1))

    def _by_lists(self, queries: Vectors, k: int, probes: int, selector: Any) -> list[tuple[Vectors, Ids]]:
        # The best of few lie further away, where one bit tells them apart less well.
        looked_at = self.effort.candidates * (1 if selector is None else 2)
        wanted = min(k * looked_at, len(self))
        for_graph, for_lists = self._parameters(probes, selector)
        nearest, lists = self._lists.quantizer.search(queries, probes, params=for_graph)
        if selector is None:
            _leave_out(lists[:, self._visited(k) :], nearest[:, self._visited(k) :], queries, nearest[:, :1])
        found = _candidates(self._lists, queries, wanted, nearest, lists, for_lists)
        # One more than there are: where the graph found fewer lists, it says -1.
        closeness = np.empty(self.count_of_lists + 1, dtype=np.float32)
        answers = []
        for place, query in enumerate(queries):
            ids = found[place]
            if ids[-1] < 0:
                ids = ids[ids >= 0]
            closeness[lists[place]] = nearest[place]
            answers.append(best(self.scores(query, self._places(ids), closeness), ids, k))
        return answers

    def _parameters(self, probes: int, selector: Any) -> tuple[Any, Any]:
        """FAISS's own, of the centroids and of the lists; those without a filter are kept, as making them takes a part
        of a short search."""
        if selector is None and (kept := self._kept_parameters.get(probes)):
            return kept
        faiss = load_faiss()

        for_graph, for_lists = None, faiss.IVFRaBitQSearchParameters(nprobe=probes)
        if self.count_of_lists >= _GRAPH_FROM:
            width = max(_GRAPH_WIDTH, math.ceil(_WIDTH_PER_LIST * probes))
            for_graph = faiss.SearchParametersHNSW(efSearch=width)
        if selector is None:
            self._kept_parameters[probes] = for_graph, for_lists
        else:
            for_lists.sel = selector
        return for_graph, for_lists

    def _places(self, ids: Ids) -> Ids:
        """Row numbers of ids between the least and the greatest; of one that is not there, that of another."""
        own, table = self._rows.ids, self._table
        if table is None and own[-1] < min(_TABLE_LIMIT, 16 * len(own) + 1_000_000):
            table = np.zeros(int(own[-1]) + 1, dtype=np.int32)
            table[own] = np.arange(len(own), dtype=np.int32)
            self._table = table
        return np.searchsorted(own, ids) if table is None else table.take(ids).astype(np.int64)

    def _merge(self, new: Rows) -> None:
        old = self._rows
        pairs = zip(old, new, strict=True)
        joined = [np.concatenate(pair) if len(old.ids) else pair[1] for pair in pairs]
        ids = joined[0]
        if len(ids) > 1 and (np.diff(ids) < 0).any():
            order = np.argsort(ids, kind="stable")
            joined = [array[order] for array in joined]
        self._rows = Rows(*joined)
        self._table, self._selections = None, []


def products(vectors: Vectors, query: Vectors) -> Vectors:
    """(n,) inner products of contiguous (n, d) vectors and a (d,) query, in this thread alone: numpy would use more."""
    faiss = load_faiss()

    out = np.empty(len(vectors), dtype=np.float32)
    if len(vectors):
        pointers = [faiss.swig_ptr(array) for array in (out, query, vectors)]
        faiss.fvec_inner_products_ny(*pointers, vectors.shape[1], len(vectors))
    return out


def _each_once(lists: NDArray[np.uint16]) -> Ids:
    return np.flatnonzero(np.bincount(lists))


def _nearest(closeness: Vectors, count: int) -> Ids:
    """Places of the `count` greatest, in their order, so that what is read next lies ahead; of equal ones, all."""
    if count >= len(closeness):
        return np.arange(len(closeness))
    return np.flatnonzero(closeness >= np.partition(closeness, len(closeness) - count)[len(closeness) - count])


def _clustered(vectors: Vectors, count: int) -> Vectors:
    """(count, d) centroids of length 1."""
    faiss = load_faiss()

    most = count * _TRAINING_PER_LIST
    if len(vectors) > most:
        vectors = vectors[np.sort(np.random.default_rng(0).choice(len(vectors), most, replace=False))]
    kmeans = faiss.Kmeans(
        vectors.shape[1],
        count,
        niter=_ITERATIONS,
        spherical=True,
        seed=1,
        min_points_per_centroid=1,
        max_points_per_centroid=_TRAINING_PER_LIST,
    )
    kmeans.train(vectors)
    return np.ascontiguousarray(kmeans.centroids, dtype=np.float32)


def _empty(centroids: Vectors) -> Any:
    faiss = load_faiss()

    count, dimension = centroids.shape
    if count >= _GRAPH_FROM:
        eight_bits = faiss.ScalarQuantizer.QT_8bit
        quantizer = faiss.IndexHNSWSQ(dimension, eight_bits, _GRAPH_LINKS, faiss.METRIC_INNER_PRODUCT)
        quantizer.hnsw.efConstruction = _GRAPH_CARE
    else:
        quantizer = faiss.IndexFlatIP(dimension)
    with all_cores():
        quantizer.train(centroids)
        quantizer.add(centroids)
    lists = faiss.IndexIVFRaBitQ(quantizer, dimension, count, faiss.METRIC_INNER_PRODUCT)
    # FAISS would delete what Python still holds.
    lists.own_fields = True
    quantizer.this.disown()
    lists.train(centroids)
    return lists


def _append(lists: Any, ids: Ids, vectors: Vectors, own: Ids) -> None:
    """Into the lists that are known already: the graph of centroids would miss the nearest now and then."""
    faiss = load_faiss()

    ids, vectors = np.ascontiguousarray(ids), np.ascontiguousarray(vectors)
    own = np.ascontiguousarray(own, dtype=np.int64)
    lists.add_core(len(ids), faiss.swig_ptr(vectors), faiss.swig_ptr(ids), faiss.swig_ptr(own))


def _candidates(lists: Any, queries: Vectors, wanted: int, nearest: Vectors, visited: Ids, parameters: Any) -> Ids:
    """(n, wanted) ids by one bit a dimension, best first; -1 where there are no more.

    FAISS's own wrapper of this takes no parameters.
    """
    faiss = load_faiss()

    scores, ids = np.empty((len(queries), wanted), dtype=np.float32), np.empty((len(queries), wanted), dtype=np.int64)
    given, put = (queries, visited, nearest), (scores, ids)
    query, *lists_given = map(faiss.swig_ptr, given)
    out = map(faiss.swig_ptr, put)
    lists.search_preassigned_c(len(queries), query, wanted, *lists_given, *out, False, parameters)
    return ids


def _leave_out(lists: Ids, closeness: Vectors, queries: Vectors, nearest: Vectors) -> None:
    """Puts -1 for those of (n, m) lists whose centroids are too far away for one of the best to be in them."""
    reach = _REACH_OF_LISTS * np.sqrt(np.einsum("ij,ij->i", queries, queries))
    np.copyto(lists, -1, where=closeness < nearest - reach[:, None])


def _encoded(vectors: Vectors, centroids: Vectors) -> tuple[NDArray[np.int8], Vectors, Vectors]:
    residuals = vectors - centroids
    steps = np.maximum(np.abs(residuals).max(axis=1), 1e-12) / 127
    codes = np.rint(residuals / steps[:, None])
    of_codes, of_centroids = _corrections(vectors, centroids, codes * steps[:, None] - residuals)
    return codes.astype(np.int8), (steps * of_codes / of_centroids).astype(np.float32), of_centroids.astype(np.float32)


def _corrections(vectors: Vectors, centroids: Vectors, losses: Vectors) -> tuple[Vectors, Vectors]:
    """What the residuals and the centroids are multiplied by, so that their sum loses nothing of the inner products
    with the vectors and with the centroids: what a question shares with a vector lies mostly in these two directions.
    """
    length, shared, central = (
        np.einsum("ij,ij->i", *pair) for pair in ((vectors, vectors), (vectors, centroids), (centroids, centroids))
    )
    lost, lost_centrally = (np.einsum("ij,ij->i", one, losses) for one in (vectors, centroids))
    area = length * central - shared**2
    # Of a vector that lies where its centroid does, next to nothing is lost.
    apart = area > 1e-4 * length * central
    area = np.where(apart, area, np.inf)
    of_residuals = 1 + (lost_centrally * shared - lost * central) / area
    of_centroids = 1 + (lost * (shared - central) - lost_centrally * (length - shared)) / area
    return of_residuals, of_centroids


def _selector(ids: Ids) -> Any:
    """A bitmap where ids are small enough for one, else a hashed set."""
    faiss = load_faiss()

    largest = int(ids.max())
    if largest >= _TABLE_LIMIT:
        return faiss.IDSelectorBatch(ids)
    flags: Mask = np.zeros(largest + 1, dtype=bool)
    flags[ids] = True
    return faiss.IDSelectorBitmap(np.packbits(flags, bitorder="little"))
