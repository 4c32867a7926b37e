"""A lexical index as it was saved, read where it lies: a search reads the columns of its own terms and nothing else.

The terms stand in order, in blocks of which only the first terms are held; a column is a piece of two flat files. The
arithmetic is that of `retrieval.index.lexical`, so that the scores are the same to the last bit.
"""

from __future__ import annotations

import io
import json
import mmap
import os
import struct
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from retrieval.errors import IndexUnusableError
from retrieval.index.ranking import best, members
from retrieval.types import Ids, Vectors

if TYPE_CHECKING:
    from retrieval.index.lexical import Weighting

# Files of a saved index: those held by a reader, and those it reads in pieces.
HELD = ("ids.npy", "terms.json")
PIECES = ("terms.bin", "data.bin", "indices.bin")
# Terms of one block: one read finds a term among them.
_BLOCK = 128
_WIDTH = 4

Span = tuple[int, int]


class Source(Protocol):
    """Where the files of one saved index lie."""

    def whole(self, name: str) -> bytes:
        """A file. Raises IndexUnusableError when it cannot be read."""
        ...

    def pieces(self, wanted: Sequence[tuple[str, Span]]) -> list[bytes | memoryview]:
        """Bytes from start to stop of files. Raises IndexUnusableError when they are not there."""
        ...


class FolderSource:
    """Files in a folder, mapped: what no search reads takes no memory, and what is read the system can take back.

    The size is looked at before each reading, because a map of a file that grew shorter would end the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Closed with the object: a generation that is removed meanwhile stays readable for who has it open.
        self._files: dict[str, tuple[IO[bytes], int, memoryview]] = {}
        try:
            for name in PIECES:
                file = (folder / name).open("rb")
                size = os.fstat(file.fileno()).st_size
                data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""
                self._files[name] = file, size, memoryview(data)
        except (OSError, ValueError) as error:
            raise IndexUnusableError(f"The lexical index cannot be read: {error}") from error

    def whole(self, name: str) -> bytes:
        """See `Source`."""
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise IndexUnusableError(f"The lexical index cannot be read: {error}") from error

    def pieces(self, wanted: Sequence[tuple[str, Span]]) -> list[bytes | memoryview]:
        """See `Source`."""
        for name in {name for name, _ in wanted}:
            file, size, _ = self._files[name]
            if os.fstat(file.fileno()).st_size < size:
                raise IndexUnusableError(f"{self._folder / name} is shorter than it was.")
        return [self._files[name][2][start:stop] for name, (start, stop) in wanted]


class Column(NamedTuple):
    """Where the contributions of a term begin and end, and how many of the counted texts hold it."""

    start: int
    end: int
    holding: int


class WordSearch:
    """Search by words over what gives ids and scores."""

    @property
    def ids(self) -> Ids:
        """Every id, ascending."""
        raise AttributeError("ids")

    def scores(self, text: str) -> Vectors:
        """(n,) score of every text, in the order of ascending ids."""
        raise AttributeError("scores")

    def search(self, text: str, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """Scores, descending, and ids of at most k texts that share a term with `text`.

        Ties are broken by the smaller id; nothing outside `allowed` is returned.
        """
        return self.top(self.scores(text), k, allowed)

    def top(self, scores: Vectors, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """The search alone, over what `scores` gave."""
        matched = scores > 0
        if allowed is not None:
            matched &= members(self.ids, allowed)
        rows = np.flatnonzero(matched)
        return best(scores[rows], self.ids[rows], k)


class StoredWords(WordSearch):
    """What `LexicalIndex.save` wrote, to be searched and not changed. Safe to use from several threads.

    Args:
        source: of its files.
        weighting: the one it was saved with.

    Raises:
        IndexUnusableError: the files are no such index.
    """

    def __init__(self, source: Source, weighting: Weighting | None = None) -> None:
        from retrieval.index.lexical import BM25

        self._source = source
        self._weighting = weighting or BM25
        try:
            self._ids: Ids = np.load(io.BytesIO(source.whole("ids.npy")), allow_pickle=False).astype(np.int64)
            head = json.loads(source.whole("terms.json"))
            self._texts, self._terms = int(head["texts"]), int(head["terms"])
            self._firsts: list[str] = head["firsts"]
            self._edges: list[int] = head["edges"]
        except (ValueError, KeyError, TypeError) as error:
            raise IndexUnusableError(f"The lexical index cannot be read: {error}") from error

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> Ids:
        """Every id, ascending."""
        return self._ids

    def scores(self, text: str) -> Vectors:
        """(n,) score of every text, in the order of ascending ids."""
        asked = Counter(self._weighting.tokens(text))
        columns = self._columns(asked)
        known = [term for term in asked if term in columns]
        if not known:
            return np.zeros(len(self._ids), dtype=np.float32)
        times = np.array([asked[term] for term in known], dtype=np.float64)
        holding = np.array([columns[term].holding for term in known], dtype=np.int64)
        weights = self._weighting.asked(known, times, holding, self._texts).astype(np.float32)
        spans = [(_WIDTH * columns[term].start, _WIDTH * columns[term].end) for term in known]
        read = self._source.pieces([(name, span) for name in ("data.bin", "indices.bin") for span in spans])
        values = [np.frombuffer(each, dtype="<f4") for each in read[: len(known)]]
        rows = np.concatenate([np.frombuffer(each, dtype="<i4") for each in read[len(known) :]])
        parts = np.concatenate([value * weight for value, weight in zip(values, weights, strict=True)])
        return np.bincount(rows, weights=parts, minlength=len(self._ids)).astype(np.float32)

    def _columns(self, terms: Iterable[str]) -> dict[str, Column]:
        blocks: dict[int, list[str]] = {}
        for term in terms:
            place = bisect_right(self._firsts, term) - 1
            if place >= 0:
                blocks.setdefault(place, []).append(term)
        wanted = [("terms.bin", (self._edges[place], self._edges[place + 1])) for place in blocks]
        found: dict[str, Column] = {}
        for data, (place, asked) in zip(self._source.pieces(wanted), blocks.items(), strict=True):
            block = _Block(bytes(data), min(_BLOCK, self._terms - place * _BLOCK))
            found.update((term, column) for term in asked if (column := block.column(term)))
        return found


class _Block:
    """Terms in order with their edges: each of them is found without looking at the others."""

    def __init__(self, data: bytes, count: int) -> None:
        self._data, self._count = data, count
        self._start = 8 * (count + 1) + 4 * count

    def column(self, term: str) -> Column | None:
        data = self._data
        at = data.find(f"\n{term}\n".encode(errors="surrogatepass"), self._start)
        if at < 0:
            return None
        place = data.count(b"\n", self._start, at)
        start, end = struct.unpack_from("<qq", data, 8 * place)
        (holding,) = struct.unpack_from("<i", data, 8 * (self._count + 1) + 4 * place)
        return Column(start, end, holding)

    @property
    def terms(self) -> list[str]:
        return self._data[self._start + 1 : -1].decode(errors="surrogatepass").split("\n")

    @property
    def ends(self) -> list[int]:
        return list(struct.unpack_from(f"<{self._count}q", self._data, 8))


def blocks_of(terms: Sequence[str], edges: Ids, holding: Ids, texts: int) -> tuple[bytes, bytes]:
    """`terms.bin` and `terms.json`.

    Args:
        terms: (n,) in ascending order.
        edges: (n + 1,) where the contributions of each begin, and where the last ones end.
        holding: (n,) how many of the counted texts hold each.
        texts: how many texts count.
    """
    blocks, firsts, at = [], [], [0]
    for start in range(0, len(terms), _BLOCK):
        stop = min(start + _BLOCK, len(terms))
        own = terms[start:stop]
        if any("\n" in term for term in own):
            raise ValueError("A term holds the end of a line.")
        numbers = edges[start : stop + 1].astype("<i8").tobytes() + holding[start:stop].astype("<i4").tobytes()
        blocks.append(numbers + ("\n" + "\n".join(own) + "\n").encode(errors="surrogatepass"))
        firsts.append(terms[start])
        at.append(at[-1] + len(blocks[-1]))
    head = {"texts": texts, "terms": len(terms), "firsts": firsts, "edges": at}
    return b"".join(blocks), json.dumps(head, separators=(",", ":")).encode()


def terms_of(files: Mapping[str, bytes]) -> tuple[list[str], Ids]:
    """All terms in order and their edges, from `terms.bin` and `terms.json`. Raises ValueError or KeyError."""
    head, data = json.loads(files["terms.json"]), files["terms.bin"]
    at, count = head["edges"], head["terms"]
    terms: list[str] = []
    edges: list[int] = [0]
    for place, (start, stop) in enumerate(pairwise(at)):
        block = _Block(data[start:stop], min(_BLOCK, count - place * _BLOCK))
        terms += block.terms
        edges += block.ends
    if len(terms) != count:
        raise ValueError("terms are missing")
    return terms, np.array(edges, dtype=np.int64)
