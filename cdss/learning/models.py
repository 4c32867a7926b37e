from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from cdss.consultations.models import Consultation
from cdss.ranking.models import RankingWeights


class ShadowRun(models.Model):
    """Past consultations under proposed weights, beside those that answered. Never changed."""

    weights = models.ForeignKey(RankingWeights, models.PROTECT, related_name="shadow_runs")
    # The version that answered then, and the index both were asked of.
    against = models.PositiveIntegerField()
    index_version = models.CharField(max_length=80)
    # None: the command line.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    started = models.DateTimeField()
    finished = models.DateTimeField()
    replayed = models.PositiveIntegerField()
    # Consultations that could not be run again, as when an image of theirs is gone.
    failed = models.PositiveIntegerField(default=0)
    # How many changed, by kind of change.
    counts = models.JSONField(default=dict)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"shadow run of version {self.weights.version}"


class ShadowChange(models.Model):
    """One consultation that would be answered otherwise."""

    run = models.ForeignKey(ShadowRun, models.CASCADE, related_name="changes")
    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="+")
    kinds = models.JSONField()
    # [{"name", "concept", "likelihood", "probability"}, …] in their order.
    before = models.JSONField()
    after = models.JSONField()
    # Place of the confirmed diagnosis; empty where none is confirmed, or it is not in the list.
    confirmed_before = models.PositiveIntegerField(null=True, blank=True)
    confirmed_after = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["run", "-consultation"]
        constraints = [models.UniqueConstraint(fields=["run", "consultation"], name="one_change_per_consultation")]

    def __str__(self) -> str:
        return f"C-{self.consultation_id}: {', '.join(self.kinds)}"

    @property
    def first_names(self) -> tuple[str, str]:
        return _first(self.before), _first(self.after)


def _first(rows: Any) -> str:
    return str(rows[0]["name"]) if rows else ""
