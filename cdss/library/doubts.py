"""Places of stored images that may be burnt-in text, and what a person decides of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.encryption import encrypt_bytes
from cdss.library.image_files import image_bytes, image_files
from cdss.library.models import CaseImage, Doubt
from cdss.library.thumbnails import remove_thumbnails
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
    from PIL import Image

    strip = Image.open(io.BytesIO(crop_png(doubt))).convert("RGB")
    whole = image_files(name=doubt.name)
    files = sorted(whole.glob("*.png")) if whole.is_dir() else [whole]
    for number in range(strip.height // doubt.height):
        path = files[doubt.frame + number]
        part = strip.crop((0, number * doubt.height, doubt.width, (number + 1) * doubt.height))
        with Image.open(io.BytesIO(image_bytes(path))) as stored:
            picture = stored.convert("RGB")
        picture.paste(part, (doubt.left, doubt.top))
        made = io.BytesIO()
        picture.save(made, "PNG", compress_level=4)
        with written_beside(path) as file:
            file.write(encrypt_bytes(made.getvalue()))
    remove_thumbnails(digests=list(CaseImage.objects.filter(file=doubt.name).values_list("sha256", flat=True)))
