from __future__ import annotations

import hashlib
from datetime import timedelta

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

FAILURES_ALLOWED = 5
LOCKED_FOR = timedelta(minutes=15)


class Role(models.TextChoices):
    CLINICIAN = "clinician", "Clinician"
    EDUCATOR = "educator", "Educator"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"


class UserGroup(models.Model):
    """People who work under the same rules, and are reported on together."""

    name = models.CharField(max_length=80, unique=True)
    # Its members write their own differential before they see the system's.
    commit_first = models.BooleanField("Commit first", default=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.CLINICIAN)
    department = models.CharField(max_length=100, blank=True)
    location = models.CharField(max_length=100, blank=True)
    group = models.ForeignKey(UserGroup, models.SET_NULL, null=True, blank=True, related_name="members")

    class Meta(AbstractUser.Meta):
        constraints = [
            # The trail holds names: two that differ in case alone would be taken for one.
            models.UniqueConstraint(
                Lower("username"),
                name="username_whatever_case",
                violation_error_message="A user with that username already exists.",
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class SignInFailureQuerySet(models.QuerySet["SignInFailure"]):
    def of(self, username: str, address: str) -> SignInFailureQuerySet:
        return self.filter(key=SignInFailure.key_of(username, address))

    def recent(self) -> SignInFailureQuerySet:
        return self.filter(at__gt=timezone.now() - LOCKED_FOR)

    def lock(self) -> bool:
        return self.recent().count() >= FAILURES_ALLOWED


class SignInFailure(models.Model):
    """One failed sign-in of a name from an address; five recent ones lock that pair for a while."""

    # A hash: what is typed here by mistake is often a password.
    key = models.CharField(max_length=64, db_index=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    objects: models.Manager[SignInFailure] = SignInFailureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.at:%Y-%m-%d %H:%M}"

    @staticmethod
    def key_of(username: str, address: str) -> str:
        return hashlib.sha256(f"{username.strip().casefold()}\n{address}".encode("utf-8", "replace")).hexdigest()
