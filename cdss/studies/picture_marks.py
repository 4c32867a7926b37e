"""Marks on pictures that belong to no series: out with a case, and in again. Nothing that comes is trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cdss.library.keepers import Arrived, Given
from cdss.library.models import Case, CaseImage
from cdss.studies.dicom_read import FoundMark, marks_take
from cdss.studies.dicom_write import mark_uid
from cdss.studies.errors import StudyError
from cdss.studies.marks import MAX_MARKS
from cdss.studies.models import Mark
from cdss.studies.shown import of_image


def picture_marks_given(*, case: Case, images: Sequence[CaseImage], folder: str) -> Given:
    """`{"marks": [{"image", "marks": [{"frame", "kind", "points", "label", "uid"}]}]}`: those that readers see."""
    said = []
    for place, image in enumerate(images, 1):
        shared = sorted((mark for mark in image.marks.all() if mark.shared), key=lambda mark: (mark.frame, mark.pk))
        if shared:
            said.append({"image": place, "marks": [_said(mark) for mark in shared]})
    return Given({"marks": said} if said else {}, iter(()))


def picture_marks_keep(arrived: Arrived) -> Sequence[str]:
    """What fits its image is kept and measured anew; the rest is left out and counted."""
    problems = []
    for number, entry in enumerate(arrived.said("marks"), 1):
        try:
            left = _keep_one(arrived, entry)
        except (StudyError, OSError) as error:
            problems.append(f"Marks {number}: {error}")
        else:
            problems += [f"Marks {number}: {left} could not be read."] if left else []
    return problems


def _keep_one(arrived: Arrived, entry: dict[str, Any]) -> int:
    image, marks = arrived.image_named(entry.get("image")), entry.get("marks")
    if image is None or not isinstance(marks, list):
        raise StudyError("they are of an image that is not there.")
    taken = marks_take(shown=of_image(image), found=_found(marks[:MAX_MARKS]), by=arrived.owner)
    return taken.passed_over + len(marks[MAX_MARKS:])


def _found(marks: Sequence[object]) -> Iterator[FoundMark | None]:
    for mark in marks:
        if isinstance(mark, dict):
            uid: Any = mark.get("uid")
            frame, kind, points, label = (mark.get(name) for name in ("frame", "kind", "points", "label"))
            # Of any type: they are checked where a mark is made.
            yield FoundMark(frame, kind, points, label, uid if isinstance(uid, str) else "")  # type: ignore[arg-type]
        else:
            yield None


def _said(mark: Mark) -> dict[str, Any]:
    held = {name: getattr(mark, name) for name in ("frame", "kind", "points", "label")}
    return {**held, "uid": mark_uid(mark)}
