from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.fields import EncryptedJSONField, EncryptedTextField
from cdss.library.ages import age_said
from cdss.library.authored import Authored
from cdss.library.pictured import Pictured
from cdss.library.quarantines import Quarantine as Quarantine
from cdss.library.quarantines import in_quarantine
from cdss.library.sharing import CollectionShare as CollectionShare
from cdss.library.sharing import LinkOpened as LinkOpened
from cdss.library.sharing import shared_with

# What a publisher's status says when the document must not be relied on.
TAKEN_BACK = frozenset({"retracted", "retraction notice", "withdrawn"})

# The source of cases that were begun in the editor of this site.
WRITTEN_HERE = "written here"


class Kind(models.TextChoices):
    CASE = "case", "Case"
    GUIDELINE = "guideline", "Guideline"
    LITERATURE = "literature", "Literature"


class Visibility(models.TextChoices):
    PRIVATE = "private", "Only its owner"
    DEPARTMENT = "department", "Its owner's department"
    PUBLIC = "public", "Everyone who signs in"


class State(models.TextChoices):
    DRAFT = "draft", "Draft"
    REVIEW = "review", "In review"
    PUBLISHED = "published", "Published"
    RETIRED = "retired", "Retired"


class RecallKind(models.TextChoices):
    RETRACTED = "retracted", "Retracted"
    SUPERSEDED = "superseded", "Superseded"
    CORRECTED = "corrected", "Corrected"


class Collection(models.Model):
    name = models.CharField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    licence = models.CharField(max_length=200, blank=True)
    # Burnt-in corner marks and footers are masked before encoding; the stored image keeps them.
    mask_overlays = models.BooleanField(default=False)
    synthetic = models.BooleanField(default=False)
    # Broad tables taken over from a package: searched behind what was chosen for this library.
    reference = models.BooleanField(default=False)
    # Who may rename it, describe it and say what is put into it. Without one, those who publish.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LibraryItemQuerySet(models.QuerySet["LibraryItem"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """Items this user may see. Someone not signed in sees none."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        seen = Q(visibility=Visibility.PUBLIC) | Q(owner=user)
        if user.department:
            seen |= Q(visibility=Visibility.DEPARTMENT, owner__department=user.department)
        seen |= shared_with(user)
        return self.filter(seen)

    def viewable_by(self, user: User | AnonymousUser) -> Self:
        """Items this user may open: a draft is for its owner and for those who publish."""
        seen = self.for_user(user)
        if may(user, Action.PUBLISH):
            # What somebody is writing is shown by its editor, to those it was handed in to.
            return seen.exclude(~Q(owner_id=user.pk), state=State.DRAFT, source_name=WRITTEN_HERE)
        return seen.filter(Q(state=State.PUBLISHED) | Q(owner_id=user.pk)).exclude(in_quarantine())

    def published(self) -> Self:
        """What is searched and cited: nothing in quarantine, from its commit on."""
        return self.filter(state=State.PUBLISHED).exclude(in_quarantine())

    def citable(self) -> Self:
        """What an answer may rest on: published, and not recalled since."""
        return self.published().filter(recalled="")

    def searchable_by(self, user: User | AnonymousUser) -> Self:
        return self.for_user(user).citable()


class LibraryItem(models.Model):
    """Anything that can be cited. `text` is what passages and quotes have their offsets in."""

    kind = models.CharField(max_length=12, choices=Kind.choices)
    title = models.CharField(max_length=500)
    text = models.TextField()
    collection = models.ForeignKey(Collection, models.PROTECT, related_name="items")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="items")
    visibility = models.CharField(max_length=12, choices=Visibility.choices, default=Visibility.PUBLIC)
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    source_name = models.CharField(max_length=200)
    source_id = models.CharField(max_length=200)
    # Salted hash of the patient, where the source tells patients apart: one is no evidence for the other.
    source_group = models.CharField(max_length=64, blank=True, db_index=True)
    licence = models.CharField(max_length=200, blank=True)
    synthetic = models.BooleanField(default=False)
    # SHA-256 of the row it was imported from: an unchanged row is not written again.
    content_hash = models.CharField(max_length=64)
    removed_identifiers = models.JSONField(default=dict, blank=True)
    # Why it is not to be cited: the kind of its standing recall. Kept here so that a search needs no join.
    recalled = models.CharField(max_length=12, choices=RecallKind.choices, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    objects: models.Manager[LibraryItem] = LibraryItemQuerySet.as_manager()

    class Meta:
        ordering = ["-updated", "-pk"]
        constraints = [models.UniqueConstraint(fields=["source_name", "source_id"], name="library_item_source")]
        indexes = [
            models.Index(fields=["kind", "state", "visibility"]),
            models.Index(fields=["source_id"], name="library_item_source_id"),
            # All that is asked of an item to know whether somebody may see it, and to count and order what is seen, so
            # that no item is read for it.
            models.Index(
                fields=[
                    "state",
                    "recalled",
                    "collection",
                    "source_name",
                    "visibility",
                    "owner",
                    "id",
                    "kind",
                    "updated",
                ],
                name="library_item_seen",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Case(Authored, LibraryItem):
    age = models.CharField(max_length=40, blank=True)
    age_years = models.FloatField(null=True, blank=True)
    sex = models.CharField(max_length=20, blank=True)
    history = models.TextField(blank=True)
    exam = models.TextField(blank=True)
    findings = models.TextField(blank=True)
    diagnosis = models.CharField(max_length=500, blank=True)
    diagnosis_by = models.TextField(blank=True)
    differential = models.JSONField(default=list, blank=True)
    discussion = models.TextField(blank=True)
    treatment = models.TextField(blank=True)
    topic = models.CharField(max_length=200, blank=True)
    topic_title = models.CharField(max_length=300, blank=True)
    category = models.CharField(max_length=200, blank=True)
    # Written here since it was imported, or from the start: an import does not write over it.
    authored_here = models.BooleanField(default=False)

    @property
    def age_said(self) -> str:
        return age_said(self.age)


class Document(LibraryItem):
    authors = models.TextField(blank=True)
    journal = models.CharField(max_length=300, blank=True)
    publisher = models.CharField(max_length=300, blank=True)
    published = models.CharField(max_length=40, blank=True)
    url = models.URLField(max_length=500, blank=True)
    doi = models.CharField(max_length=200, blank=True)
    pmid = models.CharField(max_length=20, blank=True)
    reference = models.TextField(blank=True)
    copyright = models.TextField(blank=True)
    keywords = models.TextField(blank=True)
    status = models.CharField(max_length=60, blank=True)
    category = models.CharField(max_length=200, blank=True)
    # [[start, end, page], …] for sources that have pages.
    pages = models.JSONField(default=list, blank=True)

    @property
    def is_taken_back(self) -> bool:
        return self.status in TAKEN_BACK


class CaseImage(Pictured, models.Model):
    case = models.ForeignKey(Case, models.CASCADE, related_name="images")
    position = models.PositiveIntegerField(default=0)
    # A PNG made from the upload; the upload itself is not kept. Frames of a stack are kept as FRAMES_DIR/0000.png …
    file = models.FileField(upload_to="cases", max_length=300)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frames = models.PositiveIntegerField(default=1)
    sha256 = models.CharField(max_length=64)
    modality = models.CharField(max_length=60, blank=True)
    sequence = models.CharField(max_length=200, blank=True)
    plane = models.CharField(max_length=60, blank=True)
    region = models.CharField(max_length=120, blank=True)
    location = models.CharField(max_length=200, blank=True)
    caption = models.TextField(blank=True)
    licence = models.CharField(max_length=200, blank=True)
    attribution = models.CharField(max_length=300, blank=True)
    # Chosen by the author as one that shows what the case is about.
    key = models.BooleanField(default=False)

    class Meta:
        ordering = ["case", "position"]
        constraints = [models.UniqueConstraint(fields=["case", "position"], name="case_image_position")]
        indexes = [models.Index(fields=["sha256"], name="case_image_sha256")]

    def get_absolute_url(self) -> str:
        return reverse("library:image", args=[self.pk])


class DoubtQuerySet(models.QuerySet["Doubt"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """One's own; those of imports without an owner are for administrators."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        mine = Q(owner=user)
        return self.filter(mine | Q(owner=None) if may(user, Action.ERASE) else mine)


class Doubt(models.Model):
    """A place of a stored image that may be burnt-in text: masked until a person has looked at what stood there."""

    # Of the image, relative to MEDIA_ROOT: images of cases and of consultations alike.
    name = models.CharField(max_length=300, db_index=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    left = models.PositiveIntegerField()
    top = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frame = models.PositiveIntegerField(default=0)
    score = models.FloatField()
    crop = EncryptedTextField()
    created = models.DateTimeField(auto_now_add=True)

    objects: models.Manager[Doubt] = DoubtQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]


class Passage(models.Model):
    item = models.ForeignKey(LibraryItem, models.CASCADE, related_name="passages")
    position = models.PositiveIntegerField()
    section = models.CharField(max_length=120, blank=True)
    text = models.TextField()
    # Offsets in item.text.
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    page = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["item", "position"]
        constraints = [models.UniqueConstraint(fields=["item", "position"], name="passage_position")]


class SavedSearchQuerySet(models.QuerySet["SavedSearch"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        return self.filter(user=user) if isinstance(user, User) and user.is_active else self.none()


class SavedSearch(models.Model):
    """Filters of the library's list, kept by a user under a name."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_searches")
    # What is looked for may tell of a patient: encrypted, so that a name is once a user by search_save alone.
    name = EncryptedTextField()
    # {"q": "nodule", "kind": "case", …}: what stands in the address of the list.
    filters = EncryptedJSONField()
    created = models.DateTimeField(auto_now_add=True)

    objects: models.Manager[SavedSearch] = SavedSearchQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("library:list", query=self.filters)


class GamutQuerySet(models.QuerySet["Gamut"]):
    def viewable_by(self, user: User | AnonymousUser) -> Self:
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        return self.all() if may(user, Action.PUBLISH) else self.published()

    def published(self) -> Self:
        return self.filter(state=State.PUBLISHED).exclude(in_quarantine())


class Gamut(models.Model):
    """A finding and the diagnoses a package lists for it, without a source for any of them.

    It is no library item, so no search returns it and nothing can cite it.
    """

    collection = models.ForeignKey(Collection, models.PROTECT, related_name="gamuts")
    source_name = models.CharField(max_length=200)
    source_id = models.CharField(max_length=200)
    release = models.CharField(max_length=40, blank=True)
    finding = models.CharField(max_length=300)
    modality = models.CharField(max_length=100, blank=True)
    region = models.CharField(max_length=100, blank=True)
    diagnoses = models.JSONField(default=list)
    # Places in the source of the groups it was made of, counted from 1.
    groups = models.JSONField(default=list)
    licence = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    content_hash = models.CharField(max_length=64)
    updated = models.DateTimeField(auto_now=True)

    objects: models.Manager[Gamut] = GamutQuerySet.as_manager()

    class Meta:
        ordering = ["finding", "pk"]
        constraints = [models.UniqueConstraint(fields=["source_name", "source_id"], name="gamut_source")]

    def __str__(self) -> str:
        return self.finding


# The rest of this app's models, which stand on these.
from cdss.library.standing import Dispute, DisputeVote, Recall  # noqa: E402, F401
