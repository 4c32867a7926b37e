from __future__ import annotations

from typing import Any, Self
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from cdss.accounts.models import User
from cdss.fields import EncryptedTextField
from cdss.library.models import Case, CaseImage
from cdss.library.veils import open_to
from cdss.library.writing import in_hand


class SeriesQuerySet(models.QuerySet["Series"]):
    def viewable_by(self, user: User | AnonymousUser) -> Self:
        """Of the cases this user may open; what waits for its review, of those this user writes or reviews."""
        read = Q(case__in=open_to(user).order_by().values("pk"), waiting=False)
        return self.filter(read | Q(case__in=in_hand(user).order_by().values("pk")))


class Series(models.Model):
    """One stack of frames at full depth. Of the headers only what places and scales the pixels is kept."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="series")
    position = models.PositiveIntegerField(default=0)
    # SHA-256 over the files it was read from, in their order: a second upload finds what is there.
    digest = models.CharField(max_length=64)
    # UIDs are mapped as the confidentiality profile does, so that marks made elsewhere on these images find them.
    study_uid = models.CharField(max_length=64)
    series_uid = models.CharField(max_length=64)
    frame_of_reference = models.CharField(max_length=64, blank=True)
    sop_class = models.CharField(max_length=64, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    region = models.CharField(max_length=120, blank=True)
    plane = models.CharField(max_length=60, blank=True)
    laterality = models.CharField(max_length=1, blank=True)
    folder = models.CharField(max_length=120)
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    frames = models.PositiveIntegerField()
    # uint8 | uint16 | int16 | rgb8
    pixels = models.CharField(max_length=8)
    bits = models.PositiveSmallIntegerField(default=16)
    inverted = models.BooleanField(default=False)
    # Empty where the values have none.
    unit = models.CharField(max_length=16, blank=True)
    row_spacing = models.FloatField(null=True, blank=True)
    column_spacing = models.FloatField(null=True, blank=True)
    spacing_at_detector = models.BooleanField(default=False)
    # Six direction cosines, or nothing.
    orientation = models.JSONField(default=list, blank=True)
    # For pictures without cosines: the letters of the right and the lower edge.
    letters = models.JSONField(default=list, blank=True)
    frame_time = models.FloatField(null=True, blank=True)
    # [[center, width], …] of the headers.
    windows = models.JSONField(default=list, blank=True)
    # For each frame: {"uid", "number", "position", "slope", "intercept"}.
    frame_facts = models.JSONField(default=list)
    # Places that may be text: hidden until a person has decided, {"left", "top", "width", "height"}.
    doubts = models.JSONField(default=list, blank=True)
    # Counts up when its pixels change.
    version = models.PositiveIntegerField(default=1)
    # It came to a published case: readers see it when the working text of that is published.
    waiting = models.BooleanField(default=False)
    # SHA-256 over the pixels as they were read: what another export of them is found by.
    pixel_digest = models.CharField(max_length=64, blank=True, db_index=True)
    synthetic = models.BooleanField(default=False)
    removed_identifiers = models.JSONField(default=dict, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects: models.Manager[Series] = SeriesQuerySet.as_manager()

    class Meta:
        ordering = ["case", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["case", "digest"], name="studies_series_digest")]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.modality, self.plane.lower(), self.region))) or "Series"

    def get_absolute_url(self) -> str:
        return reverse("studies:viewer", args=["series", self.pk])


class KeyImage(models.Model):
    """A frame that the author chose; image search finds it as an image of the case."""

    series = models.ForeignKey(Series, models.CASCADE, related_name="key_images")
    # Nothing while it is in the working text alone; then it is found by its digest.
    image = models.OneToOneField(CaseImage, models.CASCADE, null=True, blank=True, related_name="key_of")
    sha256 = models.CharField(max_length=64, blank=True)
    frame = models.PositiveIntegerField()
    center = models.FloatField()
    width = models.FloatField()
    inverted = models.BooleanField(default=False)

    class Meta:
        ordering = ["series", "frame"]


class MarkKind(models.TextChoices):
    LENGTH = "length", "Length"
    ANGLE = "angle", "Angle"
    ELLIPSE = "ellipse", "Ellipse"
    ARROW = "arrow", "Arrow"
    TEXT = "text", "Text"


class MarkQuerySet(models.QuerySet["Mark"]):
    def seen_by(self, user: User) -> Self:
        """One's own, and what the owner of the case made for those who read it."""
        return self.filter(Q(owner=user) | Q(shared=True))


class Mark(models.Model):
    """An annotation of one frame. Points are [column, row] in pixels from the upper left corner of the image."""

    series = models.ForeignKey(Series, models.CASCADE, null=True, blank=True, related_name="marks")
    image = models.ForeignKey(CaseImage, models.CASCADE, null=True, blank=True, related_name="marks")
    # Nobody's when it came with a case that is nobody's.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    shared = models.BooleanField(default=False)
    frame = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=8, choices=MarkKind.choices)
    points = models.JSONField()
    label = EncryptedTextField(blank=True)
    # What was measured, with its units.
    values = models.JSONField(default=dict, blank=True)
    # Made by the page that drew it: sent twice, it is stored once.
    token = models.UUIDField(default=uuid4)
    version = models.PositiveIntegerField(default=1)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    objects: models.Manager[Mark] = MarkQuerySet.as_manager()

    class Meta:
        ordering = ["frame", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "token"], name="studies_mark_token"),
            models.CheckConstraint(
                condition=Q(series__isnull=False, image__isnull=True) | Q(series__isnull=True, image__isnull=False),
                name="studies_mark_of_one",
            ),
        ]

    def as_json(self, user: User) -> dict[str, Any]:
        names = ("frame", "kind", "points", "label", "values", "version", "shared")
        shown = {name: getattr(self, name) for name in names}
        return {"id": self.pk, "token": str(self.token), "own": self.owner_id == user.pk, **shown}


class UploadState(models.TextChoices):
    OPEN = "open", "Being sent"
    WAITING = "waiting", "Waiting to be read"
    READING = "reading", "Being read"
    DONE = "done", "Read"
    FAILED = "failed", "Refused"


class StudyUploadQuerySet(models.QuerySet["StudyUpload"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        return self.filter(owner=user) if isinstance(user, User) and user.is_active else self.none()


class StudyUpload(models.Model):
    """Files on their way to a case. They are gone when they have been read; what is said of them stays."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    case = models.ForeignKey(Case, models.CASCADE, related_name="uploads")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=UploadState.choices, default=UploadState.OPEN)
    place = models.CharField(max_length=40)
    files = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    # Why nothing was taken; may name a file.
    message = EncryptedTextField(blank=True)
    # What was taken, and what was left out.
    report = models.JSONField(default=dict, blank=True)
    remarks = EncryptedTextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    objects: models.Manager[StudyUpload] = StudyUploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created"]
