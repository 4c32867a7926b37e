"""Daily notes of the head of the chain. Kept outside the database, they reveal a trail that was made anew."""

import datetime as dt
import json
from collections.abc import Iterator

from django.db import transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.models import Anchor, ChainHead, Event
from cdss.audit.services import record
from cdss.audit.standalone import verify_export

ANCHORED = "audit.anchored"


@transaction.atomic
def anchor_add(*, by: User | None = None, day: dt.date | None = None) -> Anchor | None:
    """Notes the head once a day; None when this day has its anchor, or nothing was recorded yet."""
    day = day or timezone.localdate()
    # PostgreSQL locks the row of every writer; SQLite the database.
    head = ChainHead.objects.select_for_update().order_by("pk").first()
    if head is None or head.sequence == 0 or Anchor.objects.filter(date=day).exists():
        return None
    anchor = Anchor.objects.create(
        date=day,
        sequence=head.sequence,
        hash=head.hash,
        events=Event.objects.filter(sequence__lte=head.sequence).count(),
    )
    details = {"date": day.isoformat(), "sequence": anchor.sequence, "hash": anchor.hash, "events": anchor.events}
    record(action=ANCHORED, by=by, details=details)
    return anchor


def anchor_due() -> Anchor | None:
    """The day's anchor when it is missing; for a process that looks often."""
    return None if Anchor.objects.filter(date=timezone.localdate()).exists() else anchor_add()


def anchor_lines() -> Iterator[str]:
    """As a file that verify_audit and the standalone program read."""
    for anchor in Anchor.objects.order_by("sequence").iterator():
        row = {"date": anchor.date.isoformat(), "sequence": anchor.sequence, "hash": anchor.hash}
        yield json.dumps({**row, "events": anchor.events}) + "\n"


def stored_anchors() -> list[verify_export.Anchor]:
    rows = Anchor.objects.order_by("sequence").values_list("date", "sequence", "hash")
    return [verify_export.Anchor(date.isoformat(), sequence, digest) for date, sequence, digest in rows]
