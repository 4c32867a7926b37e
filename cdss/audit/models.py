from __future__ import annotations

import datetime as dt
from typing import Self

from django.db import models
from django.db.models import Q

from cdss.audit.standalone.verify_export import GENESIS

FAILED = "failed"
OUTCOMES = {"done": "Answered", "abstained": "Abstained", "cancelled": "Cancelled", FAILED: "Failed"}


class EventQuerySet(models.QuerySet["Event"]):
    def matching(
        self,
        *,
        since: dt.date | None = None,
        until: dt.date | None = None,
        actor: str = "",
        action: str = "",
        role: str = "",
        model: str = "",
        outcome: str = "",
        obj: str = "",
    ) -> Self:
        """`until` is a whole day too; `action` is how it starts; `obj` is TYPE or TYPE:ID."""
        found = Q()
        if since:
            found &= Q(at__date__gte=since)
        if until:
            found &= Q(at__date__lte=until)
        if actor:
            found &= Q(actor__iexact=actor)
        if action:
            found &= Q(action__startswith=action)
        if role:
            found &= Q(role=role)
        if model:
            found &= Q(details__writer=model)
        if outcome:
            found &= Q(details__status=outcome) | (Q(action__endswith=FAILED) if outcome == FAILED else Q(pk=None))
        if obj:
            kind, _, number = obj.partition(":")
            found &= Q(object_type=kind) & (Q(object_id=number) if number else Q())
        return self.filter(found)


class Event(models.Model):
    """One act, chained to the one before it by its hash. Rows are added, never changed."""

    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField(db_index=True)
    # The name and not a key: the trail outlives the account.
    actor = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=20, blank=True)
    location = models.CharField(max_length=100, blank=True)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=60, blank=True)
    # Ids, sizes, hashes, durations: never case text.
    details = models.JSONField(default=dict, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects: models.Manager[Event] = EventQuerySet.as_manager()

    class Meta:
        ordering = ["sequence"]
        indexes = [
            models.Index(fields=["action", "at"]),
            models.Index(fields=["actor", "at"]),
            models.Index(fields=["object_type", "object_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class ChainHead(models.Model):
    """The one row every writer locks; it also shows when the last events were cut off."""

    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash}"


class Anchor(models.Model):
    """The head of the chain on one day, to be kept elsewhere too. Rows are added, never changed."""

    date = models.DateField(unique=True)
    sequence = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)
    events = models.PositiveBigIntegerField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["date"]

    def __str__(self) -> str:
        return f"{self.date} {self.sequence}:{self.hash}"
