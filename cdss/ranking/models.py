from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class State(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    ACTIVE = "active", "Answers"
    RETIRED = "retired", "Retired"


class RankingWeightsQuerySet(models.QuerySet["RankingWeights"]):
    def active(self) -> RankingWeights | None:
        return self.filter(state=State.ACTIVE).first()

    def proposed(self) -> RankingWeights | None:
        return self.filter(state=State.PROPOSED).first()


class RankingWeights(models.Model):
    """One learned set of weights. Without an active row the packaged ones answer, which are version 0 and no row."""

    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    # As cdss/ranking/weights.py reads it, and the SHA-256 of its canonical form.
    weights = models.JSONField()
    sha256 = models.CharField(max_length=64)
    # Counts, hashes of the ids, index and encoder versions, seed, folds: what it was learned on.
    learned_on = models.JSONField(default=dict)
    # Held-out figures beside those of the weights that answered then: [{"measure", "serving", "learned", …}, …]
    figures = models.JSONField(default=list)
    created = models.DateTimeField(auto_now_add=True)
    # None: the command line.
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    promoted = models.DateTimeField(null=True, blank=True)
    promoted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.TextField(blank=True)
    # The version it took the place of, which a rollback restores.
    replaced = models.PositiveIntegerField(null=True, blank=True)
    retired = models.DateTimeField(null=True, blank=True)

    objects: models.Manager[RankingWeights] = RankingWeightsQuerySet.as_manager()

    class Meta:
        ordering = ["-version"]
        verbose_name_plural = "ranking weights"
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="one_active_ranking"),
            models.UniqueConstraint(fields=["state"], condition=Q(state="proposed"), name="one_proposed_ranking"),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"
