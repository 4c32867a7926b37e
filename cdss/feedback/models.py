from __future__ import annotations

import datetime as dt
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from cdss.consultations.models import Citation, Consultation, Diagnosis, Evidence, Statement
from cdss.fields import EncryptedTextField
from cdss.library.models import Case
from cdss.verdicts import Confirmation, Reason, Verdict


class FeedbackQuerySet(models.QuerySet["Feedback"]):
    def matching(
        self,
        *,
        since: dt.date | None = None,
        until: dt.date | None = None,
        user: str = "",
        verdict: str = "",
        role: str = "",
        model: str = "",
        outcome: str = "",
    ) -> Self:
        """Feedback from the first moment of `since` to the last of `until`; `outcome` is what became of the case."""
        found = Q()
        if since:
            found &= Q(created__date__gte=since)
        if until:
            found &= Q(created__date__lte=until)
        if user:
            found &= Q(user__username__iexact=user)
        if verdict:
            found &= Q(verdict=verdict)
        if role:
            found &= Q(role=role)
        if model:
            found &= Q(statement__diagnosis__answer__writer=model) | Q(diagnosis__answer__writer=model)
        if outcome:
            found &= Q(consultation__status=outcome)
        return self.filter(found)


class Feedback(models.Model):
    """One rater's word on one thing at one moment. Rows are added, never changed; the newest of a rater counts."""

    consultation = models.ForeignKey(Consultation, models.PROTECT, related_name="feedback")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="feedback")
    # As they were at that moment.
    role = models.CharField(max_length=20)
    location = models.CharField(max_length=100, blank=True)
    diagnosis = models.ForeignKey(Diagnosis, models.PROTECT, null=True, blank=True, related_name="feedback")
    statement = models.ForeignKey(Statement, models.PROTECT, null=True, blank=True, related_name="feedback")
    evidence = models.ForeignKey(Evidence, models.PROTECT, null=True, blank=True, related_name="feedback")
    citation = models.ForeignKey(Citation, models.PROTECT, null=True, blank=True, related_name="feedback")
    verdict = models.CharField(max_length=14, choices=Verdict.choices)
    reason = models.CharField(max_length=60, choices=Reason.choices, blank=True)
    comment = EncryptedTextField(blank=True)
    # What it should say.
    correction = EncryptedTextField(blank=True)
    final_diagnosis = EncryptedTextField(blank=True)
    confirmed_by = models.CharField(max_length=60, choices=Confirmation.choices, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects: models.Manager[Feedback] = FeedbackQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        verbose_name_plural = "feedback"
        indexes = [models.Index(fields=["created"])]

    def __str__(self) -> str:
        return f"F-{self.pk} {self.verdict}"


class CaseDraft(models.Model):
    """A confirmed consultation and the library case made of it: one of each at most."""

    consultation = models.OneToOneField(Consultation, models.PROTECT, related_name="case_draft")
    case = models.OneToOneField(Case, models.CASCADE, related_name="made_from")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)


class GapState(models.TextChoices):
    OPEN = "open", "Open"
    TAKEN = "taken", "Taken"
    CLOSED = "closed", "Closed"


class Gap(models.Model):
    """A topic the library answers badly: one ticket, however often it is met. Met again after closing, it opens."""

    topic = models.CharField(max_length=300, unique=True)
    title = models.CharField(max_length=300)
    state = models.CharField(max_length=8, choices=GapState.choices, default=GapState.OPEN)
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    last_met = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-last_met", "-pk"]

    def __str__(self) -> str:
        return f"G-{self.pk}"


class GapCause(models.TextChoices):
    ABSTAINED = "abstained", "No answer was given"
    OVERRIDDEN = "overridden", "The answer was not followed"


class GapReport(models.Model):
    """One consultation in which a topic was met."""

    gap = models.ForeignKey(Gap, models.CASCADE, related_name="reports")
    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="gap_reports")
    cause = models.CharField(max_length=12, choices=GapCause.choices)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [models.UniqueConstraint(fields=["gap", "consultation", "cause"], name="gap_met_once")]
