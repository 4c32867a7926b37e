from __future__ import annotations

import datetime as dt
import uuid
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.urls import reverse
from django.utils import timezone

from cdss.accounts.models import User
from cdss.library.models import Case

# What was begun and not finished by then has ended: it hides its case no longer, and cannot be finished.
OPEN_FOR = dt.timedelta(hours=24)


class Step(models.TextChoices):
    """What is uncovered, in this order."""

    HISTORY = "history", "History"
    EXAM = "exam", "Examination"
    IMAGES = "images", "Images"
    FINDINGS = "findings", "Findings"


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        return self.filter(learner=user) if isinstance(user, User) and user.is_active else self.none()

    def open(self) -> Self:
        return self.filter(committed__isnull=True, created__gt=timezone.now() - OPEN_FOR)

    def committed(self) -> Self:
        return self.filter(committed__isnull=False)


class Attempt(models.Model):
    """One learner's way through one case whose diagnosis is hidden until they commit."""

    # Its address, and that of its images: it says nothing of the case.
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    learner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="attempts")
    case = models.ForeignKey(Case, models.CASCADE, related_name="attempts")
    created = models.DateTimeField(auto_now_add=True)
    committed = models.DateTimeField(null=True, blank=True)
    # Names in the order of likelihood; none is giving up.
    answers = models.JSONField(default=list, blank=True)
    # Percent.
    confidence = models.PositiveSmallIntegerField(null=True, blank=True)
    # Of the first right answer, from 1.
    place = models.PositiveSmallIntegerField(null=True, blank=True)
    # The best nearness of an answer in ICD-10-CM, apart from being right; None where one of them has no code.
    icd_credit = models.FloatField(null=True, blank=True)
    # What the case said at that moment.
    diagnosis = models.CharField(max_length=500, blank=True)

    objects: models.Manager[Attempt] = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        indexes = [models.Index(fields=["learner", "committed"])]

    def __str__(self) -> str:
        return f"A-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("teaching:attempt", args=[self.key])

    @property
    def is_open(self) -> bool:
        return self.committed is None and self.created > timezone.now() - OPEN_FOR

    @property
    def is_right(self) -> bool:
        return self.place == 1


class AttemptStep(models.Model):
    """When the learner uncovered a part of the case."""

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="steps")
    step = models.CharField(max_length=8, choices=Step.choices)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["attempt", "step"], name="attempt_step_once")]


class ReviewQuerySet(models.QuerySet["Review"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        return self.filter(learner=user) if isinstance(user, User) and user.is_active else self.none()

    def due(self, on: dt.date) -> Self:
        return self.filter(due__lte=on)


class Review(models.Model):
    """When a case that was missed comes back to its learner (cdss/teaching/spacing.py)."""

    learner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="reviews")
    case = models.ForeignKey(Case, models.CASCADE, related_name="reviews")
    repetitions = models.PositiveIntegerField(default=0)
    ease = models.FloatField(default=2.5)
    interval_days = models.PositiveIntegerField(default=0)
    due = models.DateField()
    lapses = models.PositiveIntegerField(default=0)

    objects: models.Manager[Review] = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["due", "pk"]
        constraints = [models.UniqueConstraint(fields=["learner", "case"], name="review_once")]
