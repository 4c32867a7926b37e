from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from cdss.accounts.models import Role, User
from cdss.accounts.permissions import Action, may
from cdss.consultations.models import Answer, Consultation, Statement
from cdss.fields import EncryptedTextField


class Change(models.TextChoices):
    NEGATION = "negation", "Its negation was turned round"
    SIDE = "laterality", "Its side was exchanged"
    NUMBER = "number", "Its number was changed"


class DrillQuerySet(models.QuerySet["Drill"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """One's own drills; auditors see all of them."""
        if not may(user, Action.READ_DRILLS):
            return self.none()
        return self.all() if isinstance(user, User) and user.role == Role.AUDITOR else self.filter(educator=user.pk)


class Drill(models.Model):
    """An exercise over a stored consultation: one of its statements is shown wrong.

    The wrong text stands here and nowhere else: no answer holds it, so nothing can export, cite or learn it.
    """

    educator = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="drills")
    consultation = models.ForeignKey(Consultation, models.PROTECT, related_name="drills")
    answer = models.ForeignKey(Answer, models.PROTECT, related_name="+")
    statement = models.ForeignKey(Statement, models.PROTECT, related_name="+")
    planted = EncryptedTextField()
    change = models.CharField(max_length=12, choices=Change.choices)
    created = models.DateTimeField(auto_now_add=True)

    objects: models.Manager[Drill] = DrillQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]

    def __str__(self) -> str:
        return f"D-{self.pk}"


class DrillRunQuerySet(models.QuerySet["DrillRun"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """One's own runs, and those of one's drills once they are handed in."""
        drills = Drill.objects.for_user(user).values("pk")
        return self.filter(Q(learner=user.pk) | Q(drill__in=drills, submitted__isnull=False))


class DrillRun(models.Model):
    """One learner's way through a drill."""

    drill = models.ForeignKey(Drill, models.CASCADE, related_name="runs")
    learner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="drill_runs")
    created = models.DateTimeField(auto_now_add=True)
    submitted = models.DateTimeField(null=True, blank=True)
    # Numbers of the statements the learner called wrong.
    marked = models.JSONField(default=list, blank=True)
    detected = models.BooleanField(null=True, blank=True)

    objects: models.Manager[DrillRun] = DrillRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [models.UniqueConstraint(fields=["drill", "learner"], name="one_run_of_a_learner")]
