from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models


class EvaluationRunQuerySet(models.QuerySet["EvaluationRun"]):
    def latest_of_each_suite(self) -> list[EvaluationRun]:
        newest = self.order_by().values("suite").annotate(newest=models.Max("pk")).values("newest")
        return list(self.filter(pk__in=newest).select_related("by"))

    def comparable_before(self, run: EvaluationRun) -> Self:
        """Earlier runs of the same suite on the same cases, the newest first."""
        return self.filter(suite=run.suite, cases_sha256=run.cases_sha256, pk__lt=run.pk).order_by("-pk")


class EvaluationRun(models.Model):
    """One suite that was run: what was measured, on what, and with what. Never changed."""

    suite = models.CharField(max_length=40)
    started = models.DateTimeField()
    finished = models.DateTimeField()
    # None: the command line.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    data_label = models.CharField(max_length=200)
    # Cases that were asked, and the SHA-256 over them: runs of the same one can be compared.
    cases = models.PositiveIntegerField()
    cases_sha256 = models.CharField(max_length=64)
    seed = models.BigIntegerField()
    configuration = models.JSONField()
    figures = models.JSONField()
    tables = models.JSONField(default=dict)
    notes = models.JSONField(default=list)

    objects: models.Manager[EvaluationRun] = EvaluationRunQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["suite", "-id"], name="evaluation_suite_newest")]

    def __str__(self) -> str:
        return f"{self.suite} {self.started:%Y-%m-%d %H:%M}"

    @property
    def seconds(self) -> float:
        return (self.finished - self.started).total_seconds()
