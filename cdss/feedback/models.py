from __future__ import annotations

import datetime as dt
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from cdss.consultations.models import Consultation, Diagnosis, Evidence, Statement


class Verdict(models.TextChoices):
    AGREE = "agree", "Agree"
    DISAGREE = "disagree", "Disagree"
    WRONG = "wrong", "Wrong"
    UNSAFE = "unsafe", "Unsafe"
    RELEVANT = "relevant", "Relevant"
    NOT_RELEVANT = "not_relevant", "Not relevant"
    FINAL = "final", "Final diagnosis"


class Reason(models.TextChoices):
    """Why a suggestion was not followed; the codes also serve as CDS Hooks override reasons."""

    CONTRADICTS_CASE = "contradicts-case", "The case says otherwise"
    FINDING_MISSED = "finding-missed", "A finding was missed or misread"
    NOT_IN_SOURCE = "not-in-source", "The source does not say this"
    WRONG_DETAIL = "wrong-detail", "Wrong side, number or negation"
    NOT_APPLICABLE = "not-applicable", "The source does not apply to this patient"
    OUTDATED = "outdated", "The source is out of date"
    RANKED_WRONGLY = "ranked-wrongly", "Too high or too low in the list"
    CONTRAINDICATED = "contraindicated", "Contraindicated in this patient"
    DELAYS_CARE = "delays-care", "It would delay necessary care"
    ALREADY_DONE = "already-done", "Already considered or done"
    PATIENT_PREFERENCE = "patient-preference", "The patient prefers otherwise"
    OTHER = "other", "Another reason: see the comment"


class Confirmation(models.TextChoices):
    HISTOLOGY = "histology", "Histology or cytology"
    LABORATORY = "laboratory", "Laboratory or microbiology"
    SURGERY = "surgery", "Surgery or endoscopy"
    IMAGING = "imaging", "Further or follow-up imaging"
    COURSE = "course", "Clinical course"
    AUTOPSY = "autopsy", "Autopsy"
    CONSENSUS = "consensus", "Agreement of experts"


class FeedbackQuerySet(models.QuerySet["Feedback"]):
    def matching(
        self, *, since: dt.date | None = None, until: dt.date | None = None, user: str = "", verdict: str = ""
    ) -> Self:
        """Feedback from the first moment of `since` to the last of `until`."""
        found = Q()
        if since:
            found &= Q(created__date__gte=since)
        if until:
            found &= Q(created__date__lte=until)
        if user:
            found &= Q(user__username__iexact=user)
        if verdict:
            found &= Q(verdict=verdict)
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
    verdict = models.CharField(max_length=14, choices=Verdict.choices)
    reason = models.CharField(max_length=60, choices=Reason.choices, blank=True)
    comment = models.TextField(blank=True)
    final_diagnosis = models.CharField(max_length=300, blank=True)
    confirmed_by = models.CharField(max_length=60, choices=Confirmation.choices, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects: models.Manager[Feedback] = FeedbackQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        verbose_name_plural = "feedback"
        indexes = [models.Index(fields=["created"])]

    def __str__(self) -> str:
        return f"F-{self.pk} {self.verdict}"
