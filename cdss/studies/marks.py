"""Saving marks. Each is a row of its own: two people who draw at once both keep what they drew."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.deidentify import deidentify
from cdss.library.field_values import clean
from cdss.studies.errors import StudyError
from cdss.studies.measuring import checked_points, measured
from cdss.studies.models import Mark
from cdss.studies.permitting import is_named_author
from cdss.studies.shown import Shown

MAX_LABEL = 200
# Of one person on one series.
MAX_MARKS = 500


class StaleMarkError(StudyError):
    """Somebody, or another page, has saved it since. Holds what is stored now."""

    def __init__(self, mark: Mark) -> None:
        super().__init__("This mark was changed elsewhere meanwhile. Both are kept: yours as a new one.")
        self.mark = mark


@transaction.atomic
def mark_create(*, shown: Shown, by: User | None, data: dict[str, Any]) -> Mark:
    """A mark that was sent before is found by its token and not made twice. Raises StudyError."""
    token = _token(data.get("token"))
    if held := Mark.objects.filter(owner=by, token=token).first():
        return held
    if shown.marks.filter(owner=by).count() >= MAX_MARKS:
        raise StudyError(f"There are {MAX_MARKS} marks of yours here; delete some first.")
    mark = Mark(owner=by, token=token, shared=_is_shared(shown, by), **shown.owner_field, **_content(shown, data))
    mark.save(force_insert=True)
    _record("studies.mark_made", mark, shown, by)
    return mark


@transaction.atomic
def mark_change(*, shown: Shown, mark: Mark, by: User, data: dict[str, Any]) -> Mark:
    """Raises StaleMarkError when it is not the version that was changed, and StudyError."""
    row = Mark.objects.select_for_update().get(pk=mark.pk)
    if data.get("version") != row.version:
        raise StaleMarkError(row)
    for name, value in _content(shown, {"kind": row.kind, **data}).items():
        setattr(row, name, value)
    row.version += 1
    row.save()
    _record("studies.mark_changed", row, shown, by)
    return row


@transaction.atomic
def mark_delete(*, shown: Shown, mark: Mark, by: User) -> None:
    _record("studies.mark_deleted", mark, shown, by)
    mark.delete()


def marks_of(shown: Shown, user: User) -> list[Mark]:
    return list(shown.marks.seen_by(user).order_by("frame", "pk"))


def _content(shown: Shown, data: dict[str, Any]) -> dict[str, Any]:
    kind, frame = str(data.get("kind", "")), data.get("frame")
    if isinstance(frame, bool) or not isinstance(frame, int) or not 0 <= frame < shown.frames:
        raise StudyError(f"Frames here go from 1 to {shown.frames}.")
    points = checked_points(kind, data.get("points"), rows=shown.rows, columns=shown.columns)
    label = data.get("label") or ""
    if not isinstance(label, str):
        raise StudyError("A label is a text.")
    text = deidentify(clean(label)[:MAX_LABEL]).text
    if kind == "text" and not text:
        raise StudyError("A text mark needs its text.")
    values = measured(shown, kind=kind, frame=frame, points=points)
    return {"kind": kind, "frame": frame, "points": points, "label": text, "values": values}


def _is_shared(shown: Shown, by: User | None) -> bool:
    """What the owner and the co-authors of a case draw is for those who read it; what others draw is theirs."""
    return is_named_author(by, shown.case) if by else shown.case.owner_id is None


def _token(value: object) -> UUID:
    if value is None:
        return uuid4()
    try:
        return UUID(str(value))
    except ValueError as error:
        raise StudyError("The token of a mark is a UUID.") from error


def _record(action: str, mark: Mark, shown: Shown, by: User | None) -> None:
    details = {"mark": mark.pk, "kind": mark.kind, "frame": mark.frame, shown.kind: shown.row.pk}
    record(action=action, by=by, obj=shown.case, details=details)
