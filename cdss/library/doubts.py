"""Places of stored images that may be burnt-in text, and what a person decides of them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.encryption import encrypt_bytes
from cdss.library.image_files import image_bytes, image_files
from cdss.library.models import Doubt
from cdss.library.thumbnails import remove_thumbnail
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.reading import door
from retrieval.files import written_beside

if TYPE_CHECKING:
    from cdss.library import screening


# Other rooms that keep something of the pixels of an image say so: they are told its name when these have changed.
AFTER_PUT_BACK: list[Callable[[str], None]] = []


def doubts_store(*, name: str, doubts: Sequence[screening.Doubt], owner: User | None) -> None:
    """Call it in the transaction that stores the image."""
    Doubt.objects.bulk_create(
        Doubt(
            name=name,
            owner=owner,
            left=doubt.left,
            top=doubt.top,
            width=doubt.width,
            height=doubt.height,
            frame=doubt.frame,
            score=doubt.score,
            crop=doubt.crop,
        )
        for doubt in doubts
    )


def doubts_forget(*, names: Collection[str]) -> None:
    """Of images that go."""
    Doubt.objects.filter(name__in=names).delete()


@transaction.atomic
def doubt_decide(*, doubt: Doubt, keep: bool, by: User) -> None:
    """It stays masked and what stood there is forgotten, or it is put back: it was no text, or names nobody."""
    row = Doubt.objects.select_for_update().filter(pk=doubt.pk).first()
    if row is None:
        return
    if keep:
        _put_back(row)
        for told in AFTER_PUT_BACK:
            told(row.name)
    details = {"image": Path(row.name).parent.name, "kept": keep, "width": row.width, "height": row.height}
    record(action="image.doubt_decided", by=by, obj=row, details=details)
    row.delete()


def crop_png(doubt: Doubt) -> bytes:
    return base64.b64decode(doubt.crop)


def _put_back(doubt: Doubt) -> None:
    from cdss.reading.images import png

    refuse_in(Mode.TEXT_ONLY)
    strip = door.picture(crop_png(doubt))
    whole = image_files(name=doubt.name)
    files = sorted(whole.glob("*.png")) if whole.is_dir() else [whole]
    right, bottom = doubt.left + doubt.width, doubt.top + doubt.height
    for number in range(strip.shape[0] // doubt.height):
        path = files[doubt.frame + number]
        picture = door.picture(image_bytes(path)).copy()
        picture[doubt.top : bottom, doubt.left : right] = strip[number * doubt.height : (number + 1) * doubt.height]
        with written_beside(path) as file:
            file.write(encrypt_bytes(png(picture)))
    remove_thumbnail(name=doubt.name)
