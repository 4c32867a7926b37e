from collections.abc import Mapping

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.chain import Fields, checked_details, fields_hash, printable
from cdss.audit.location import client_address
from cdss.audit.models import ChainHead, Event

HEAD = 1


class BrokenTrailError(RuntimeError):
    """The trail cannot be continued."""


def record(
    *,
    action: str,
    by: User | None = None,
    obj: Model | None = None,
    details: Mapping[str, object] | None = None,
    location: str = "",
) -> Event:
    """Adds an event to the trail. Call it last in the transaction of the act: both commit, or neither does."""
    plain = checked_details(details or {})
    # No savepoint: an act whose event cannot be written must not commit.
    with transaction.atomic(savepoint=False):
        head = _locked_head()
        fields = Fields(
            sequence=head.sequence + 1,
            at=timezone.now(),
            actor=by.username if by else "",
            role=by.role if by else "",
            location=printable(location or (by.location if by else "") or client_address.get(), 100),
            action=action,
            object_type=obj._meta.label_lower if obj else "",
            object_id=str(obj.pk) if obj else "",
            details=plain,
            previous_hash=head.hash,
        )
        event = Event.objects.create(**fields._asdict(), hash=fields_hash(fields))
        ChainHead.objects.filter(pk=HEAD).update(sequence=event.sequence, hash=event.hash)
    return event


def _locked_head() -> ChainHead:
    # PostgreSQL locks the row; SQLite has locked the whole database (its transactions are IMMEDIATE).
    heads = ChainHead.objects.select_for_update()
    if head := heads.filter(pk=HEAD).first():
        return head
    ChainHead.objects.get_or_create(pk=HEAD)
    head = heads.get(pk=HEAD)
    if head.sequence == 0 and Event.objects.exists():
        raise BrokenTrailError("The head of the audit trail is missing. Run manage.py verify_audit.")
    return head
