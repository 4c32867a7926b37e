"""Structures that educators mask on images of the library, the masks, and what was proposed for others."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from cdss.accounts.models import User
from cdss.fields import EncryptedTextField
from cdss.library.models import CaseImage
from cdss.library.veils import open_to


class Structure(models.Model):
    """What is masked, such as "left kidney"."""

    name = models.CharField(max_length=120, unique=True)
    note = models.CharField(max_length=300, blank=True)
    # Nobody's when it came with a case that is nobody's.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("regions:structure", args=[self.pk])


def _visible(user: User | AnonymousUser) -> Q:
    """On images of cases this user may open."""
    return Q(image__case_id__in=open_to(user).order_by().values("pk"))


class OnImage(models.Model):
    """A part of one frame of an image of the library. Rows are added, never changed."""

    image = models.ForeignKey(CaseImage, models.CASCADE, related_name="%(class)ss")
    # As it is stored and shown, counted from 0.
    frame = models.PositiveIntegerField(default=0)
    # Lengths of runs along the rows, the first of what is not masked: "120 4 60 …".
    runs = EncryptedTextField()
    # In pixels.
    area = models.PositiveIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-pk"]


class ProposalQuerySet(models.QuerySet["Proposal"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(_visible(user))


class Proposal(OnImage):
    """What the support set suggested for an image; nobody has said that it is right."""

    structure = models.ForeignKey(Structure, models.CASCADE, related_name="proposals")
    # Of the masks it was made from.
    supports = models.JSONField(default=list)
    encoder = models.CharField(max_length=200)

    objects: models.Manager[Proposal] = ProposalQuerySet.as_manager()

    def get_absolute_url(self) -> str:
        return reverse("regions:proposal", args=[self.pk])


class Origin(models.TextChoices):
    DRAWN = "drawn", "Drawn by hand"
    ACCEPTED = "accepted", "Proposed, accepted as it was"
    CORRECTED = "corrected", "Proposed, corrected by hand"
    READ = "read", "Read from a DICOM segmentation"


class RegionMaskQuerySet(models.QuerySet["RegionMask"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(_visible(user))

    def current(self) -> Self:
        """The newest of each structure on each frame, where it was not withdrawn: the others are its history."""
        newest = RegionMask.objects.order_by().values("structure", "image", "frame").annotate(newest=models.Max("pk"))
        return self.filter(pk__in=newest.values("newest"), withdrawn__isnull=True)


class RegionMask(OnImage):
    structure = models.ForeignKey(Structure, models.CASCADE, related_name="masks")
    origin = models.CharField(max_length=10, choices=Origin.choices)
    proposal = models.ForeignKey(Proposal, models.SET_NULL, null=True, blank=True, related_name="masks")
    # Dice of what was proposed and what was kept.
    agreement = models.FloatField(null=True, blank=True)
    withdrawn = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    objects: models.Manager[RegionMask] = RegionMaskQuerySet.as_manager()
