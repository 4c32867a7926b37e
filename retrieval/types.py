"""Values and protocols of the retrieval library.

Vectors are float32, L2-normalised, so that an inner product is a cosine. Ids are int64 and belong to the
caller: a passage id or an image id of its database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from retrieval.alignment.metric import Metric

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Kind = Literal["case", "guideline", "literature"]
KINDS: tuple[Kind, ...] = ("case", "guideline", "literature")


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame at full depth.

    Args:
        pixels: (height, width) uint8, int8, uint16 or int16, or (height, width, 3) uint8 RGB.
        slope: with `intercept`, modality values are `pixels * slope + intercept`.
        intercept: see `slope`.
    """

    pixels: NDArray[Any]
    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an item's text. `text == item_text[start:end]`."""

    text: str
    start: int
    end: int
    section: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for.

    Args:
        text: free text, may be empty when there are images.
        images: RGB arrays, uint8, shape (height, width, 3), any size.
        kinds: the kinds of item to return; empty means all.
        k: how many items to return.
        allowed: item ids that may be returned; anything else is never scored. None means no restriction,
            and is for tools without users; the application always passes a set.
        excluded: item ids that are left out.
    """

    text: str = ""
    images: Sequence[Pixels] = ()
    kinds: Sequence[Kind] = ()
    k: int = 10
    allowed: Ids | None = None
    excluded: Ids | None = None


@dataclass(frozen=True, slots=True)
class PatchMap:
    """What an encoder sees in the patches of one image: a grid that covers the whole of it.

    Args:
        vectors: (rows, columns, d) float32, each L2-normalised.
        width: of the image in pixels.
        height: of the image in pixels. A patch is width / columns by height / rows pixels.
    """

    vectors: Vectors
    width: int
    height: int

    @property
    def rows(self) -> int:
        return int(self.vectors.shape[0])

    @property
    def columns(self) -> int:
        return int(self.vectors.shape[1])


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of an image, (0, 0) its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One item found.

    Args:
        item: id of the case or document.
        passages: ids of its best passages for the query's text, best first; empty when there was no text.
        image: id of its best image, when the query had images or the joint space was searched.
        score: the fused score, comparable within one search only.
        scores: `dense`, the cosine of the closest passage; `lexical`, the BM25 of the whole item; `image` and
            `text_to_image`, cosines of the best image; `rerank`; `pairs`, of a scorer of pairs, and then `learned`,
            what `rerank` was before it; only what was computed.
    """

    item: int
    kind: Kind
    rank: int
    score: float
    passages: tuple[int, ...] = ()
    image: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


@runtime_checkable
class TextEncoder(Protocol):
    """Text to vectors. `version` names weights and preprocessing: vectors of two versions never meet."""

    @property
    def version(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def max_tokens(self) -> int:
        """Tokens of text that fit the window; special tokens are already taken off."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised."""
        ...

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character offsets of each token of the whole text, untruncated, special tokens left out."""
        ...


@runtime_checkable
class QueryEncoder(TextEncoder, Protocol):
    """A text encoder with a faster way for texts that are only asked with."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) float32, L2-normalised; compared with what `encode` made, and never stored."""
        ...


@runtime_checkable
class PairScorer(Protocol):
    """Says how well passages fit a query, reading each with the query. `version` names weights and preprocessing."""

    @property
    def version(self) -> str: ...
    def scores(self, query: str, passages: Sequence[str], *, deadline: float) -> Floats:
        """(m,) of the first m passages, the higher the better; fewer than all when `deadline` (monotonic) has passed.

        Raises EncoderError when it fails.
        """
        ...


@runtime_checkable
class ImageEncoder(Protocol):
    """Images to vectors, and text into the same space when the towers are aligned."""

    @property
    def version(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def preprocessing(self) -> str:
        """SHA-256 of the pinned preprocessing."""
        ...

    @property
    def aligned(self) -> bool: ...
    def encode(self, images: Sequence[Pixels]) -> Vectors:
        """(n, dimension) float32, L2-normalised, of RGB uint8 arrays (height, width, 3)."""
        ...

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension) in the joint space. Raises AlignmentError when the towers are not aligned."""
        ...


@runtime_checkable
class TeachableImageEncoder(ImageEncoder, Protocol):
    """An image encoder whose vectors come from features by a metric that a site can teach it."""

    @property
    def base(self) -> str:
        """The version without a metric."""
        ...

    @property
    def features_version(self) -> str:
        """Version of the features; it begins with `base` and a `~`."""
        ...

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the blocks of the features."""
        ...

    @property
    def kernels(self) -> int:
        """How many of the blocks tell classes apart."""
        ...

    def features(self, images: Sequence[Pixels]) -> Vectors:
        """(n, sum of the widths) float32."""
        ...

    def plain(self, features: Vectors) -> Vectors:
        """(n, d) L2-normalised: the vectors without a metric."""
        ...

    def vectors(self, features: Vectors) -> Vectors:
        """(n, dimension) L2-normalised, by the metric if there is one."""
        ...

    def taught(self, metric: Metric) -> TeachableImageEncoder:
        """The same features with this metric."""
        ...


@runtime_checkable
class PatchEncoder(Protocol):
    """Images to features of their patches. `patches_version` names weights and preprocessing: two never meet."""

    @property
    def patches_version(self) -> str: ...
    def patches(self, images: Sequence[Pixels], *, fine: bool = False) -> list[PatchMap]:
        """Of RGB uint8 arrays (height, width, 3) of any size, one map each; at most 16 patches along a side.

        `fine` gives more and smaller patches where the encoder can, at most 48 along a side, for outlines. The
        features of the two are not the same and are never compared.

        Raises EncoderError for an array of another shape or type.
        """
        ...


@runtime_checkable
class VectorIndex(Protocol):
    """Exact or approximate inner-product search with ids."""

    @property
    def dimension(self) -> int: ...
    def __len__(self) -> int: ...
    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add or replace: an id is in the index at most once."""
        ...

    def remove(self, ids: Ids) -> int:
        """Remove what is there of these ids; returns how many were."""
        ...

    def search(self, queries: Vectors, k: int, allowed: Ids | None = None) -> tuple[Vectors, Ids]:
        """Scores (n, k) descending and ids (n, k); id -1 and score -inf where fewer than k were found.

        Only ids in `allowed` are ever scored. Ties are broken by the smaller id.
        """
        ...

    def save(self, path: Path) -> None: ...
