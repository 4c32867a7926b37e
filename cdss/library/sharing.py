"""Collections shown to more people: to a role, to a person, or to whoever has a link and is signed in.

A share shows what the person who shares owns and has published in the collection, and nothing of anybody else's.
"""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from cdss.accounts.models import Role, User


class ShareQuerySet(models.QuerySet["CollectionShare"]):
    def standing(self) -> Self:
        return self.filter(revoked__isnull=True).filter(Q(expires__isnull=True) | Q(expires__gt=timezone.now()))

    def reaching(self, user: User) -> Self:
        """Those that let this user in: by role, by name, or by a link that was opened."""
        opened = LinkOpened.objects.filter(share=OuterRef("pk"), user=user)
        return self.standing().filter(Q(role=user.role) | Q(user=user) | Exists(opened))


class CollectionShare(models.Model):
    """Of exactly one kind: `role`, `user` or `token_sha256`. Revoked, it stays as a record."""

    collection = models.ForeignKey("library.Collection", models.CASCADE, related_name="shares")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    role = models.CharField(max_length=20, choices=Role.choices, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    # The link itself is shown once and not kept.
    token_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    objects: models.Manager[CollectionShare] = ShareQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    (~Q(role="") & Q(user=None, token_sha256=""))
                    | Q(role="", user__isnull=False, token_sha256="")
                    | (Q(role="", user=None) & ~Q(token_sha256=""))
                ),
                name="share_of_one_kind",
            )
        ]

    @property
    def is_standing(self) -> bool:
        return self.revoked is None and (self.expires is None or self.expires > timezone.now())


class LinkOpened(models.Model):
    """A signed-in person who opened a link: let in for as long as the link stands."""

    share = models.ForeignKey(CollectionShare, models.CASCADE, related_name="opened")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["share", "user"], name="link_opened_once")]


def shared_with(user: User) -> Q:
    """For library items: what somebody shows this user by a collection."""
    shares = CollectionShare.objects.reaching(user)  # type: ignore[attr-defined]
    shown = shares.filter(collection=OuterRef("collection_id"), by=OuterRef("owner_id"))
    return Q(Exists(shown), state="published")
