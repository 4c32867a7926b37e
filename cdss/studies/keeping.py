"""Series that come with an imported case: read like any study, with their marks and key images. Nothing is trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import transaction

from cdss.accounts.models import User
from cdss.library.image_files import remove_images_on_commit
from cdss.library.keepers import Arrived
from cdss.library.models import Case
from cdss.library.rows import Beside
from cdss.numbers import is_whole
from cdss.positions import next_position
from cdss.studies.dicom_read import marks_import
from cdss.studies.errors import StudyError
from cdss.studies.held import hold, let_go, new_place
from cdss.studies.models import KeyImage, Series
from cdss.studies.reading import exported_series_read
from cdss.studies.shown import of_series


def series_keep(arrived: Arrived) -> Sequence[str]:
    """What cannot be read is left out, whole, and said."""
    beside = arrived.row.beside
    problems: list[str] = []
    for number, entry in enumerate(arrived.said("series"), 1):
        try:
            problems += [f"Series {number}: {said}" for said in _keep_one(arrived, beside, entry)]  # type: ignore[arg-type]
        except (StudyError, OSError) as error:
            problems.append(f"Series {number}: {error}")
    return problems


def _keep_one(arrived: Arrived, beside: Beside, entry: dict[str, Any]) -> list[str]:
    names = list(dict.fromkeys(entry.get("files") or []))
    missing = [name for name in names if name not in beside.files]
    if missing or not names:
        raise StudyError(f"{len(missing)} of its {len(names)} files are not there.")
    made = _read(arrived.case, [beside.files[name] for name in names], known=arrived.known)
    if held := Series.objects.filter(case=arrived.case, digest=made.digest).first():
        remove_images_on_commit(names=[made.folder])
        made = held
    else:
        _store(arrived.case, made)
    _keys(arrived, made, entry.get("keys"))
    states = [beside.files[name] for name in entry.get("states") or [] if name in beside.files]
    return [said for path in states for said in _marks(made, path, arrived.owner)]


def _read(case: Case, files: Sequence[Path], *, known: bool) -> Series:
    place = new_place()
    try:
        for path in files:
            with path.open("rb") as file:
                hold(place, file, name=path.name)
        return exported_series_read(case=case, place=place, files=len(files), known=known)
    finally:
        let_go(place)


def _store(case: Case, series: Series) -> None:
    series.position = next_position(case.series.all())
    series.save(force_insert=True)


def _keys(arrived: Arrived, series: Series, entries: object) -> None:
    for entry in entries if isinstance(entries, list) else []:
        key = _key(entry, series.frames) if isinstance(entry, dict) else None
        image = arrived.image_named(entry.get("image")) if key else None
        if image and (image.width, image.height) == (series.columns, series.rows):
            KeyImage.objects.update_or_create(image=image, defaults={"series": series, **key})  # type: ignore[dict-item]


def _key(entry: dict[str, Any], frames: int) -> dict[str, Any] | None:
    frame, window = entry.get("frame"), [entry.get("center"), entry.get("width")]
    usable = all(isinstance(each, int | float) and math.isfinite(each) for each in window)
    if not (is_whole(frame) and usable and 0 <= frame < frames):
        return None
    center, width = map(float, window)  # type: ignore[arg-type]
    return {"frame": frame, "center": center, "width": width, "inverted": entry.get("inverted") is True}


def _marks(series: Series, path: Path, owner: User | None) -> list[str]:
    try:
        with transaction.atomic():
            taken = marks_import(shown=of_series(series), data=path.read_bytes(), by=owner)
    except StudyError as error:
        return [f"its marks: {error}"]
    return [f"{taken.passed_over} of its marks could not be read."] if taken.passed_over else []
