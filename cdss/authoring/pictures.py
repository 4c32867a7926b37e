"""Images of the working text: taken in without identifiers, put in order, taken out, and made the published ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.content import about_image, picture_entry
from cdss.authoring.looks import looks_soon
from cdss.authoring.models import Manuscript, Picture
from cdss.authoring.services import AuthoringError, images_change
from cdss.library.doubts import doubts_forget, doubts_store
from cdss.library.image_files import (
    frame_paths,
    image_bytes,
    new_image_files,
    readable_copies,
    remove_images_on_commit,
    remove_orphans,
    write_image,
)
from cdss.library.models import CaseImage, Doubt
from cdss.library.rows import ImageRow
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in

if TYPE_CHECKING:
    from cdss.library.intake import IntakeImage, Upload

FOLDER = "authoring"
MOST_PICTURES = 200


def pictures_add(*, manuscript: Manuscript, uploads: Sequence[UploadedFile], by: User) -> tuple[int, list[str]]:
    """Stores what can be read, each picture once; returns how many are new and what was wrong with the others."""
    refuse_in(Mode.EDUCATION)
    refuse_in(Mode.TEXT_ONLY)
    orphans_remove()
    added, problems = 0, []
    for upload in uploads:
        new, problem = picture_add(manuscript=manuscript, upload=upload, name=upload.name or "", by=by)
        added += new
        problems += [problem] if problem else []
    if added:
        looks_soon()
    return added, problems


def picture_add(*, manuscript: Manuscript, upload: Upload, name: str, by: User) -> tuple[int, str]:
    """Stores one picture, if it is not there yet; returns whether it is new, and what was wrong with it."""
    from cdss.library.intake import IntakeError, image_intake

    try:
        image = image_intake(upload=upload, name=name, screen=True)
        if image.says_burned_in and not image.was_screened:
            raise IntakeError(f"{name}: its header says that text is burnt in. Mask it, then upload it.")
        return picture_store(manuscript=manuscript, image=image, by=by), ""
    except (IntakeError, AuthoringError) as error:
        return 0, str(error)


def orphans_remove() -> None:
    """Left by an upload that was killed."""
    remove_orphans(folder=FOLDER, names=set(Picture.objects.values_list("file", flat=True)))


def picture_store(*, manuscript: Manuscript, image: IntakeImage, by: User, **about: Any) -> int:
    """How many came to it: 0 when the picture is there. Raises AuthoringError."""
    entry = {"modality": image.modality, "region": image.region, "plane": image.plane, **about}
    with new_image_files(), transaction.atomic():
        row = Manuscript.objects.select_for_update().get(pk=manuscript.pk)
        images = list(row.content["images"])
        if len(images) >= MOST_PICTURES:
            raise AuthoringError(f"A case has at most {MOST_PICTURES} images.")
        picture = row.pictures.filter(sha256=image.sha256).first()
        if picture and any(each["picture"] == picture.pk for each in images):
            return 0
        if picture is None:
            name = write_image(folder=FOLDER, pngs=image.pngs)
            doubts_store(name=name, doubts=image.doubts, owner=by)
            picture = row.pictures.create(
                file=name,
                width=image.width,
                height=image.height,
                frames=image.frames,
                sha256=image.sha256,
                was_screened=image.was_screened,
                says_burned_in=image.says_burned_in,
                removed_identifiers=dict(image.removed),
                by=by,
            )
        images.append(picture_entry(picture.pk, **entry))
        images_change(manuscript=row, by=by, images=images, action="case.picture_added", picture=picture.pk)
    return 1


def picture_move(*, manuscript: Manuscript, picture: int, by: int, who: User) -> None:
    """One place up (-1) or down (+1)."""
    with transaction.atomic():
        images = _images(manuscript)
        at = _place(images, picture)
        to = max(0, min(len(images) - 1, at + by))
        images.insert(to, images.pop(at))
        images_change(manuscript=manuscript, by=who, images=images, action="case.picture_moved", picture=picture)


def picture_take_out(*, manuscript: Manuscript, picture: int, by: User) -> None:
    """Older revisions keep it."""
    with transaction.atomic():
        images = _images(manuscript)
        images.pop(_place(images, picture))
        images_change(manuscript=manuscript, by=by, images=images, action="case.picture_taken_out", picture=picture)


def picture_erase(*, manuscript: Manuscript, picture: int, by: User) -> None:
    """Out of the case, as it is read too, and of its history: its files are deleted."""
    with transaction.atomic():
        images = _images(manuscript)
        if any(each["picture"] == picture for each in images):
            images.pop(_place(images, picture))
            images_change(manuscript=manuscript, by=by, images=images, action="case.picture_taken_out", picture=picture)
        row = manuscript.pictures.get(pk=picture)
        same = CaseImage.objects.filter(case=manuscript.case_id, sha256=row.sha256)
        names = [str(row.file), *(str(image.file) for image in same)]
        same.delete()
        row.delete()
        doubts_forget(names=names)
        remove_images_on_commit(names=names)
        record(action="case.picture_erased", by=by, obj=manuscript, details={"picture": picture})


def pictures_adopt(*, manuscript: Manuscript) -> int:
    """Images that the case got from elsewhere, an import or a study, become images of the working text."""
    with new_image_files(), transaction.atomic():
        row = Manuscript.objects.select_for_update().get(pk=manuscript.pk)
        known = set(row.pictures.values_list("sha256", flat=True))
        # A case that shows the same image twice has it once.
        new: dict[str, CaseImage] = {}
        for image in row.case.images.all():
            if image.sha256 not in known:
                new.setdefault(image.sha256, image)
        if not new:
            return 0
        entries = [picture_entry(_adopted(row, image).pk, **about_image(image)) for image in new.values()]
        row.content = row.content | {"images": [*row.content["images"], *entries]}
        row.version += 1
        row.save(update_fields=["content", "version", "updated"])
    return len(new)


def _adopted(row: Manuscript, image: CaseImage) -> Picture:
    paths = frame_paths(name=str(image.file), frames=image.frames)
    name = write_image(folder=FOLDER, pngs=[image_bytes(path) for path in paths])
    for doubt in Doubt.objects.filter(name=str(image.file)):
        doubt.pk, doubt.name = None, name
        doubt.save(force_insert=True)
    shape = {each: getattr(image, each) for each in ("width", "height", "frames", "sha256")}
    return row.pictures.create(file=name, was_screened=True, **shape)


@contextmanager
def image_rows(manuscript: Manuscript) -> Iterator[tuple[ImageRow, ...]]:
    """The images of the working text as an import has them: files that are gone again afterwards."""
    held = {picture.pk: picture for picture in manuscript.pictures.all()}
    with readable_copies() as copied:
        yield tuple(_image_row(held[each["picture"]], each, copied) for each in manuscript.content["images"])


def _image_row(picture: Picture, entry: dict[str, Any], copied: Callable[[str, int], tuple[Path, ...]]) -> ImageRow:
    about = {name: value for name, value in entry.items() if name != "picture"}
    return ImageRow(copied(str(picture.file), picture.frames), **about)


def _images(manuscript: Manuscript) -> list[dict[str, Any]]:
    return list(Manuscript.objects.select_for_update().get(pk=manuscript.pk).content["images"])


def _place(images: Sequence[dict[str, Any]], picture: int) -> int:
    for place, each in enumerate(images):
        if each["picture"] == picture:
            return place
    raise AuthoringError("This image is not in the case any more.")
