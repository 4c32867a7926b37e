from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse

from cdss.accounts.models import Role, User
from cdss.fields import EncryptedJSONField, EncryptedTextField
from cdss.library.models import Case, CaseImage, LibraryItem
from cdss.library.pictured import Pictured


class Status(models.TextChoices):
    REVIEW = "review", "To be reviewed"
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Working"
    DONE = "done", "Answered"
    ABSTAINED = "abstained", "Abstained"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


FINISHED = (Status.DONE, Status.ABSTAINED, Status.FAILED, Status.CANCELLED)


WITHHELD = Q(commit_first=True, committed__isnull=True)


class ConsultationQuerySet(models.QuerySet["Consultation"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        """One's own consultations and those one was asked to rate; auditors see all of them."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        if user.role == Role.AUDITOR:
            return self.all()
        return self.filter(Q(user=user) | Q(pk__in=RaterInvitation.objects.filter(rater=user).values("consultation")))

    def withheld(self) -> Self:
        """Whose answer nobody sees yet: its clinician's own differential comes first."""
        return self.filter(WITHHELD)

    def revealed(self) -> Self:
        return self.exclude(WITHHELD)

    def revealed_to(self, user: User | AnonymousUser) -> Self:
        """Those of the user's consultations whose answer the user may read now."""
        found = self.for_user(user)
        return found if isinstance(user, User) and user.role == Role.AUDITOR else found.revealed()


class Consultation(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="consultations")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    # The case, already de-identified.
    age = models.CharField(max_length=40, blank=True)
    sex = models.CharField(max_length=20, blank=True)
    history = EncryptedTextField(blank=True)
    exam = EncryptedTextField(blank=True)
    findings = EncryptedTextField(blank=True)
    # Salted hash of the patient, where a DICOM header or its user told one: by it their data is exported and erased.
    patient_key = models.CharField(max_length=64, blank=True, db_index=True)
    removed_identifiers = models.JSONField(default=dict, blank=True)
    # What its user said of the findings that were read: [{"part", "text", "start", "assertion", …}, …]
    corrections = EncryptedJSONField(default=list, blank=True)
    # What was understood, corrections included: [{"part", "text", "assertion", "laterality", "measures", …}, …]
    understood = EncryptedJSONField(default=list, blank=True)
    # The case of the library it was started from, which is no evidence for itself.
    library_case = models.ForeignKey(Case, models.SET_NULL, null=True, blank=True, related_name="+")
    use_llm = models.BooleanField(default=True)
    llm_timeout_seconds = models.PositiveIntegerField(default=120)

    # What it was answered with, so that it can be replayed.
    index_version = models.CharField(max_length=80, blank=True)
    text_encoder = models.CharField(max_length=120, blank=True)
    image_encoder = models.CharField(max_length=120, blank=True)
    cross_encoder = models.CharField(max_length=200, blank=True)
    # Of the ranking: 0 are the packaged ones. Empty: it was answered before this was kept.
    weights_version = models.PositiveIntegerField(null=True, blank=True)
    weights_sha256 = models.CharField(max_length=64, blank=True)
    # Of how many diagnoses the library told that was searched; None where the words of the case did not search it.
    breadth = models.PositiveIntegerField(null=True, blank=True)

    # Uncited reference lists whose finding this case has: [{"finding", "region", "modality", "diagnoses", …}, …]
    gamuts = EncryptedJSONField(default=list, blank=True)
    # What a language model thought of, and what a search for it added: {"state", "guesses": [{"name", "evidence"}], …}
    hypotheses = models.JSONField(default=dict, blank=True)
    abstention = EncryptedJSONField(default=dict, blank=True)
    error = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    # The rule of its moment, whatever becomes of the group.
    commit_first = models.BooleanField(default=False)
    user_group = models.CharField(max_length=80, blank=True)
    # When its clinician's own differential was written.
    committed = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    # Written by the worker while it works; a running consultation with an old one has lost its worker.
    heartbeat = models.DateTimeField(null=True, blank=True)

    objects: models.Manager[Consultation] = ConsultationQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        indexes = [models.Index(fields=["user", "-created"]), models.Index(fields=["status", "heartbeat"])]

    def __str__(self) -> str:
        return f"C-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("consultations:detail", args=[self.pk])

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED

    @property
    def has_pictures(self) -> bool:
        """Whether images go with it, those that are still looked at included."""
        return self.images.exists() or self.held_pictures.exists()

    @property
    def held_back(self) -> int:
        """How many pictures are still looked at for burnt-in text. One that ran has none."""
        unasked = (Status.REVIEW, Status.QUEUED, Status.FAILED, Status.CANCELLED)
        return self.held_pictures.count() if self.status in unasked else 0

    @property
    def is_searched_further(self) -> bool:
        """Without an answer, it waits for what a language model thinks of to be searched for."""
        return self.hypotheses.get("state") in ("waiting", "searching")

    @property
    def is_withheld(self) -> bool:
        """Whether the answer is kept back until its clinician has written an own one."""
        return self.commit_first and self.committed is None

    def is_withheld_from(self, user: User | AnonymousUser) -> bool:
        return self.is_withheld and not (isinstance(user, User) and user.role == Role.AUDITOR)


class Stage(models.TextChoices):
    BEFORE = "before", "Before the answer was shown"
    AFTER = "after", "After it was read"


class OwnDiagnosis(models.Model):
    """One place of the clinician's own differential. Written once for each stage, never changed."""

    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="own_diagnoses")
    stage = models.CharField(max_length=6, choices=Stage.choices)
    rank = models.PositiveIntegerField()
    name = models.CharField(max_length=300)
    concept = models.CharField(max_length=300, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["consultation", "stage", "rank"]
        verbose_name_plural = "own diagnoses"
        constraints = [models.UniqueConstraint(fields=["consultation", "stage", "rank"], name="own_diagnosis_place")]


class RaterInvitation(models.Model):
    """A colleague who may read one consultation and say what they think of it."""

    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="invitations")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="invitations")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["consultation", "pk"]
        constraints = [models.UniqueConstraint(fields=["consultation", "rater"], name="rater_invited_once")]


class ConsultationImage(Pictured, models.Model):
    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="images")
    position = models.PositiveIntegerField(default=0)
    file = models.FileField(upload_to="consultations", max_length=300)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frames = models.PositiveIntegerField(default=1)
    sha256 = models.CharField(max_length=64)
    modality = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["consultation", "position"]

    def get_absolute_url(self) -> str:
        return reverse("consultations:image", args=[self.consultation_id, self.pk])


class HeldPicture(models.Model):
    """A picture in which burnt-in text is still to be looked for. Its frames are held apart, encrypted."""

    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="held_pictures")
    position = models.PositiveIntegerField()
    # The folder of its frames.
    place = models.CharField(max_length=40)
    frames = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    modality = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["consultation", "position"]


class Step(models.Model):
    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="steps")
    name = models.CharField(max_length=30)
    started = models.DateTimeField()
    # Empty while the step runs.
    duration_ms = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["consultation", "pk"]


class Evidence(models.Model):
    """What was read, as it was read: it stays when its source is edited or deleted."""

    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="evidence")
    label = models.CharField(max_length=8)
    rank = models.PositiveIntegerField()
    kind = models.CharField(max_length=12)
    item = models.ForeignKey(LibraryItem, models.SET_NULL, null=True, blank=True, related_name="+")
    image = models.ForeignKey(CaseImage, models.SET_NULL, null=True, blank=True, related_name="+")
    source_name = models.CharField(max_length=200)
    source_id = models.CharField(max_length=200)
    title = models.CharField(max_length=500)
    # authors, journal, publisher, published, url, reference, licence, status, synthetic, diagnosis, page
    details = models.JSONField(default=dict, blank=True)
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    # Where `text` starts in the item's text.
    item_start = models.PositiveIntegerField(default=0)
    item_hash = models.CharField(max_length=64)
    score = models.FloatField()
    scores = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["consultation", "rank"]
        constraints = [models.UniqueConstraint(fields=["consultation", "label"], name="evidence_label")]


class Answer(models.Model):
    """One writer's differential. The composer's is always there; a language model's may follow."""

    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="answers")
    writer = models.CharField(max_length=120)
    prompt_sha256 = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=12, default="complete")
    note = models.CharField(max_length=300, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["consultation", "pk"]
        constraints = [models.UniqueConstraint(fields=["consultation", "writer"], name="one_answer_per_writer")]


class Diagnosis(models.Model):
    answer = models.ForeignKey(Answer, models.CASCADE, related_name="diagnoses")
    rank = models.PositiveIntegerField()
    name = models.CharField(max_length=300)
    concept = models.CharField(max_length=300)
    score = models.FloatField()
    likelihood = models.CharField(max_length=40, blank=True)
    # Calibrated on known cases; none where nothing was learned, as for a case of images alone.
    probability = models.FloatField(null=True, blank=True)
    codes = models.JSONField(default=dict, blank=True)
    must_not_miss = models.BooleanField(default=False)
    # Findings of the case, in its words, that none of the sources on this diagnosis mentions.
    unexplained = EncryptedJSONField(default=list, blank=True)

    class Meta:
        ordering = ["answer", "rank"]
        verbose_name_plural = "diagnoses"


class Stance(models.TextChoices):
    FOR = "for", "For"
    AGAINST = "against", "Against"
    NEXT_STEP = "next", "Next step"


class Support(models.TextChoices):
    SUPPORTED = "supported", "Supported"
    PARTLY = "partly", "Partly supported"
    UNSUPPORTED = "unsupported", "Not supported by the evidence found"


class Statement(models.Model):
    diagnosis = models.ForeignKey(Diagnosis, models.CASCADE, related_name="statements")
    position = models.PositiveIntegerField()
    # It may say the case's own words.
    text = EncryptedTextField()
    stance = models.CharField(max_length=8, choices=Stance.choices)
    support = models.CharField(max_length=12, choices=Support.choices)
    reasons = models.JSONField(default=list, blank=True)
    # Positions of supported statements of the same diagnosis that say the opposite.
    conflicts = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["diagnosis", "position"]


class Citation(models.Model):
    statement = models.ForeignKey(Statement, models.CASCADE, related_name="citations")
    evidence = models.ForeignKey(Evidence, models.CASCADE, related_name="citations")
    quote = models.TextField()
    # Offsets in evidence.text.
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()

    class Meta:
        ordering = ["statement", "pk"]


class Basis(models.Model):
    """What the composer made its answer of, so that it can be made again without the index it was searched in."""

    consultation = models.OneToOneField(Consultation, models.CASCADE, related_name="basis")
    # The hash of the weights that ranked, and of the code and word lists that ranked, wrote and checked.
    weights = models.CharField(max_length=64)
    code = models.CharField(max_length=64)
    # {"format", "leads", "names", "evidence", "grounds", "floors", "weights"}
    record = EncryptedJSONField()

    class Meta:
        verbose_name_plural = "bases"


class Replay(models.Model):
    """A consultation that was run again: as of its time, and as of today."""

    consultation = models.ForeignKey(Consultation, models.CASCADE, related_name="replays")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    result = EncryptedJSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"R-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("consultations:replay", args=[self.consultation_id, self.pk])
