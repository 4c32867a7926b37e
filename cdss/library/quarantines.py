"""A source that must not be relied on until somebody has looked: nothing of it is searched or cited."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class QuarantineQuerySet(models.QuerySet["Quarantine"]):
    def standing(self) -> QuarantineQuerySet:
        return self.filter(lifted__isnull=True)


class Quarantine(models.Model):
    """Of a source by its name, or of a whole collection. Lifted, it stays as a record."""

    source_name = models.CharField(max_length=200, blank=True)
    collection = models.ForeignKey("library.Collection", models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    lifted = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    objects: models.Manager[Quarantine] = QuarantineQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(source_name="", collection__isnull=False) | (~Q(source_name="") & Q(collection=None)),
                name="quarantine_of_one_thing",
            )
        ]

    def __str__(self) -> str:
        return self.source_name or (self.collection.name if self.collection else "")


def in_quarantine(prefix: str = "") -> Q:
    """For rows that name a source and a collection; `prefix` leads to the item, as in "item__"."""
    collections = Quarantine.objects.standing().exclude(collection=None).values("collection")
    return in_quarantine_by_name(prefix) | Q(**{f"{prefix}collection__in": collections})


def in_quarantine_by_name(prefix: str = "") -> Q:
    """For rows that outlive the item they were made of."""
    names = Quarantine.objects.standing().exclude(source_name="").values("source_name")
    return Q(**{f"{prefix}source_name__in": names})
