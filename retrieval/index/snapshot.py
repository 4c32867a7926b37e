"""Everything one index version holds, in memory: vectors, words, and which passage or image belongs to what."""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

import retrieval.terms
from retrieval import manifest as manifests
from retrieval.errors import IndexUnusableError
from retrieval.index.faiss import LISTS, FaissIndex
from retrieval.index.lexical import BM25, COSINE, LexicalIndex
from retrieval.index.ranking import members
from retrieval.index.words import HELD, FolderSource, Source, StoredWords
from retrieval.manifest import Manifest
from retrieval.types import KINDS, Ids, ImageEncoder, Kind, Mask, TextEncoder, VectorIndex

# Permissions whose passages and images are kept at hand: of the readers who ask now.
_PERMISSIONS = 6
# Folders of a version: words of the passages, and of whole items.
PASSAGE_WORDS, ITEM_WORDS = "words_of_passages", "words_of_items"
WEIGHTINGS = {PASSAGE_WORDS: BM25, ITEM_WORDS: COSINE}
# Files with the vectors in them, where these are in files.
TEXT_VECTORS, IMAGE_VECTORS = "text.faiss", "images.faiss"
Words = LexicalIndex | StoredWords


class PublishedVectors(VectorIndex, Protocol):
    """Vectors that a version can be made of."""

    @property
    def ids(self) -> Ids:
        """Every id, in no order."""
        ...

    @property
    def kind(self) -> str:
        """What is written into the manifest of a version."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in the order of ascending ids.

    Args:
        ids: (n,) ids of passages, or of the vectors of images.
        items: (n,) ids of the items they belong to.
        images: (n,) ids of the images they were sampled from; empty for passages.
    """

    ids: Ids
    items: Ids
    images: Ids

    @classmethod
    def of(cls, rows: Sequence[tuple[int, ...]], width: int) -> Table:
        """From (id, item) or (id, item, image) rows in any order."""
        values = np.array(rows, dtype=np.int64).reshape(len(rows), width)
        values = values[np.argsort(values[:, 0], kind="stable")]
        images = values[:, 2] if width == 3 else np.zeros(0, dtype=np.int64)
        return cls(values[:, 0].copy(), values[:, 1].copy(), images.copy())

    def rows(self, ids: Ids) -> Ids:
        """Row numbers of ids that are there."""
        return np.asarray(np.searchsorted(self.ids, ids), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Subjects:
    """What items are about, as numbers that mean the same only when they are equal.

    Args:
        items: (n,) ids of items, ascending.
        subjects: (n,) what each is about or lists.
        listed: (n,) whether it merely lists it, as a differential diagnosis that was weighed.
    """

    items: Ids
    subjects: Ids
    listed: Mask

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, bool]]) -> Subjects:
        """From (item, subject, listed) rows in any order."""
        values = np.array(sorted(rows), dtype=np.int64).reshape(len(rows), 3)
        return cls(values[:, 0].copy(), values[:, 1].copy(), values[:, 2].astype(bool))

    def same_as(self, other: Subjects) -> bool:
        pairs = ((self.items, other.items), (self.subjects, other.subjects), (self.listed, other.listed))
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


class Snapshot:
    """One index version in memory, not changed after it is made.

    Args:
        manifest: what it was made with.
        kinds: the kind of every item that has a passage or an image.
        passages: passages and their items.
        frames: vectors of images, their items and images.
        subjects: what the items are about.
        text: vectors of the passages, by passage id.
        lexical: words of the passages, weighed by BM25, by passage id.
        item_lexical: words of the whole items, weighed by cosine, by item id.
        images: vectors of the images, by the id of the vector.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        kinds: Mapping[int, Kind],
        passages: Table,
        frames: Table,
        subjects: Subjects,
        text: PublishedVectors,
        lexical: Words,
        item_lexical: Words,
        images: PublishedVectors,
    ) -> None:
        self.manifest = manifest
        self.passages, self.frames, self.subjects = passages, frames, subjects
        self.text, self.images = text, images
        self.lexical, self.item_lexical = lexical, item_lexical
        self._permissions: dict[tuple[str, bytes], Ids] = {}
        self._asked: tuple[Ids | None, Ids | None, Mask] | None = None
        self._breadth: tuple[bytes, int] | None = None
        self.items: Ids = np.array(sorted(kinds), dtype=np.int64)
        self.kinds = np.array([KINDS.index(kinds[item]) for item in self.items.tolist()], dtype=np.int8)
        # Places of the items that have words: of those whose scores `item_lexical` gives, in its order.
        self.worded = np.searchsorted(self.items, item_lexical.ids)
        self._passage_items = np.searchsorted(self.items, passages.items)
        self._frame_items = np.searchsorted(self.items, frames.items)
        self._by_item = np.argsort(passages.items, kind="stable")
        self._item_starts = np.searchsorted(passages.items[self._by_item], self.items)
        self._item_ends = np.searchsorted(passages.items[self._by_item], self.items, side="right")
        self._subject_starts = np.searchsorted(subjects.items, self.items)
        self._subject_ends = np.searchsorted(subjects.items, self.items, side="right")

    def permitted(self, kinds: Sequence[Kind], allowed: Ids | None, excluded: Ids | None) -> Mask | None:
        """Which of `items` may be returned; None when all of them may."""
        mask = self._among(allowed, excluded)
        if kinds:
            mask = mask & np.isin(self.kinds, [KINDS.index(kind) for kind in kinds])
        return None if mask.all() else mask

    def _among(self, allowed: Ids | None, excluded: Ids | None) -> Mask:
        """Kept for the same two arrays: a case is searched once for each kind of item."""
        before = self._asked
        if before is not None and before[0] is allowed and before[1] is excluded:
            return before[2]
        mask = members(self.items, allowed)
        if excluded is not None:
            mask &= ~members(self.items, excluded)
        self._asked = (allowed, excluded, mask)
        return mask

    def passage_ids(self, mask: Mask | None) -> Ids | None:
        """Ids of the passages of permitted items; None means all. The same array for the same permission."""
        return self._ids_of("passages", mask, self.passages.ids, self._passage_items)

    def frame_ids(self, mask: Mask | None) -> Ids | None:
        """Ids of the image vectors of permitted items; None means all."""
        return self._ids_of("frames", mask, self.frames.ids, self._frame_items)

    def _ids_of(self, name: str, mask: Mask | None, ids: Ids, items: Ids) -> Ids | None:
        if mask is None:
            return None
        key = (name, mask.tobytes())
        found = self._permissions.get(key)
        if found is None:
            found = ids[mask[items]]
            # One assignment: a search of another thread sees what was kept before or what is now.
            self._permissions = {key: found, **dict(list(self._permissions.items())[: _PERMISSIONS - 1])}
        return found

    def item_ids(self, mask: Mask | None) -> Ids | None:
        """Ids of the permitted items; None means all."""
        return None if mask is None else self.items[mask]

    def passage_rows_of(self, item: int) -> Ids:
        """Row numbers, in the table of passages, of one of `items`, by ascending id."""
        place = int(np.searchsorted(self.items, item))
        return np.asarray(self._by_item[self._item_starts[place] : self._item_ends[place]], dtype=np.int64)

    def subjects_of(self, row: int) -> Ids:
        """What the item at this place of `items` is about."""
        return self._subjects(row, listed=False)

    def listed_by(self, row: int) -> Ids:
        """What the item at this place of `items` merely lists."""
        return self._subjects(row, listed=True)

    def _subjects(self, row: int, *, listed: bool) -> Ids:
        own = slice(self._subject_starts[row], self._subject_ends[row])
        return np.asarray(self.subjects.subjects[own][self.subjects.listed[own] == listed], dtype=np.int64)

    def breadth(self, beside: Ids) -> int:
        """How many subjects the items are about, not counting what they merely list, nor the items `beside`."""
        key = beside.tobytes()
        if self._breadth is None or self._breadth[0] != key:
            counted = ~self.subjects.listed & ~members(self.subjects.items, beside)
            self._breadth = key, len(np.unique(self.subjects.subjects[counted]))
        return self._breadth[1]

    def image_of(self, frame: int) -> int:
        """The image that one of the vectors was made from."""
        return int(self.frames.images[int(np.searchsorted(self.frames.ids, frame))])

    def kind_of(self, item: int) -> Kind:
        """The kind of one of `items`."""
        return KINDS[int(self.kinds[int(np.searchsorted(self.items, item))])]

    def under(self, encoder: TextEncoder, text: PublishedVectors) -> Snapshot:
        """The same library with the vectors of another text encoder, to compare the two; not to be published."""
        other = copy.copy(self)
        other.manifest = replace(self.manifest, text_encoder=encoder.version, text_dimension=encoder.dimension)
        other.text = text
        return other

    def save(self, folder: Path) -> None:
        """Write every file of the version into a folder; `retrieval.manifest.publish` calls this."""
        self.text.save(folder / TEXT_VECTORS)
        self.images.save(folder / IMAGE_VECTORS)
        self.save_tables(folder)

    def save_tables(self, folder: Path) -> None:
        """All but the vectors, for an index that holds them elsewhere. Raises TypeError: it was read, not made."""
        for name, words in ((PASSAGE_WORDS, self.lexical), (ITEM_WORDS, self.item_lexical)):
            if not isinstance(words, LexicalIndex):
                raise TypeError(f"{name} were read to be searched: they cannot be written again.")
            words.save(folder / name)
        arrays = {"items": np.stack([self.items, self.kinds.astype(np.int64)])}
        arrays["passages"] = np.stack([self.passages.ids, self.passages.items])
        arrays["frames"] = np.stack([self.frames.ids, self.frames.items, self.frames.images])
        arrays["subjects"] = np.stack(
            [self.subjects.items, self.subjects.subjects, self.subjects.listed.astype(np.int64)]
        )
        for name, array in arrays.items():
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, *, manifest_sha256: str | None = None, changing: bool = False) -> Snapshot:
        """A published version, every file verified before it is read.

        Args:
            folder: of the version.
            manifest_sha256: what its manifest must hash to.
            changing: with its words as a `LexicalIndex` that can be changed, all of it in memory; else they are read
                where they lie.

        Raises:
            IndexUnusableError: a file is missing, damaged, or does not agree with the manifest.
        """
        manifest, files = manifests.load(
            folder, manifest_sha256=manifest_sha256, leave=None if changing else is_read_in_pieces
        )
        return cls.of_files(
            manifest,
            files,
            text=lambda: _faiss(files, TEXT_VECTORS, manifest.text_kind),
            images=lambda: _faiss(files, IMAGE_VECTORS, manifest.image_kind),
            words=None if changing else lambda name: FolderSource(folder / name),
        )

    @classmethod
    def of_files(
        cls,
        manifest: Manifest,
        files: Mapping[str, bytes],
        *,
        text: Callable[[], PublishedVectors],
        images: Callable[[], PublishedVectors],
        words: Callable[[str], Source] | None,
        complete: bool = True,
    ) -> Snapshot:
        """A version from its verified files, wherever they lie.

        Args:
            manifest: of the version.
            files: by path within it.
            text: gives the vectors of the passages.
            images: gives the vectors of the images.
            words: gives the place of a folder of words, to be read there; None: from `files`, to be changed.
            complete: whether the vectors are those of the version, no more and no fewer.

        Raises:
            IndexUnusableError: a file is missing, or the files do not agree with the manifest.
        """
        try:
            items, kinds = _array(files, "items")
            passage_ids, passage_items = _array(files, "passages")
            frame_ids, frame_items, frame_images = _array(files, "frames")
            subject_items, subjects, listed = _array(files, "subjects")
            snapshot = cls(
                manifest,
                kinds={int(item): KINDS[kind] for item, kind in zip(items, kinds, strict=True)},
                passages=Table(passage_ids, passage_items, np.zeros(0, dtype=np.int64)),
                frames=Table(frame_ids, frame_items, frame_images),
                subjects=Subjects(subject_items, subjects, listed.astype(bool)),
                text=text(),
                lexical=_words(files, PASSAGE_WORDS, words),
                item_lexical=_words(files, ITEM_WORDS, words),
                images=images(),
            )
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise IndexUnusableError(
                f"{manifest.name or 'The version'} does not hold a whole index. {manifests.REMEDY}"
            ) from error
        if complete:
            snapshot.check()
        return snapshot

    def check(self) -> None:
        """Raises IndexUnusableError when the parts do not hold the same rows, or not those of the manifest."""
        found = (
            len(self.text) == len(self.lexical) == len(self.passages.ids) == self.manifest.passages
            and len(self.images) == len(self.frames.ids) == self.manifest.images
            and self.text.dimension == self.manifest.text_dimension
            and self.images.dimension == self.manifest.image_dimension
            and np.array_equal(np.sort(self.text.ids), self.passages.ids)
            and np.array_equal(self.lexical.ids, self.passages.ids)
            and np.array_equal(self.item_lexical.ids, np.unique(self.passages.items))
            and np.array_equal(np.sort(self.images.ids), self.frames.ids)
        )
        if not found:
            raise IndexUnusableError(f"The parts of index {self.manifest.name} do not agree. {manifests.REMEDY}")


def describe(
    *, text_encoder: TextEncoder, image_encoder: ImageEncoder, text: PublishedVectors, images: PublishedVectors
) -> Manifest:
    """The manifest of a version that is about to be published."""
    return Manifest(
        text_encoder=text_encoder.version,
        text_dimension=text_encoder.dimension,
        image_encoder=image_encoder.version,
        image_dimension=image_encoder.dimension,
        image_preprocessing=image_encoder.preprocessing,
        terms=terms_version(),
        text_kind=text.kind,
        image_kind=images.kind,
        passages=len(text),
        images=len(images),
        search=_search_of(text=text, images=images),
    )


def _search_of(**indexes: object) -> dict[str, dict[str, float]]:
    tunings = {name: getattr(index, "tuning", None) for name, index in indexes.items()}
    return {name: tuning.as_dict() for name, tuning in tunings.items() if tuning}


@cache
def terms_version() -> str:
    """The first 16 hex digits of the SHA-256 over the code that makes the tokens of the lexical index."""
    folder = Path(retrieval.terms.__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in ("words.py", "tables.py"))).hexdigest()[:16]


def _faiss(files: Mapping[str, bytes], path: str, kind: str) -> FaissIndex:
    beside = path.removesuffix(".faiss") + LISTS
    return FaissIndex.from_bytes(files[path], kind=kind, lists=files.get(beside, b""))


def is_read_in_pieces(path: str) -> bool:
    """Whether this file of a version is read where it lies: what no search needs is not read at all."""
    folder, _, name = path.rpartition("/")
    return folder in WEIGHTINGS and name not in HELD


def _words(files: Mapping[str, bytes], folder: str, places: Callable[[str], Source] | None) -> Words:
    if places is not None:
        return StoredWords(places(folder), WEIGHTINGS[folder])
    own = {path.removeprefix(f"{folder}/"): data for path, data in files.items() if path.startswith(f"{folder}/")}
    return LexicalIndex.from_files(own, WEIGHTINGS[folder])


def _array(files: Mapping[str, bytes], name: str) -> Ids:
    array: Ids = np.load(io.BytesIO(files[f"{name}.npy"]), allow_pickle=False)
    return array.astype(np.int64)
