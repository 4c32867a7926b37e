"""The working text of a case: begun, saved from several hands at once, and brought back to an older revision."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.content import (
    AS_SAID,
    FIELDS,
    Content,
    Field,
    content_of,
    empty_content,
    field_named,
    read_value,
    value_of,
    with_value,
)
from cdss.authoring.merging import merged
from cdss.authoring.models import Conflict, Manuscript, Revision
from cdss.library.ages import NO_AGE, is_no_age
from cdss.library.deidentify import deidentify
from cdss.library.field_values import RowError
from cdss.library.models import WRITTEN_HERE, Case, Collection, Kind, State, Visibility
from cdss.library.rows import MAX_TEXT, shown_age
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked, refuse_in

UNTITLED = "Untitled case"
# Changes of one author within this time are one revision.
ONE_GO = timedelta(minutes=10)


class AuthoringError(ValueError):
    """What cannot be done; the message is for who asked for it."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a save. `removed` are identifiers that were taken out, by kind."""

    manuscript: Manuscript
    taken: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    gone: tuple[str, ...] = ()
    removed: Mapping[str, int] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def case_new(*, by: User, title: str, collection: Collection, visibility: str) -> Manuscript:
    """A draft that nothing finds. Raises LockedError where no new patient data may come in."""
    refuse_in(Mode.EDUCATION)
    content = empty_content() | {"title": _clean(FIELDS["title"], read_value(FIELDS["title"], title))[0]}
    case = Case.objects.create(
        kind=Kind.CASE,
        title=content["title"] or UNTITLED,
        text="",
        collection=collection,
        owner=by,
        visibility=Visibility(visibility),
        state=State.DRAFT,
        source_name=WRITTEN_HERE,
        source_id=secrets.token_hex(6),
        licence=collection.licence,
        synthetic=collection.synthetic,
        content_hash="",
        authored_here=True,
    )
    content["licence"] = case.licence
    manuscript = Manuscript.objects.create(case=case, content=content)
    revision_add(manuscript=manuscript, by=by, why=Revision.Why.BEGUN)
    record(action="case.begun", by=by, obj=manuscript, details={"case": case.pk})
    return manuscript


def manuscript_open(*, case: Case, by: User) -> Manuscript:
    """The working text of a case of the library; made of what is published, the first time."""
    from cdss.authoring.pictures import pictures_adopt

    with transaction.atomic():
        row = Case.objects.select_for_update().get(pk=case.pk)
        manuscript, begun = Manuscript.objects.get_or_create(
            case=row, defaults={"content": content_of(row), "stage": row.state}
        )
    pictures_adopt(manuscript=manuscript)
    if begun:
        with transaction.atomic():
            manuscript.refresh_from_db()
            revision_add(manuscript=manuscript, by=by, why=Revision.Why.BEGUN)
            record(action="case.opened", by=by, obj=manuscript, details={"case": row.pk})
    return manuscript


def manuscript_save(*, manuscript: Manuscript, by: User, fields: Mapping[str, Any], base: Mapping[str, str]) -> Saved:
    """Takes what this author changed. What somebody else changed meanwhile stays, and this author's text is kept
    beside it until one of them chooses. Identifiers are taken out before anything is stored."""
    read, problems = _read(fields)
    with transaction.atomic():
        row = _locked(manuscript)
        result = merged(row.content, read, base)
        _refuse_patient_fields([*result.taken, *result.refused])
        content, removed = result.content, Counter[str]()
        for name in result.taken:
            value, found = _clean(_field(name), value_of(content, name))
            content = with_value(content, name, value)
            removed.update(found)
        held = []
        for name, value in result.refused.items():
            cleaned, found = _clean(_field(name), value)
            removed.update(found)
            held.append(_hold(row, name, cleaned, by))
        if result.taken:
            _write(row, content, by)
        if result.taken or held:
            details = {"version": row.version, "fields": sorted(result.taken), "conflicts": sorted(result.refused)}
            record(action="case.edited", by=by, obj=row, details=details | {"removed": sum(removed.values())})
    return Saved(row, result.taken, tuple(held), result.gone, dict(removed), problems)


@transaction.atomic
def conflict_settle(*, conflict: Conflict, by: User, value: Any) -> Manuscript:
    """What stands in the field from now on: mine, theirs, or something made of both."""
    row = _locked(conflict.manuscript)
    if not Conflict.objects.filter(pk=conflict.pk).exists():
        raise AuthoringError("This was settled meanwhile.")
    field_ = _field(conflict.field)
    chosen, _ = _clean(field_, read_value(field_, value))
    _refuse_patient_fields([conflict.field])
    now = value_of(row.content, conflict.field)
    if now is not None and chosen != now:
        _write(row, with_value(row.content, conflict.field, chosen), by)
    record(action="case.conflict_settled", by=by, obj=row, details={"field": conflict.field, "version": row.version})
    conflict.delete()
    return row


@transaction.atomic
def revision_restore(*, revision: Revision, by: User) -> Manuscript:
    """The text of an older revision becomes the newest one. Nothing of the history goes."""
    refuse_in(Mode.EDUCATION)
    row = _locked(revision.manuscript)
    content = empty_content() | dict(revision.content)
    held = set(row.pictures.values_list("pk", flat=True))
    content["images"] = [image for image in content["images"] if image["picture"] in held]
    _write(row, content, by, why=Revision.Why.RESTORED, note=f"from revision {revision.number}")
    record(action="case.restored", by=by, obj=row, details={"revision": revision.number, "version": row.version})
    return row


@transaction.atomic
def images_change(*, manuscript: Manuscript, by: User, images: list[dict[str, Any]], action: str, picture: int) -> None:
    """The list of images as it is from now on: one more, one less, or in another order."""
    row = _locked(manuscript)
    _write(row, row.content | {"images": images}, by)
    record(action=action, by=by, obj=row, details={"picture": picture, "version": row.version})


@transaction.atomic
def manuscript_touch(*, manuscript: Manuscript, by: User, note: str) -> Manuscript:
    """What belongs to the case beside its text has changed: it goes through review again."""
    row = _locked(manuscript)
    _write(row, row.content, by, note=note)
    return row


def revision_add(*, manuscript: Manuscript, by: User | None, why: str, note: str = "") -> Revision:
    """Call it in the transaction of what it tells of."""
    last = manuscript.revisions.first()
    edited = why == Revision.Why.EDITED
    if last and edited and last.why == why and last.by_id == (by and by.pk) and last.updated > timezone.now() - ONE_GO:
        last.content, last.note = manuscript.content, note or last.note
        last.save(update_fields=["content", "note", "updated"])
        return last
    number = last.number + 1 if last else 1
    return manuscript.revisions.create(number=number, why=why, by=by, content=manuscript.content, note=note)


def locked_for_change(manuscript: Manuscript) -> Manuscript:
    """The row, locked until the end of the transaction."""
    return Manuscript.objects.select_for_update(of=("self",)).select_related("case__owner").get(pk=manuscript.pk)


def _locked(manuscript: Manuscript) -> Manuscript:
    row = locked_for_change(manuscript)
    if row.stage == State.REVIEW:
        raise AuthoringError("It is in review: take it back before changing it.")
    if row.stage == State.RETIRED:
        raise AuthoringError("It is retired: take it up again before changing it.")
    return row


def _write(row: Manuscript, content: Content, by: User, *, why: str = Revision.Why.EDITED, note: str = "") -> None:
    if sum(len(str(value)) for value in content.values()) > MAX_TEXT:
        raise AuthoringError(f"The case is longer than {MAX_TEXT:,} characters.")
    row.content, row.version, row.stage = content, row.version + 1, State.DRAFT
    row.save(update_fields=["content", "version", "stage", "updated"])
    if row.case.state != State.PUBLISHED:
        # Lists show it; of a published case they go on showing what is published.
        row.case.title = content["title"] or UNTITLED
        Case.objects.filter(pk=row.case_id).update(title=row.case.title, state=State.DRAFT)
    revision_add(manuscript=row, by=by, why=why, note=note)


def _read(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    read, problems = {}, {}
    for name, value in fields.items():
        known = field_named(name)
        if known is None:
            continue
        try:
            read[name] = read_value(known, value)
        except RowError as error:
            problems[name] = str(error)
    return read, problems


def _field(name: str) -> Field:
    known = field_named(name)
    if known is None:
        raise AuthoringError("There is no such field.")
    return known


def _clean(known: Field, value: Any) -> tuple[Any, Mapping[str, int]]:
    """Without identifiers, and how many of each kind there were."""
    if known.name in AS_SAID or known.kind in ("choice", "tick", "records"):
        return value, {}
    if known.name == "age":
        if is_no_age(value):
            raise AuthoringError(NO_AGE[0].upper() + NO_AGE[1:] + ".")
        return shown_age(value), {"age": 1} if shown_age(value) != value else {}
    if known.kind == "lines":
        found = [deidentify(each) for each in value]
        return [each.text for each in found], sum((Counter(each.removed) for each in found), Counter[str]())
    cleaned = deidentify(value)
    return cleaned.text, cleaned.removed


def _hold(row: Manuscript, name: str, value: Any, by: User) -> Conflict:
    conflict, _ = Conflict.objects.update_or_create(manuscript=row, field=name, by=by, defaults={"value": value})
    return conflict


def _refuse_patient_fields(names: list[str]) -> None:
    """A site that is locked to education takes no new patient data; what teaches can be written."""
    if any(_field(name).patient for name in names) and is_locked(Mode.EDUCATION):
        refuse_in(Mode.EDUCATION)
