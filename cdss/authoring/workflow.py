"""From draft to review to published to retired: who may do what, told to whom it concerns, and recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.audit.services import record
from cdss.authoring.checklist import checklist_of
from cdss.authoring.completeness import completeness_of
from cdss.authoring.content import FIELDS
from cdss.authoring.looks import looks_soon
from cdss.authoring.models import Manuscript, Revision
from cdss.authoring.pictures import image_rows, pictures_adopt
from cdss.authoring.services import AuthoringError, locked_for_change, revision_add
from cdss.library.field_values import RowError
from cdss.library.models import Case, LibraryItem, State, Visibility
from cdss.library.rows import CaseRow, ImageRow
from cdss.library.services import StateError, Target, case_state_set, case_upsert
from cdss.library.tasks import bring_index_up_to_date
from cdss.notices.models import Kind
from cdss.notices.services import notify, people_who_may
from cdss.studies.services import series_publish


def is_author(manuscript: Manuscript, user: User) -> bool:
    return Manuscript.objects.editable_by(user).filter(pk=manuscript.pk).exists()


def has_written(manuscript: Manuscript, user: User) -> bool:
    """As owner or co-author, or by a revision."""
    named = user in manuscript.authors()
    return named or manuscript.revisions.filter(by=user).exclude(why__in=["begun", "published"]).exists()


def open_actions(manuscript: Manuscript, user: User) -> frozenset[str]:
    """What this user may do with it now."""
    stage, author = manuscript.stage, is_author(manuscript, user)
    reviewer = may(user, Action.REVIEW) and Manuscript.objects.for_user(user).filter(pk=manuscript.pk).exists()
    found = set()
    if author:
        found |= {State.DRAFT: {"submit"}, State.REVIEW: {"take_back"}}.get(State(stage), set())
    if stage == State.REVIEW and reviewer and not has_written(manuscript, user):
        found.add("request_changes")
    if may(user, Action.PUBLISH) and _may_publish(manuscript, user, author=author, reviewer=reviewer):
        found.add("publish")
    retirable = manuscript.case.state == State.PUBLISHED
    if retirable and may(user, Action.PUBLISH) and (author or reviewer):
        found.add("retire")
    if stage == State.RETIRED and (author or (reviewer and may(user, Action.PUBLISH))):
        found.add("take_up")
    return frozenset(found)


def _may_publish(manuscript: Manuscript, user: User, *, author: bool, reviewer: bool) -> bool:
    if manuscript.stage == State.REVIEW:
        return reviewer and not (settings.SECOND_REVIEWER and has_written(manuscript, user))
    return manuscript.stage == State.DRAFT and author and not settings.SECOND_REVIEWER


def _require(manuscript: Manuscript, user: User, action: str) -> None:
    if action in open_actions(manuscript, user):
        return
    if action == "publish" and manuscript.stage == State.REVIEW and has_written(manuscript, user):
        raise AuthoringError("Whoever wrote a case does not publish it: a second person has to.")
    raise AuthoringError("This is not open to you at this stage.")


@transaction.atomic
def case_submit(*, manuscript: Manuscript, by: User, reviewers: Iterable[User] = (), note: str = "") -> None:
    """To those who were asked, or to everybody who reviews and sees the case."""
    row = locked_for_change(manuscript)
    _require(row, by, "submit")
    if row.conflicts.exists():
        raise AuthoringError("Two texts of a field wait for a choice: settle them first.")
    _refuse_if(not row.content["title"], "Give the case a title first.")
    if asked := list(reviewers):
        row.reviewers.set(asked)
    told = [user for user in asked or _who_reviews(row) if user.pk != by.pk]
    _refuse_if(not told, "Nobody else who reviews can see this case. Name a reviewer, or let more people see it.")
    _stage(row, State.REVIEW)
    revision_add(manuscript=row, by=by, why=Revision.Why.SUBMITTED, note=note[:200])
    record(action="case.submitted", by=by, obj=row, details={"version": row.version, "reviewers": len(told)})
    _tell(row, Kind.REVIEW, told, f"{by} asks for a review of case {row}.", f"submit:{row.version}")
    looks_soon()


@transaction.atomic
def case_take_back(*, manuscript: Manuscript, by: User) -> None:
    row = locked_for_change(manuscript)
    _require(row, by, "take_back")
    _stage(row, State.DRAFT)
    record(action="case.taken_back", by=by, obj=row, details={"version": row.version})


@transaction.atomic
def case_request_changes(*, manuscript: Manuscript, by: User, note: str) -> None:
    """Back to its authors, with what is to be changed."""
    row = locked_for_change(manuscript)
    _require(row, by, "request_changes")
    _refuse_if(not note.strip(), "Say what is to be changed.")
    row.comments.create(by=by, text=note.strip()[:10_000])
    _stage(row, State.DRAFT)
    record(action="case.changes_requested", by=by, obj=row, details={"version": row.version})
    _tell(row, Kind.REVIEWED, row.authors(), f"Changes are asked for in your case {row}.", f"changes:{row.version}")


def case_publish(*, manuscript: Manuscript, by: User) -> Case:
    """The working text becomes what is read, searched and cited. Raises AuthoringError, with nothing changed."""
    pictures_adopt(manuscript=manuscript)
    with transaction.atomic():
        row = locked_for_change(manuscript)
        _require(row, by, "publish")
        _refuse_unfinished(row)
        try:
            with image_rows(row) as images:
                case_upsert(row=_case_row(row, images), target=_target(row))
        except RowError as error:
            raise AuthoringError(f"It cannot be published: {error}.") from error
        series_publish(case=row.case, by=by)
        row.stage = State.PUBLISHED
        row.save(update_fields=["stage", "updated"])
        revision_add(manuscript=row, by=by, why=Revision.Why.PUBLISHED)
        record(action="case.published", by=by, obj=row, details={"case": row.case_id, "version": row.version})
        told = [user for user in row.authors() if user.pk != by.pk]
        _tell(row, Kind.REVIEWED, told, f"Your case {row} is published.", f"published:{row.version}")
        transaction.on_commit(bring_index_up_to_date.enqueue)
    return Case.objects.get(pk=row.case_id)


def _refuse_unfinished(row: Manuscript) -> None:
    _refuse_if(row.conflicts.exists(), "Two texts of a field wait for a choice: settle them first.")
    if needed := completeness_of(row.content).needed:
        raise AuthoringError(f"It lacks: {', '.join(part.name.lower() for part in needed)}.")
    if open_checks := checklist_of(row).open:
        raise AuthoringError(f"The de-identification checklist does not pass: {open_checks[0].text}")


@transaction.atomic
def case_retire(*, manuscript: Manuscript, by: User, note: str = "") -> None:
    """Out of search and citation. Answers that cite it say so; it can be taken up again."""
    row = locked_for_change(manuscript)
    _require(row, by, "retire")
    row.stage = State.RETIRED
    row.save(update_fields=["stage", "updated"])
    case_state_set(case=row.case, state=State.RETIRED, by=by)
    if note.strip():
        row.comments.create(by=by, text=note.strip()[:10_000])
    told = [user for user in row.authors() if user.pk != by.pk]
    _tell(row, Kind.CASE, told, f"Your case {row} is retired.", f"retired:{row.updated.isoformat()}")


@transaction.atomic
def case_take_up(*, manuscript: Manuscript, by: User) -> None:
    """A retired case is a draft again: it goes through review before it is searched."""
    row = locked_for_change(manuscript)
    _require(row, by, "take_up")
    row.stage = State.DRAFT
    row.save(update_fields=["stage", "updated"])
    case_state_set(case=row.case, state=State.DRAFT, by=by)


@transaction.atomic
def co_author_set(*, manuscript: Manuscript, user: User, on: bool, by: User) -> None:
    row = _of_its_owner(manuscript, by)
    _refuse_if(on and not may(user, Action.AUTHOR), "This account does not write cases.")
    (row.co_authors.add if on else row.co_authors.remove)(user)
    action = "case.co_author_added" if on else "case.co_author_removed"
    record(action=action, by=by, obj=row, details={"user": user.username})
    said = f"You may write in case {row}." if on else f"You no longer write in case {row}."
    key = f"co:{on}:{row.revisions.count()}"
    _tell(row, Kind.CASE, [user], said, key)


@transaction.atomic
def owner_transfer(*, manuscript: Manuscript, to: User, by: User) -> None:
    """The old owner stays as a co-author."""
    row = _of_its_owner(manuscript, by)
    _refuse_if(not may(to, Action.AUTHOR), "This account does not write cases.")
    before = row.case.owner
    LibraryItem.objects.filter(pk=row.case_id).update(owner=to)
    row.co_authors.remove(to)
    if before is not None and before.pk != to.pk:
        row.co_authors.add(before)
    details = {"from": before.username if before else "", "to": to.username}
    record(action="case.owner_changed", by=by, obj=row, details=details)
    _tell(row, Kind.CASE, [to], f"Case {row} is yours now.", f"owner:{to.pk}:{row.updated.isoformat()}")


def written_in_the_editor(item: LibraryItem, state: State, by: User) -> None:
    """The library's own buttons do not lead around the review."""
    if Manuscript.objects.filter(case=item.pk).exclude(stage=item.state).exists() or (
        settings.SECOND_REVIEWER and Manuscript.objects.filter(case=item.pk).exists()
    ):
        raise StateError("This case is written in the editor: publish, retire or change it there.")


def _of_its_owner(manuscript: Manuscript, by: User) -> Manuscript:
    row = locked_for_change(manuscript)
    owned = row.case.owner_id == by.pk or (row.case.owner_id is None and is_author(row, by))
    _refuse_if(not owned and not may(by, Action.MANAGE_USERS), "Only the owner of a case says who writes it.")
    return row


def _who_reviews(row: Manuscript) -> list[User]:
    return [
        user for user in people_who_may(Action.REVIEW) if Case.objects.for_user(user).filter(pk=row.case_id).exists()
    ]


def _stage(row: Manuscript, stage: State) -> None:
    row.stage = stage
    row.save(update_fields=["stage", "updated"])
    if row.case.state != State.PUBLISHED:
        Case.objects.filter(pk=row.case_id).update(state=stage)


def _tell(row: Manuscript, kind: str, people: Iterable[User], text: str, key: str) -> None:
    path = row.get_absolute_url()
    notify(kind=kind, recipients=people, text=text, path=path, key=f"manuscript:{row.pk}:{key}"[:120], obj=row)


def _refuse_if(wrong: bool, said: str) -> None:
    if wrong:
        raise AuthoringError(said)


def _target(row: Manuscript) -> Target:
    case = row.case
    return Target(
        case.collection, case.owner, Visibility(case.visibility), publish=True, trust_pixels=True, authored=True
    )


def _case_row(row: Manuscript, images: tuple[ImageRow, ...]) -> CaseRow:
    said: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.content.items()
    }
    values: dict[str, Any] = {name: said[name] for name in FIELDS}
    case = row.case
    return CaseRow(
        case.source_name,
        case.source_id,
        **values,
        topic=case.topic,
        topic_title=case.topic_title,
        synthetic=case.synthetic,
        images=images,
    )
