from __future__ import annotations

import hashlib
import io
from collections.abc import Collection
from dataclasses import dataclass
from secrets import token_hex

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.deidentify import deidentify
from cdss.library.field_values import clean
from cdss.library.image_files import new_image_files, remove_images_on_commit
from cdss.library.models import WRITTEN_HERE, Case, CaseImage, Kind, LibraryItem, State, Visibility
from cdss.library.services import collection_ensure
from cdss.library.writing import desk
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.positions import next_position
from cdss.studies.errors import StudyError
from cdss.studies.frame_files import frame_path, write_frame
from cdss.studies.models import KeyImage, Series
from cdss.studies.permitting import told_when_closed
from cdss.studies.pixels import windowed
from cdss.studies.shown import Shown

COLLECTION = "Teaching cases"
MAX_CAPTION = 500


@dataclass(frozen=True, slots=True)
class Window:
    center: float
    width: float
    inverted: bool = False


@transaction.atomic
def draft_begin(*, title: str, by: User, visibility: str = Visibility.PRIVATE) -> Case:
    """An empty draft of one's own, for a study to become a case of."""
    text = deidentify(clean(title)).text
    case = Case.objects.create(
        kind=Kind.CASE,
        title=text,
        collection=collection_ensure(name=COLLECTION),
        owner=by,
        visibility=Visibility(visibility),
        state=State.DRAFT,
        source_name=WRITTEN_HERE,
        source_id=token_hex(6),
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        authored_here=True,
    )
    record(action="studies.draft_begun", by=by, obj=case)
    return case


def key_image_make(*, shown: Shown, frame: int, window: Window, caption: str, by: User) -> CaseImage | None:
    """The frame as it is seen, as an image of the case. The same frame in the same window is made once.

    None where the case is published: then it is an image of the working text, which is reviewed first."""
    from cdss.library.intake import IntakeImage, store_case_image

    refuse_in(Mode.TEXT_ONLY)
    series = shown.row
    if not isinstance(series, Series) or not 0 <= frame < shown.frames:
        raise StudyError("A key image is a frame of a series.")
    png = _png(shown, frame, window)
    sha256 = hashlib.sha256(png).hexdigest()
    text = deidentify(clean(caption)[:MAX_CAPTION]).text
    with new_image_files(), transaction.atomic():
        case = Case.objects.select_for_update().get(pk=series.case_id)
        if held := CaseImage.objects.filter(case=case, sha256=sha256).first():
            return held
        image = IntakeImage((png,), shown.columns, shown.rows, sha256, 1, series.modality, series.region, series.plane)
        row = None
        if case.state == State.PUBLISHED:
            with told_when_closed():
                desk().picture(case=case, image=image, caption=text, by=by)
        else:
            row = store_case_image(case=case, image=image, position=next_position(case.images.all()), caption=text)
            row.key = True
            row.save(update_fields=["key"])
            LibraryItem.objects.filter(pk=case.pk).update(updated=timezone.now())
        shape = {"center": window.center, "width": window.width, "inverted": window.inverted}
        held_by = {"series": series, "image": row, "sha256": sha256, "frame": frame}
        if row is not None or not KeyImage.objects.filter(**held_by).exists():
            KeyImage.objects.create(**held_by, **shape)
        details = {"series": series.pk, "frame": frame, "image": row.pk if row else None}
        record(action="studies.key_image_made", by=by, obj=case, details=details)
    return row


@transaction.atomic
def series_publish(*, case: Case, by: User) -> None:
    """Readers see what came since the case was last published; call it in the transaction that publishes the case."""
    came = Series.objects.filter(case=case, waiting=True).update(waiting=False)
    images = dict(CaseImage.objects.filter(case=case, key_of=None).values_list("sha256", "pk"))
    for key in KeyImage.objects.filter(series__case=case, image=None, sha256__in=images):
        key.image_id = images.pop(key.sha256, None)
        key.save(update_fields=["image"])
    if came:
        record(action="studies.series_published", by=by, obj=case, details={"series": came})


@transaction.atomic
def series_delete(*, series: Series, by: User) -> None:
    """With its marks. Key images stay: they are images of the case. Raises StudyError."""
    if series.case.state == State.PUBLISHED and not series.waiting:
        raise StudyError("Readers see this series. Retire the case and take it up again to delete it.")
    details = {"series": series.pk, "frames": series.frames}
    record(action="studies.series_deleted", by=by, obj=series.case, details=details)
    remove_images_on_commit(names=[series.folder])
    case = series.case
    series.delete()
    with told_when_closed():
        desk().changed(case=case, by=by, note="A series was deleted.")


def doubts_decide(*, series: Series, keep: bool, by: User) -> None:
    """What may be text is shown again, or it is covered for good in every frame."""
    boxes = series.doubts
    if not boxes:
        return
    if not keep:
        from cdss.studies.frame_files import read_frame
        from cdss.studies.pixels import cover

        kind, rows, columns = series.pixels, series.rows, series.columns
        for frame in range(series.frames):
            pixels = read_frame(series.folder, frame, pixels=kind, rows=rows, columns=columns)
            write_frame(frame_path(series.folder, frame), cover(pixels, boxes))
    with transaction.atomic():
        row = Series.objects.select_for_update().get(pk=series.pk)
        row.doubts, row.version = [], row.version + 1
        row.save(update_fields=["doubts", "version"])
        details = {"series": row.pk, "places": len(boxes), "kept": keep}
        record(action="studies.doubts_decided", by=by, obj=row.case, details=details)


def series_files_remove_on_commit(*, cases: Collection[int]) -> None:
    """Of cases that are deleted: call it before their rows go, in the same transaction."""
    rows = Series.objects.filter(case__in=cases)
    remove_images_on_commit(names=list(rows.values_list("folder", flat=True)))


def _png(shown: Shown, frame: int, window: Window) -> bytes:
    from PIL import Image

    pixels = shown.stored(frame)
    if pixels.ndim == 3:
        seen = 255 - pixels if window.inverted else pixels
    else:
        series = shown.row
        inverted = window.inverted != (isinstance(series, Series) and series.inverted)
        seen = windowed(shown.values(frame), center=window.center, width=window.width, inverted=inverted)
    written = io.BytesIO()
    Image.fromarray(seen).save(written, "PNG", compress_level=4)
    return written.getvalue()
