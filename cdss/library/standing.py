"""What has become of what the library holds: recalled documents, and passages that clinicians dispute."""

from __future__ import annotations

from collections import Counter
from typing import Self

from django.conf import settings
from django.db import models

from cdss.library.models import LibraryItem, RecallKind
from cdss.verdicts import REASONS, VERDICTS


class Recall(models.Model):
    """A document that is no longer to be cited, and why. One stands at a time; none is deleted."""

    document = models.ForeignKey(LibraryItem, models.CASCADE, related_name="recalls")
    kind = models.CharField(max_length=12, choices=RecallKind.choices)
    reason = models.CharField(max_length=500)
    # What an import said ("RetractionIn 12345678"), so that the same word is taken once; empty when set by hand.
    origin = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="recalls")
    created = models.DateTimeField(auto_now_add=True)
    undone = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    undone_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["document"], condition=models.Q(undone__isnull=True), name="one_standing_recall"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.document_id}"


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def standing(self) -> Self:
        return self.filter(resolved__isnull=True, votes__isnull=False).distinct()


class Dispute(models.Model):
    """A passage that clinicians called wrong, unsafe or not what the source says. Without a quote, the whole item."""

    item = models.ForeignKey(LibraryItem, models.CASCADE, related_name="disputes")
    # The words as they were cited: they are found again in whatever text still holds them.
    quote = models.TextField(blank=True)
    quote_sha256 = models.CharField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)
    resolved = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    resolution = models.CharField(max_length=500, blank=True)

    objects: models.Manager[Dispute] = DisputeQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [models.UniqueConstraint(fields=["item", "quote_sha256"], name="one_dispute_of_a_passage")]

    @property
    def why(self) -> list[tuple[str, int]]:
        """What was said and how often. Never anybody's comment."""
        said = Counter(
            REASONS.get(vote.reason) or VERDICTS.get(vote.verdict, vote.verdict) for vote in self.votes.all()
        )
        return sorted(said.items(), key=lambda pair: (-pair[1], pair[0]))


class DisputeVote(models.Model):
    """One clinician's standing word against a passage."""

    dispute = models.ForeignKey(Dispute, models.CASCADE, related_name="votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=14)
    reason = models.CharField(max_length=60, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dispute", "user"], name="one_vote_against_a_passage")]
