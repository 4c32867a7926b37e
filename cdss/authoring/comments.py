"""What is said of a case while it is written: on a field or on the whole, in threads that are settled."""

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.authoring.content import FIELDS
from cdss.authoring.models import Comment, Manuscript
from cdss.authoring.services import AuthoringError
from cdss.library.deidentify import deidentify
from cdss.notices.models import Kind
from cdss.notices.services import notify

MAX_COMMENT = 10_000


@transaction.atomic
def comment_add(
    *, manuscript: Manuscript, by: User, text: str, field: str = "", parent: Comment | None = None
) -> Comment:
    """A reply stands in the field of its thread. Identifiers are taken out of it."""
    text = deidentify(text.strip()).text
    if not text or len(text) > MAX_COMMENT:
        raise AuthoringError(f"Write a comment of 1 to {MAX_COMMENT:,} characters.")
    if field and field not in (*FIELDS, "images"):
        raise AuthoringError("There is no such field.")
    if parent is not None:
        parent = parent.parent or parent
        field = parent.field
    made = manuscript.comments.create(by=by, text=text, field=field, parent=parent)
    record(action="case.commented", by=by, obj=manuscript, details={"comment": made.pk, "field": field})
    told = [user for user in (*manuscript.authors(), *manuscript.reviewers.all()) if user.pk != by.pk]
    path = f"{manuscript.get_absolute_url()}#comments"
    said = f"{by} commented on case {manuscript}."
    notify(kind=Kind.CASE, recipients=told, text=said, path=path, key=f"comment:{made.pk}", obj=manuscript)
    return made


@transaction.atomic
def comment_resolve(*, comment: Comment, by: User, resolved: bool) -> None:
    """Of a thread as a whole; it can be opened again."""
    thread = comment.parent or comment
    thread.resolved = timezone.now() if resolved else None
    thread.resolved_by = by if resolved else None
    thread.save(update_fields=["resolved", "resolved_by"])
    details = {"comment": thread.pk, "resolved": resolved}
    record(action="case.comment_resolved", by=by, obj=thread.manuscript, details=details)
