"""Learning platforms (LTI 1.3): who may send learners here, and where a score goes back to."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from cdss.fields import EncryptedTextField


class ToolKey(models.Model):
    """The key this site signs with; platforms read its public half."""

    kid = models.CharField(max_length=64, unique=True)
    private_pem = EncryptedTextField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]


class Platform(models.Model):
    name = models.CharField(max_length=120)
    issuer = models.CharField(max_length=300)
    client_id = models.CharField(max_length=200)
    # Deployment ids that are let in.
    deployments = models.JSONField(default=list)
    login_url = models.CharField("Address for signing in", max_length=500)
    token_url = models.CharField("Address for access tokens", max_length=500)
    keys_url = models.CharField("Address of its keys", max_length=500)
    active = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["issuer", "client_id"], name="platform_client")]

    def __str__(self) -> str:
        return self.name


class Launch(models.Model):
    """A sign-in that was begun: its state is bound to a browser, its nonce is good once."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="launches")
    state_sha256 = models.CharField(max_length=64, unique=True)
    nonce_sha256 = models.CharField(max_length=64)
    target = models.CharField(max_length=500)
    created = models.DateTimeField(auto_now_add=True)
    used = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["created"])]


class PlatformAccount(models.Model):
    """Who a platform's subject is here. Subjects are an issuer's, whichever of its clients sends them."""

    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="platform_account")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="platform_subject")]


class Placement(models.Model):
    """A quiz in somebody's course on a platform, and its column of grades."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="placements")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="placements")
    quiz = models.ForeignKey("teaching.Quiz", models.CASCADE, related_name="placements")
    lineitem = models.CharField(max_length=500, blank=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "quiz"], name="placement_once")]


class GradeReturn(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    run = models.OneToOneField("teaching.QuizRun", models.CASCADE, related_name="grade_return")
    placement = models.ForeignKey(Placement, models.CASCADE, related_name="returns")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    tries = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    updated = models.DateTimeField(auto_now=True)
