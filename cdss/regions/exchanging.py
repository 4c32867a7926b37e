"""Masks of a case's images on their way out, as DICOM segmentations, and in again. Nothing that comes is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdss.accounts.models import User
from cdss.library.deidentify import deidentify
from cdss.library.field_values import clean
from cdss.library.keepers import Arrived, Given
from cdss.library.models import Case, CaseImage
from cdss.numbers import is_whole
from cdss.regions.masks import runs_of
from cdss.regions.models import Origin, RegionMask, Structure
from cdss.regions.segmentations import segmentation_of, segmentation_read
from cdss.regions.services import RefusedError, mask_save, structure_create

LONGEST = 120


def masks_given(*, case: Case, images: Sequence[CaseImage], folder: str) -> Given:
    """`{"segmentations": [{"path", "structure", "image", "frame", "origin"}]}`: those that stand now."""
    places = {image.pk: place for place, image in enumerate(images, 1) if image.regionmasks.all()}
    found = RegionMask.objects.current().filter(image__in=places)
    rows = list(found.select_related("structure", "image__case").order_by("pk")) if places else []
    names = [f"{folder}mask-{number:03}.dcm" for number in range(1, len(rows) + 1)]
    said = [
        {"path": name, "structure": row.structure.name, "image": places[row.image_id]}
        | {"frame": row.frame, "origin": row.origin}
        for name, row in zip(names, rows, strict=True)
    ]
    files = ((name, segmentation_of(row, lasting=True)) for name, row in zip(names, rows, strict=True))
    return Given({"segmentations": said} if said else {}, files)


def masks_keep(arrived: Arrived) -> Sequence[str]:
    """One that is there already is not kept twice; what cannot be read is left out and said."""
    problems = []
    for number, entry in enumerate(arrived.said("segmentations"), 1):
        try:
            _keep_one(arrived, entry)
        except (RefusedError, OSError) as error:
            problems.append(f"Segmentation {number}: {error}")
    return problems


def _keep_one(arrived: Arrived, entry: dict[str, Any]) -> None:
    image, frame = _image(arrived, entry)
    path = arrived.row.beside.files.get(entry.get("path") or "") if arrived.row.beside else None
    if path is None:
        raise RefusedError("its file is not there.")
    mask = segmentation_read(path.read_bytes(), image=image, frame=frame, of_one=True)
    structure = _structure(entry.get("structure"), arrived.owner)
    held = RegionMask.objects.current().filter(structure=structure, image=image, frame=frame).first()
    origin = Origin(entry["origin"]) if entry.get("origin") in Origin.values else Origin.READ
    if held is None or held.runs != runs_of(mask):
        mask_save(structure=structure, image=image, frame=frame, mask=mask, by=arrived.owner, origin=origin)


def _image(arrived: Arrived, entry: dict[str, Any]) -> tuple[CaseImage, int]:
    image, frame = arrived.image_named(entry.get("image")), entry.get("frame", 0)
    if image is None or not is_whole(frame) or not 0 <= frame < image.frames:
        raise RefusedError("it names an image that is not there.")
    return image, frame


def _structure(name: object, by: User | None) -> Structure:
    said = deidentify(clean(name)).text[:LONGEST].strip() if isinstance(name, str) else ""
    if not said:
        raise RefusedError("it does not say what is masked.")
    return Structure.objects.filter(name=said).first() or structure_create(name=said, note="", by=by)
