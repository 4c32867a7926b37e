"""What the library has changed since the index was made. The notes are written by the database: triggers.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Max, Min
from django.utils import timezone

from cdss.indexing.models import IndexChange
from cdss.indexing.versions.pieces import pieces

# A build waits until nothing has changed for so long, so that many changes in a row become one version …
QUIET = dt.timedelta(seconds=1)
# … but not longer than this.
LONGEST = dt.timedelta(seconds=20)


class Pending(NamedTuple):
    number: int
    oldest: dt.datetime | None
    newest: dt.datetime | None


def pending() -> Pending:
    """How many changes are not in the index, and the times of the first and the last."""
    found = IndexChange.objects.order_by().aggregate(oldest=Min("at"), newest=Max("at"))
    return Pending(IndexChange.objects.count(), found["oldest"], found["newest"])


def is_due() -> bool:
    """Whether the index has to be made now: something changed, and nothing more is changing or it has waited enough."""
    waiting, now = pending(), timezone.now()
    if waiting.oldest is None or waiting.newest is None:
        return False
    return now - waiting.newest >= QUIET or now - waiting.oldest >= LONGEST or waiting.newest > now


def changes_pending() -> list[int]:
    """The notes there are now, to settle once the index has what they are about.

    By their own keys and not up to the last one: with several writers, a smaller key may be committed after a greater.
    """
    return list(IndexChange.objects.values_list("pk", flat=True))


def changes_settle(noted: Sequence[int]) -> None:
    for piece in pieces(noted):
        IndexChange.objects.filter(pk__in=piece).delete()
