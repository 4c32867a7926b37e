from __future__ import annotations

from typing import Self

from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from cdss.accounts.session_store import SessionStore


class Role(models.TextChoices):
    CLINICIAN = "clinician", "Clinician"
    EDUCATOR = "educator", "Educator"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"
    LEARNER = "learner", "Learner"


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
    # Somebody else has read the password: an own one comes before anything else.
    password_is_anothers = models.BooleanField(default=False, editable=False)
    # Counted up to end every session of the account.
    session_generation = models.PositiveIntegerField(default=0, editable=False)

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

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """A session ends when the password, the role or the generation is another than at its start."""
        value = f"{self.password}|{self.role}|{self.session_generation}"
        return salted_hmac("cdss.accounts.session", value, secret=secret, algorithm="sha256").hexdigest()


class SessionQuerySet(models.QuerySet["Session"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user, expire_date__gt=timezone.now())

    def expired(self) -> Self:
        return self.filter(expire_date__lte=timezone.now())


class Session(AbstractBaseSession):
    """A browser that is signed in; of one that is not yet, whose it is stays empty."""

    # Without a constraint: a session that is saved while its account goes must not fail the request.
    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="sessions", db_constraint=False, editable=False
    )

    objects = BaseSessionManager.from_queryset(SessionQuerySet)()  # type: ignore[misc]

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        return SessionStore

    @property
    def handle(self) -> str:
        """Names the session on a page; the key itself opens it and stands nowhere."""
        return salted_hmac("cdss.accounts.session.handle", self.session_key, algorithm="sha256").hexdigest()[:32]
