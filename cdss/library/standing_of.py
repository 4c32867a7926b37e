"""What a reader of an item's page has to know of its standing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdss.accounts.models import User
from cdss.library.disputes import standing_disputes
from cdss.library.models import LibraryItem, RecallKind
from cdss.library.recalls import CitedIn, citing_of
from cdss.library.standing import Dispute, Recall


@dataclass(frozen=True, slots=True)
class Standing:
    """`citing` is what of the reader's own cites a recalled item."""

    recall: Recall | None
    disputes: Sequence[Dispute]
    citing: Sequence[CitedIn]
    kinds = RecallKind.choices


def standing_of(item: LibraryItem, user: User) -> Standing:
    recall = item.recalls.filter(undone__isnull=True).first() if item.recalled else None
    citing = [cited for cited in citing_of(item) if user in cited.owners] if recall else []
    return Standing(recall, standing_disputes([item.pk]).get(item.pk, []), citing)
