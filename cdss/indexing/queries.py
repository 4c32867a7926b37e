"""Queries and answers in the formats of the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cdss.indexing.searching import search_library
from cdss.library.field_values import RowError
from cdss.library.importers.base import image_inside
from cdss.library.models import Collection, Kind, LibraryItem, Passage
from cdss.reading import door
from retrieval.types import Query

if TYPE_CHECKING:
    from retrieval.types import Hit, Pixels
    from retrieval.types import Kind as KindName

MOST_HITS = 1_000_000
SCORES = ("dense", "lexical", "image", "rerank", "pairs", "learned")
KEYS = {"id", "text", "image", "kind", "k", "exclude_source_ids"}


class QueryError(ValueError):
    """A query that cannot be understood."""


@dataclass(frozen=True, slots=True)
class QuerySpec:
    text: str = ""
    image: Path | None = None
    kinds: Sequence[str] = ()
    k: int = 10
    excluded_source_ids: Sequence[str] = ()


def spec_from_line(line: str, folder: Path) -> tuple[Any, QuerySpec]:
    """One line of a file of queries; the path of an image is relative to `folder`."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise QueryError(f"this is not JSON: {error}") from error
    if not isinstance(row, dict) or "id" not in row:
        raise QueryError('write an object with an "id"')
    if unknown := sorted(set(row) - KEYS):
        raise QueryError(f"{', '.join(unknown)}: known keys are {', '.join(sorted(KEYS))}")
    text, image = _typed(row, "text", str, ""), _typed(row, "image", str, "")
    kinds = row.get("kind") or []
    kinds = [kinds] if isinstance(kinds, str) else kinds
    excluded = _typed(row, "exclude_source_ids", list, [])
    if not isinstance(kinds, list) or any(kind not in Kind.values for kind in kinds):
        raise QueryError(f"kind {row['kind']!r}: write one of {', '.join(Kind.values)}")
    if not text.strip() and not image:
        raise QueryError("give a text or an image")
    k = _typed(row, "k", int, 10)
    return row["id"], QuerySpec(text, _inside(folder, image), kinds, k, [str(source) for source in excluded])


def _inside(folder: Path, image: str) -> Path | None:
    try:
        return image_inside(folder, image).files[0] if image else None
    except RowError as error:
        raise QueryError(str(error)) from error


def answer(spec: QuerySpec) -> list[dict[str, Any]]:
    """The hits of a query among everything published, as rows of JSON."""
    if spec.k > MOST_HITS:
        raise QueryError(f"k={spec.k}: at most {MOST_HITS} items are given")
    excluded = LibraryItem.objects.filter(source_id__in=spec.excluded_source_ids).values_list("pk", flat=True)
    query = Query(
        text=spec.text,
        images=_pixels(spec.image),
        kinds=cast("Sequence[KindName]", spec.kinds),
        k=spec.k,
        excluded=np.fromiter(excluded, dtype=np.int64) if spec.excluded_source_ids else None,
    )
    return rows_of(search_library(user=None, query=query).hits)


def rows_of(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    items = LibraryItem.objects.only("source_id", "title").in_bulk([hit.item for hit in hits])
    found = Passage.objects.in_bulk([hit.passages[0] for hit in hits if hit.passages])
    texts = {passage.item_id: passage.text for passage in found.values()}
    # What only its image found is shown by how it begins.
    by_image = Passage.objects.filter(item__in=[hit.item for hit in hits if not hit.passages], position=0)
    texts |= dict(by_image.values_list("item_id", "text"))
    return [
        {
            "rank": hit.rank,
            "kind": hit.kind,
            "source_id": items[hit.item].source_id,
            "title": items[hit.item].title,
            "text": texts.get(hit.item, ""),
            "score": round(hit.score, 6),
            "scores": {name: round(hit.scores[name], 6) for name in SCORES if name in hit.scores},
        }
        for hit in hits
        if hit.item in items
    ]


def _pixels(image: Path | None) -> list[Pixels]:
    if image is None:
        return []
    from retrieval.imaging import mask_overlays

    frames = door.frames_of(image)
    # As a consultation does it: the query's marks are not to be found beside masked ones.
    masked = Collection.objects.filter(mask_overlays=True).exists()
    return [mask_overlays(frame) for frame in frames] if masked else frames


def _typed(row: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = row.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or isinstance(value, bool):
        raise QueryError(
            f"{key} {value!r}: this is not {'text' if kind is str else 'a number' if kind is int else 'a list'}"
        )
    return value
