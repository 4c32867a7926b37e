"""What is being written: the text of a case before it is published, who writes it, and what is said of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.fields import EncryptedJSONField, EncryptedTextField
from cdss.library.models import Case, CaseImage, State
from cdss.library.pictured import Pictured

# A worker that has said nothing for so long has died.
SILENT = timedelta(minutes=3)


class ManuscriptQuerySet(models.QuerySet["Manuscript"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """One's own, those one is asked to review, and of what one sees, for reviewers, what was handed in."""
        if not isinstance(user, User) or not may(user, Action.AUTHOR):
            return self.none()
        seen = _may_write(user) | Q(pk__in=Manuscript.reviewers.through.objects.filter(user=user).values("manuscript"))
        if may(user, Action.REVIEW):
            visible = Case.objects.for_user(user).order_by().values("pk")
            seen |= Q(case__in=visible) & ~Q(stage=State.DRAFT)
        return self.filter(seen)

    def editable_by(self, user: User | AnonymousUser) -> Self:
        """Those this user may write in: the owner and the co-authors; a case of nobody is for who may publish."""
        if not isinstance(user, User) or not may(user, Action.AUTHOR):
            return self.none()
        return self.filter(_may_write(user))


def _may_write(user: User) -> Q:
    together = Manuscript.co_authors.through.objects.filter(user=user).values("manuscript")
    mine = Q(case__owner=user) | Q(pk__in=together)
    if may(user, Action.PUBLISH):
        mine |= Q(case__owner=None, case__in=Case.objects.for_user(user).order_by().values("pk"))
    return mine


def cases_editable_by(user: User) -> models.QuerySet[Case]:
    """Cases of the library that this user may change, written in the editor before or not."""
    if not may(user, Action.AUTHOR):
        return Case.objects.none()
    together = Manuscript.co_authors.through.objects.filter(user=user).values("manuscript__case")
    mine = Q(owner=user) | Q(pk__in=together)
    if may(user, Action.PUBLISH):
        mine |= Q(owner=None, pk__in=Case.objects.for_user(user).order_by().values("pk"))
    return Case.objects.filter(mine)


class Manuscript(models.Model):
    """The working text of one case. What is published stands in the case, until this is published."""

    case = models.OneToOneField(Case, models.CASCADE, related_name="manuscript")
    stage = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    # {field: value, …, "images": [{"picture", "caption", …}]}: fields as cdss.authoring.content names them.
    content = EncryptedJSONField(default=dict)
    # Counted up at each change: what an author started from is told by it.
    version = models.PositiveIntegerField(default=1)
    co_authors = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    reviewers = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    objects: models.Manager[Manuscript] = ManuscriptQuerySet.as_manager()

    class Meta:
        ordering = ["-updated", "-pk"]

    def __str__(self) -> str:
        return f"A-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("authoring:edit", args=[self.pk])

    @property
    def title(self) -> str:
        return str(self.content.get("title") or "Untitled case")

    def authors(self) -> list[User]:
        """The owner first."""
        owner = [self.case.owner] if self.case.owner else []
        return [*owner, *(user for user in self.co_authors.all() if user.pk != self.case.owner_id)]


class Picture(Pictured, models.Model):
    """An image of the working text, de-identified. It stays when it is taken out, for older revisions."""

    manuscript = models.ForeignKey(Manuscript, models.CASCADE, related_name="pictures")
    file = models.FileField(upload_to="authoring", max_length=300)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frames = models.PositiveIntegerField(default=1)
    sha256 = models.CharField(max_length=64, db_index=True)
    # Burnt-in text was looked for; its header says that there is some.
    was_screened = models.BooleanField(default=False)
    says_burned_in = models.BooleanField(default=False)
    removed_identifiers = models.JSONField(default=dict, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["manuscript", "sha256"], name="picture_once")]

    def get_absolute_url(self) -> str:
        return reverse("authoring:picture", args=[self.manuscript_id, self.pk])


class Look(models.Model):
    """The print of a picture, of a working text or of the library, and so that it was compared with the others."""

    picture = models.OneToOneField(Picture, models.CASCADE, null=True, related_name="look")
    image = models.OneToOneField(CaseImage, models.CASCADE, null=True, related_name="look")
    # As retrieval.looks makes it, little-endian; empty where there is no shape to compare.
    bits = models.BinaryField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(picture__isnull=True, image__isnull=False) | Q(picture__isnull=False, image__isnull=True),
                name="look_of_one_picture",
            )
        ]

    @property
    def row(self) -> Picture | CaseImage:
        return self.picture or self.image  # type: ignore[return-value]

    @property
    def case_id(self) -> int:
        return self.picture.manuscript.case_id if self.picture else self.image.case_id  # type: ignore[union-attr]

    @property
    def sha256(self) -> str:
        return self.row.sha256


class SameLook(models.Model):
    """Two pictures of different cases that are the same to the eye."""

    one = models.ForeignKey(Look, models.CASCADE, related_name="+")
    other = models.ForeignKey(Look, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["one", "other"], name="same_look_once")]


class Revision(models.Model):
    """The text as somebody left it. Changes of one author in one go are one revision."""

    class Why(models.TextChoices):
        BEGUN = "begun", "Begun"
        EDITED = "edited", "Edited"
        RESTORED = "restored", "Restored"
        SUBMITTED = "submitted", "Handed in"
        PUBLISHED = "published", "Published"

    manuscript = models.ForeignKey(Manuscript, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    why = models.CharField(max_length=12, choices=Why.choices, default=Why.EDITED)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    content = EncryptedJSONField()
    note = models.CharField(max_length=200, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["manuscript", "number"], name="revision_number")]


class Conflict(models.Model):
    """What an author wrote in a field that somebody else had changed meanwhile: kept until one of them chooses."""

    manuscript = models.ForeignKey(Manuscript, models.CASCADE, related_name="conflicts")
    field = models.CharField(max_length=80)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    value = EncryptedJSONField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["manuscript", "field", "by"], name="one_conflict_of_a_field")]


class Comment(models.Model):
    """Said of a field, or of the whole when it names none. Replies hang on the first of their thread."""

    manuscript = models.ForeignKey(Manuscript, models.CASCADE, related_name="comments")
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="replies")
    field = models.CharField(max_length=80, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    text = EncryptedTextField()
    created = models.DateTimeField(auto_now_add=True)
    resolved = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["pk"]


class Tick(models.Model):
    """That a person looked at something before publishing. It holds for the content that was there."""

    manuscript = models.ForeignKey(Manuscript, models.CASCADE, related_name="ticks")
    item = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at", "-pk"]


class BulkEditQuerySet(models.QuerySet["BulkEdit"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        return self.filter(by=user) if isinstance(user, User) and may(user, Action.AUTHOR) else self.none()


class BulkEdit(models.Model):
    """One change of many cases, with what stood there before: it can be taken back."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    change = models.JSONField()
    # {case: {"before": {field: value}, "after": {field: value}}}
    rows = EncryptedJSONField()
    created = models.DateTimeField(auto_now_add=True)
    undone = models.DateTimeField(null=True, blank=True)

    objects: models.Manager[BulkEdit] = BulkEditQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]


class PlannedImportQuerySet(models.QuerySet["PlannedImport"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        return self.filter(by=user) if isinstance(user, User) and may(user, Action.IMPORT) else self.none()


class WorkState(models.TextChoices):
    WAITING = "waiting", "Waiting for the worker"
    WORKING = "working", "Being worked on"
    DONE = "done", "Done"
    FAILED = "failed", "Refused"


class Work(models.Model):
    """What the worker does for a page that shows how far it is."""

    state = models.CharField(max_length=8, choices=WorkState.choices, default=WorkState.WAITING)
    at = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    @property
    def is_unfinished(self) -> bool:
        return self.state in (WorkState.WAITING, WorkState.WORKING)

    @property
    def is_silent(self) -> bool:
        """Its worker has died, or none is running."""
        return self.is_unfinished and timezone.now() - self.updated > SILENT

    @property
    def percent(self) -> int:
        return 100 * self.at // self.total if self.total else 0


class PictureUpload(Work):
    """Files on their way to a case. They are gone when they have been read; what is said of them stays."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    manuscript = models.ForeignKey(Manuscript, models.CASCADE, related_name="picture_uploads")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    place = models.CharField(max_length=40)
    added = models.PositiveIntegerField(default=0)
    # What was wrong with the others; may name a file.
    problems = EncryptedJSONField(default=list)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created"]


class PlannedImport(Work):
    """An upload that was looked at: what would come of each case, and afterwards what did."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # The folder of the held upload, and its file in it.
    token = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    options = models.JSONField()
    state = models.CharField(max_length=8, choices=WorkState.choices, default=WorkState.DONE)
    # Why it was refused.
    message = EncryptedTextField(blank=True)
    plan = EncryptedJSONField()
    report = EncryptedJSONField(null=True)
    created = models.DateTimeField(auto_now_add=True)
    done = models.DateTimeField(null=True, blank=True)

    objects: models.Manager[PlannedImport] = PlannedImportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
