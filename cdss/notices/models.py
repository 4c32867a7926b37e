from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models

from cdss.accounts.models import User
from cdss.fields import EncryptedTextField


class Kind(models.TextChoices):
    UNSAFE = "unsafe", "Called unsafe"
    RECALL = "recall", "A cited source was recalled"
    RECALL_UNDONE = "recall_undone", "A recall was taken back"
    RATE = "rate", "You are asked to rate"
    DRILL = "drill", "A drill waits for you"
    REVIEW = "review", "A case waits for your review"
    REVIEWED = "reviewed", "Your case was reviewed"
    CASE = "case", "News of a case you write"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        return self.filter(recipient=user) if isinstance(user, User) and user.is_active else self.none()

    def unread(self) -> Self:
        return self.filter(read__isnull=True)


class Notice(models.Model):
    """Something one person has to know. It names objects and never quotes a case."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    text = EncryptedTextField()
    # Where it leads, on this site.
    path = models.CharField(max_length=300)
    # What it tells of: told of the same thing twice, a person has one notice.
    key = models.CharField(max_length=120)
    created = models.DateTimeField(auto_now_add=True)
    read = models.DateTimeField(null=True, blank=True)
    mailed = models.DateTimeField(null=True, blank=True)

    objects: models.Manager[Notice] = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [models.UniqueConstraint(fields=["recipient", "key"], name="notice_once")]
        indexes = [models.Index(fields=["recipient", "read"])]

    def __str__(self) -> str:
        return f"N-{self.pk} {self.kind}"
