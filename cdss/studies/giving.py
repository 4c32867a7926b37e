"""A case's series on their way out: files of one frame each, the marks that its readers see, its key images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from cdss.library.keepers import Given
from cdss.library.models import Case, CaseImage, State
from cdss.studies.dicom_series import series_files
from cdss.studies.dicom_write import presentation_state
from cdss.studies.models import KeyImage, Mark, Series
from cdss.studies.shown import Shown, of_series


def series_given(*, case: Case, images: Sequence[CaseImage], folder: str) -> Given:
    """`{"series": [{"files", "states", "keys": [{"image", "frame", "center", "width", "inverted"}]}]}`."""
    # What was not reviewed yet goes nowhere.
    rows = [row for row in case.series.all() if not row.waiting]
    if not rows:
        return Given({}, iter(()))
    places = {image.pk: place for place, image in enumerate(images, 1)}
    stems = [f"{folder}series-{number:03}/" for number in range(1, len(rows) + 1)]
    shown = [replace(of_series(row), apart=True) for row in rows]
    said = [_said(each, stem, places) for each, stem in zip(shown, stems, strict=True)]
    return Given({"series": said}, _files(case, shown, said))


def shared_marks(shown: Shown) -> list[Mark]:
    return list(shown.marks.filter(shared=True).order_by("frame", "pk"))


def _said(shown: Shown, stem: str, places: dict[int, int]) -> dict[str, Any]:
    keys = KeyImage.objects.filter(series=shown.row.pk, image__in=places).order_by("frame", "pk")
    about = ("frame", "center", "width", "inverted")
    placed = [(places[key.image_id], key) for key in keys if key.image_id is not None]
    return {
        "files": [f"{stem}{frame + 1:05}.dcm" for frame in range(shown.frames)],
        "states": [f"{stem}annotations.dcm"] if shown.marks.filter(shared=True).exists() else [],
        "keys": [{"image": place, **{name: getattr(key, name) for name in about}} for place, key in placed],
    }


def _files(case: Case, shown: Sequence[Shown], said: Sequence[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    for each, about in zip(shown, said, strict=True):
        row = each.row
        looked_at = isinstance(row, Series) and not row.doubts and (case.synthetic or case.state == State.PUBLISHED)
        yield from zip(about["files"], series_files(each, shows_no_text=looked_at), strict=True)
        for name in about["states"]:
            yield name, presentation_state(each, shared_marks(each), lasting=True)
