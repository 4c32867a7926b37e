from django.conf import settings
from django.db import models

from cdss.consultations.models import Consultation, Diagnosis, Evidence, Statement


class Verdict(models.TextChoices):
    AGREE = "agree", "Agree"
    DISAGREE = "disagree", "Disagree"
    WRONG = "wrong", "Wrong"
    UNSAFE = "unsafe", "Unsafe"
    RELEVANT = "relevant", "Relevant"
    NOT_RELEVANT = "not_relevant", "Not relevant"
    FINAL = "final", "Final diagnosis"


class Feedback(models.Model):
    """One rater's word on one thing at one moment. Rows are added, never changed; the newest of a rater counts."""

    consultation = models.ForeignKey(Consultation, models.PROTECT, related_name="feedback")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="feedback")
    diagnosis = models.ForeignKey(Diagnosis, models.PROTECT, null=True, blank=True, related_name="feedback")
    statement = models.ForeignKey(Statement, models.PROTECT, null=True, blank=True, related_name="feedback")
    evidence = models.ForeignKey(Evidence, models.PROTECT, null=True, blank=True, related_name="feedback")
    verdict = models.CharField(max_length=14, choices=Verdict.choices)
    reason = models.CharField(max_length=60, blank=True)
    comment = models.TextField(blank=True)
    final_diagnosis = models.CharField(max_length=300, blank=True)
    confirmed_by = models.CharField(max_length=60, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created", "-pk"]
        verbose_name_plural = "feedback"
        indexes = [models.Index(fields=["created"])]
