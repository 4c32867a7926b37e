"""Similar regions of other cases, and which patches of two images match, ready to be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.indexing.encoding.patches import frame_pixels, patch_encoder, patches_of, patches_state, regions_search
from cdss.library.models import CaseImage
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.regions.places import Place, own_cases

if TYPE_CHECKING:
    from retrieval.types import Box, PatchMap

SHOWN = 12
STRONGEST_MATCHES = 8
# Of the darkest square of an overlay.
MOST_OPAQUE = 0.75
SIDES = ("x", "y", "w", "h")


class BoxError(ValueError):
    """A box that cannot be searched; the message says what to do."""


class NoPatchesError(ValueError):
    """The library has nothing to compare a region with yet, or its encoder cannot; the message says what to do."""


class NotNowError(ValueError):
    """The encoders have too much to do, or are being started: the same search may be answered in a moment."""


@dataclass(frozen=True, slots=True)
class Similar:
    """One region of another case."""

    place: Place
    box: Box
    score: float
    compare: str

    @property
    def case_title(self) -> str:
        row = self.place.row
        return row.case.title if isinstance(row, CaseImage) else ""


@dataclass(frozen=True, slots=True)
class Square:
    x: float
    y: float
    width: float
    height: float
    cosine: float
    # From 0 to MOST_OPAQUE.
    strength: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two patches that are each other's nearest; the points are their middles, in pixels of their images."""

    number: int
    query: tuple[float, float]
    other: tuple[float, float]
    cosine: float


@dataclass(frozen=True, slots=True)
class Overlay:
    squares: Sequence[Square]
    # Of one square in pixels of the image.
    width: float
    height: float

    @property
    def mark(self) -> float:
        """Height of a number that leaves most of its square to be seen."""
        return self.height * 0.6


@dataclass(frozen=True, slots=True)
class Comparison:
    query: Overlay
    other: Overlay
    pairs: Sequence[Pair]
    low: float
    high: float
    encoder: str


def box_of(data: Mapping[str, str], *, width: int, height: int) -> Box | None:
    """The box of an address, cut to the image, or None when it names none. Raises BoxError."""
    from retrieval.errors import ImageError
    from retrieval.patches import checked_box
    from retrieval.types import Box

    texts = [data.get(side, "").strip() for side in SIDES]
    if not any(texts):
        return None
    if not all(texts):
        raise BoxError("A box needs all four numbers: x, y, width and height in pixels.")
    try:
        return checked_box(Box(*(float(text[:30]) for text in texts)), width=width, height=height)
    except ImageError as error:
        raise BoxError(str(error)) from error
    except ValueError as error:
        raise BoxError("A box is four numbers: x, y, width and height in pixels.") from error


def box_query(box: Box) -> dict[str, str]:
    return dict(zip(SIDES, (f"{value:g}" for value in (box.x, box.y, box.width, box.height)), strict=True))


def similar_regions(*, place: Place, box: Box, by: User) -> list[Similar]:
    """Raises NoPatchesError and NotNowError."""
    from retrieval.errors import EncoderBusyError, EncoderError, EncoderUnavailableError, ImageError

    refuse_in(Mode.TEXT_ONLY)
    try:
        if not patches_state().done:
            raise NoPatchesError("No image of the library is prepared for the search by region yet.")
        pixels = frame_pixels(place.row, place.frame, masked=place.masked)
        hits, places = regions_search(user=by, pixels=pixels, box=box, excluded=own_cases(place), k=SHOWN)
    except (EncoderBusyError, EncoderUnavailableError) as error:
        raise NotNowError(str(error)) from error
    except (EncoderError, ImageError) as error:
        raise NoPatchesError(str(error)) from error
    rows = CaseImage.objects.select_related("case__collection").in_bulk([places[hit.id][0] for hit in hits])
    found = []
    for hit in hits:
        image, frame = places[hit.id]
        if image in rows:
            other = Place(rows[image], frame, rows[image].case.collection.mask_overlays)
            found.append(Similar(other, hit.box, hit.score, compare_address(place, box, other, hit.box)))
    details = place.query | {
        "box": [round(side) for side in (box.x, box.y, box.width, box.height)],
        "found": len(found),
    }
    record(action="regions.searched", by=by, obj=place.row, details=details)
    return found


def compare_address(place: Place, box: Box, other: Place, other_box: Box) -> str:
    theirs = {f"o{side}": value for side, value in box_query(other_box).items()}
    return urlencode(place.query | box_query(box) | {"other": other.row.pk, "other_frame": other.frame} | theirs)


def compared(*, place: Place, box: Box, other: Place, by: User) -> Comparison:
    """Raises NoPatchesError and NotNowError."""
    from retrieval.errors import EncoderBusyError, EncoderError, EncoderUnavailableError, ImageError
    from retrieval.patches import best_matches, similarity_maps

    refuse_in(Mode.TEXT_ONLY)
    try:
        query, theirs = (patches_of(frame_pixels(each.row, each.frame, masked=each.masked)) for each in (place, other))
        encoder = patch_encoder().patches_version
    except (EncoderBusyError, EncoderUnavailableError) as error:
        raise NotNowError(str(error)) from error
    except (EncoderError, ImageError) as error:
        raise NoPatchesError(str(error)) from error
    on_query, on_other = similarity_maps(query, box, theirs)
    shown = sorted(float(value) for value in on_other.reshape(-1))
    # Half of the squares of another picture are always among the less alike: they are left clear.
    low, high = shown[len(shown) // 2], shown[-1]
    pairs = [
        Pair(number, _middle(query, match.query), _middle(theirs, match.other), match.score)
        for number, match in enumerate(best_matches(query, box, theirs, most=STRONGEST_MATCHES), start=1)
    ]
    record(action="regions.compared", by=by, obj=place.row, details=place.query | {"other": other.row.pk})
    return Comparison(
        _overlay(query, on_query, low, high), _overlay(theirs, on_other, low, high), pairs, low, high, encoder
    )


def _overlay(patches: PatchMap, cosines: object, low: float, high: float) -> Overlay:
    import numpy as np

    from retrieval.patches import patch_box

    values = np.asarray(cosines, dtype=np.float64)
    squares = []
    for row, column in np.argwhere(np.isfinite(values)).tolist():
        cosine, box = float(values[row, column]), patch_box(patches, row, column)
        strength = MOST_OPAQUE * min(max((cosine - low) / max(high - low, 1e-6), 0.0), 1.0)
        squares.append(Square(box.x, box.y, box.width, box.height, cosine, round(strength, 3)))
    return Overlay(squares, patches.width / patches.columns, patches.height / patches.rows)


def _middle(patches: PatchMap, cell: tuple[int, int]) -> tuple[float, float]:
    from retrieval.patches import patch_box

    box = patch_box(patches, *cell)
    return box.x + box.width / 2, box.y + box.height / 2
