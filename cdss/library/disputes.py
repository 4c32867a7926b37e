"""Passages that clinicians dispute: a vote, taking it back, an editor's word."""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.models import LibraryItem
from cdss.library.standing import Dispute, DisputeVote


class DisputeError(ValueError):
    """A word on a dispute that cannot be kept; the message is for who said it."""


def _key(item: LibraryItem, quote: str) -> dict[str, object]:
    return {"item": item, "quote_sha256": sha256(quote.encode()).hexdigest()}


@transaction.atomic
def dispute_vote(*, item: LibraryItem, quote: str, by: User, verdict: str, reason: str) -> Dispute:
    """One vote of a person; a passage an editor had settled is open again."""
    dispute, created = Dispute.objects.get_or_create(**_key(item, quote), defaults={"quote": quote})
    said = {"verdict": verdict, "reason": reason}
    DisputeVote.objects.update_or_create(dispute=dispute, user=by, defaults=said)
    reopened = Dispute.objects.filter(pk=dispute.pk, resolved__isnull=False).update(
        resolved=None, resolved_by=None, resolution=""
    )
    if created or reopened:
        record(action="library.disputed", by=by, obj=item, details={"dispute": dispute.pk, "reopened": bool(reopened)})
    return dispute


@transaction.atomic
def dispute_withdraw(*, item: LibraryItem, quote: str, by: User) -> None:
    votes = DisputeVote.objects.filter(
        dispute__item=item, dispute__quote_sha256=_key(item, quote)["quote_sha256"], user=by
    )
    if votes.delete()[0]:
        record(action="library.dispute_withdrawn", by=by, obj=item)


@transaction.atomic
def dispute_resolve(*, dispute: Dispute, by: User, reason: str) -> None:
    """The mark goes everywhere; the votes and the reason stay."""
    if not (reason := reason.strip()):
        raise DisputeError("Say in a sentence why the passage stands.")
    if len(reason) > 500:
        raise DisputeError("Give the reason in at most 500 characters.")
    open_now = Dispute.objects.filter(pk=dispute.pk, resolved__isnull=True)
    if open_now.update(resolved=timezone.now(), resolved_by=by, resolution=reason):
        votes = dispute.votes.count()
        record(
            action="library.dispute_resolved", by=by, obj=dispute.item, details={"dispute": dispute.pk, "votes": votes}
        )


def standing_disputes(items: Iterable[int]) -> Mapping[int, list[Dispute]]:
    """The open disputes of each of these items, in two queries."""
    found: dict[int, list[Dispute]] = {}
    for dispute in with_votes(Dispute.objects.standing().filter(item__in=list(items))):
        found.setdefault(dispute.item_id, []).append(dispute)
    return found


def with_votes(disputes: QuerySet[Dispute]) -> QuerySet[Dispute]:
    return disputes.prefetch_related(Prefetch("votes", DisputeVote.objects.order_by("pk")))
