from django.conf import settings
from django.db import models


class Mode(models.TextChoices):
    TEXT_ONLY = "text-only", "Text only"
    EDUCATION = "education", "Education"
    READ_ONLY = "read-only", "Read-only"


class SiteLock(models.Model):
    """A mode that an administrator switched on. Switched off, its row is gone; the audit trail keeps both acts."""

    mode = models.CharField(max_length=12, choices=Mode.choices, unique=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.mode
