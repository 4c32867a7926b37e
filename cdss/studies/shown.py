"""What the viewer shows: a series at full depth, or an ordinary image of a case in greys, by one set of names."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from django.db.models import Q
from django.http import Http404
from django.shortcuts import get_object_or_404
from numpy.typing import NDArray

from cdss.accounts.models import User
from cdss.library.dicom_profile import mapped_uid
from cdss.library.image_files import frame_paths, image_bytes, is_grey_png
from cdss.library.models import Case, CaseImage
from cdss.library.veils import open_to
from cdss.library.writing import in_hand
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.reading import door
from cdss.studies.frame_files import LEVEL, packed_frame, read_frame
from cdss.studies.geometry import CT_PRESETS, markers
from cdss.studies.models import Mark, MarkQuerySet, Series
from cdss.studies.pixels import Array, cover, full_window, values_of
from retrieval.dicom_objects import uid_of

Kind = Literal["series", "images"]
GREY_VALUE = "grey value"


@dataclass(frozen=True, slots=True)
class Shown:
    """`row` is the series or the image; the rest is how its values and places are meant."""

    kind: Kind
    row: Series | CaseImage
    rows: int
    columns: int
    frames: int
    pixels: str
    unit: str
    # Rows, columns in mm; nothing where the picture has no scale.
    spacing: tuple[float, ...]
    version: str
    # Frames that came in files of several are told as images of their own, as they are exported.
    apart: bool = False

    @property
    def facts(self) -> Sequence[Mapping[str, Any]]:
        """Of each frame of a series; nothing for an image."""
        return self.row.frame_facts if isinstance(self.row, Series) else ()

    @property
    def case(self) -> Case:
        return self.row.case

    @property
    def marks(self) -> MarkQuerySet:
        field = "series" if self.kind == "series" else "image"
        return Mark.objects.filter(**{field: self.row})  # type: ignore[return-value]

    @property
    def owner_field(self) -> dict[str, Any]:
        return {"series" if self.kind == "series" else "image": self.row}

    @property
    def label(self) -> str:
        row = self.row
        if isinstance(row, Series):
            return str(row)
        return " ".join(filter(None, (row.modality, row.plane.lower(), row.region))) or "Image"

    def packed(self, frame: int) -> bytes:
        """Raw little-endian pixels, compressed."""
        row = self.row
        if isinstance(row, Series) and not row.doubts:
            return packed_frame(row.folder, frame)
        return gzip.compress(self.stored(frame).tobytes(), LEVEL, mtime=0)

    def stored(self, frame: int) -> Array:
        """The pixels as they are seen: what waits for a decision is covered."""
        row = self.row
        if isinstance(row, Series):
            pixels = read_frame(row.folder, frame, pixels=row.pixels, rows=row.rows, columns=row.columns)
            return cover(pixels, row.doubts)
        return _picture(row, frame)

    def values(self, frame: int) -> NDArray[np.float64]:
        """Modality values (rows, columns); of a colour picture its luminance."""
        pixels, facts = self.stored(frame), self.facts[frame] if self.facts else {}
        if pixels.ndim == 3:
            pixels = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
        return values_of(pixels, slope=facts.get("slope", 1.0), intercept=facts.get("intercept", 0.0))


def of_series(series: Series) -> Shown:
    spacing = (series.row_spacing, series.column_spacing)
    return Shown(
        "series",
        series,
        series.rows,
        series.columns,
        series.frames,
        series.pixels,
        series.unit or GREY_VALUE,
        tuple(float(part) for part in spacing if part is not None),
        f"{series.pk}.{series.version}.{len(series.doubts)}",
    )


def of_image(image: CaseImage) -> Shown:
    # The digest is that of the pixels; a place that was uncovered since makes another file of the same row.
    pixels = "rgb8" if _picture(image, 0).ndim == 3 else "uint8"
    return Shown("images", image, image.height, image.width, image.frames, pixels, GREY_VALUE, (), image.sha256[:24])


def shown_or_404(kind: str, pk: int, user: User) -> Shown:
    """Of the cases this user may open. What is said of each frame is read when it is asked for."""
    if kind == "series":
        rows = Series.objects.viewable_by(user).defer("frame_facts")  # type: ignore[attr-defined]
        return of_series(get_object_or_404(rows.select_related("case", "case__owner"), pk=pk))
    seen = Q(case__in=open_to(user).order_by().values("pk")) | Q(case__in=in_hand(user).order_by().values("pk"))
    image = get_object_or_404(CaseImage.objects.select_related("case", "case__owner").filter(seen), pk=pk)
    try:
        return of_image(image)
    except OSError as error:
        raise Http404 from error


def described(shown: Shown) -> dict[str, Any]:
    """What a page needs to show it."""
    row = shown.row
    series = row if isinstance(row, Series) else None
    return {
        "kind": shown.kind,
        "id": row.pk,
        "label": shown.label,
        "case": shown.case.pk,
        "caseLabel": shown.case.source_id,
        "rows": shown.rows,
        "columns": shown.columns,
        "frames": shown.frames,
        "pixels": shown.pixels,
        "unit": shown.unit,
        "spacing": list(shown.spacing),
        "spacingAtDetector": bool(series and series.spacing_at_detector),
        "inverted": bool(series and series.inverted),
        "laterality": series.laterality if series else "",
        "markers": markers(series.orientation, series.letters) if series else {},
        "orientation": series.orientation if series else [],
        "frameOfReference": series.frame_of_reference if series else "",
        "frameTime": (series.frame_time if series else None) or 100,
        "presets": _presets(shown),
        "rescale": [[fact["slope"], fact["intercept"]] for fact in shown.facts] or [[1, 0]] * shown.frames,
        "positions": [fact["position"] for fact in shown.facts],
        "version": shown.version,
    }


def references(shown: Shown) -> list[tuple[str, int]]:
    """The UID of the image of each frame, and the number of the frame in it; 0 for an image of one frame."""
    if shown.facts and shown.apart:
        return [(_uid_apart(fact["uid"], fact["number"]) if fact["number"] else fact["uid"], 0) for fact in shown.facts]
    if shown.facts:
        return [(fact["uid"], fact["number"]) for fact in shown.facts]
    uid = mapped_uid(f"cdss.image.{shown.row.pk}.{getattr(shown.row, 'sha256', '')}")
    return [(uid, frame + 1 if shown.frames > 1 else 0) for frame in range(shown.frames)]


def _uid_apart(uid: str, number: int) -> str:
    return uid_of(int.from_bytes(sha256(f"{uid}|{number}".encode()).digest()[:16]))


def _presets(shown: Shown) -> list[list[Any]]:
    """Name, centre and width; the first is what it is opened with."""
    row = shown.row
    found: list[list[Any]] = []
    if isinstance(row, Series):
        names = ("As stored", *(f"As stored {number}" for number in range(2, 10)))
        found += [[name, *window] for name, window in zip(names, row.windows, strict=False)]
        if row.unit == "HU":
            found += [list(preset) for preset in CT_PRESETS]
    if shown.pixels in ("uint8", "rgb8"):
        found.insert(0, ["All greys", 127.5, 255.0])
    else:
        middle = full_window(shown.values(shown.frames // 2))
        found.append(["Full range", *(round(part, 3) for part in middle)])
    return found


def _picture(image: CaseImage, frame: int) -> Array:
    refuse_in(Mode.TEXT_ONLY)
    data = image_bytes(frame_paths(name=str(image.file), frames=image.frames)[frame])
    pixels = door.picture(data)
    return np.ascontiguousarray(pixels[..., 0]) if is_grey_png(data) else pixels
