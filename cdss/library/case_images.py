"""The images of a case on their way in: read once, written only where the case does not hold them yet."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models

from cdss.library.doubts import doubts_forget, doubts_store
from cdss.library.field_values import RowError
from cdss.library.image_files import remove_images_on_commit, write_image
from cdss.library.models import Case, CaseImage
from cdss.library.rows import ImageRow
from cdss.locks.models import Mode
from cdss.locks.modes import REFUSALS, is_locked

if TYPE_CHECKING:
    from cdss.library.intake import IntakeImage

FOLDER = "cases"
OUT_OF_THE_WAY = 1_000_000


@dataclass(frozen=True, slots=True)
class ReadImage:
    row: ImageRow
    intake: IntakeImage

    @property
    def about(self) -> dict[str, str]:
        """What the row says, else what the file itself does."""
        row, file = self.row, self.intake
        return {
            "modality": row.modality or file.modality,
            "region": row.region or file.region,
            "plane": row.plane or file.plane,
            "sequence": row.sequence,
            "location": row.location,
            "licence": row.licence,
            "attribution": row.attribution,
        }


def source_digest(row: ImageRow) -> str:
    """SHA-256 of the files of one image as they came; empty when there are none to read."""
    if row.problem:
        return ""
    total = hashlib.sha256()
    for path in row.files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def digests_of(rows: Sequence[ImageRow], images: Sequence[ReadImage]) -> list[str]:
    """Of each row the SHA-256 of what was stored, empty for none: a picture that stands twice is stored once."""
    stored = {source_digest(image.row): image.intake.sha256 for image in images}
    return [stored.get(source_digest(row), "") if not row.problem else "" for row in rows]


def read_images(rows: Sequence[ImageRow], *, screen: bool = False) -> tuple[list[ReadImage], list[str]]:
    """The images that can be read, each picture once, and what was wrong with the others."""
    if rows and is_locked(Mode.TEXT_ONLY):
        raise RowError(REFUSALS[Mode.TEXT_ONLY])
    from cdss.library.intake import IntakeError, stack_intake

    found: dict[str, ReadImage] = {}
    problems = []
    for row in rows:
        if row.problem:
            problems.append(row.problem)
            continue
        try:
            image = stack_intake(uploads=row.files, name=row.files[0].name, screen=screen)
        except IntakeError as error:
            problems.append(f"{error}")
            continue
        if image.says_burned_in and not image.was_screened:
            problems.append(
                f"{row.files[0].name}: its header says that text is burnt into the pixels. Mask it, then import it."
            )
            continue
        found.setdefault(image.sha256, ReadImage(row, image))
    return list(found.values()), problems


def replace_images(case: Case, images: Sequence[ReadImage], captions: Sequence[str]) -> int:
    """Makes these the case's images, in order, and returns how many are new.

    A picture the case already holds keeps its row and file, and with them its embedding. Call it in a transaction
    inside `new_image_files()`.
    """
    held = {image.sha256: image for image in case.images.all()}
    gone = [held.pop(sha256) for sha256 in held.keys() - {image.intake.sha256 for image in images}]
    CaseImage.objects.filter(pk__in=[image.pk for image in gone]).delete()
    doubts_forget(names=[str(image.file) for image in gone])
    remove_images_on_commit(names=[str(image.file) for image in gone])
    # Out of the way of the new positions.
    CaseImage.objects.filter(case=case).update(position=models.F("position") + OUT_OF_THE_WAY)
    for position, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row = held.get(image.intake.sha256)
        if row is None:
            row = CaseImage(case=case, sha256=image.intake.sha256)
            row.file.name = write_image(folder=FOLDER, pngs=image.intake.pngs)
            doubts_store(name=row.file.name, doubts=image.intake.doubts, owner=case.owner)
        row.width, row.height, row.frames = image.intake.width, image.intake.height, image.intake.frames
        row.position, row.caption, row.key = position, caption, image.row.key
        for name, value in image.about.items():
            setattr(row, name, fitted(CaseImage, name, value))
        row.save()
    return len(images) - len(held)


def fitted(model: type[models.Model], name: str, value: Any) -> Any:
    """A value that fits its column; what does not fit ends with an ellipsis."""
    limit = getattr(model._meta.get_field(name), "max_length", None)
    return f"{value[: limit - 1]}…" if limit and isinstance(value, str) and len(value) > limit else value
