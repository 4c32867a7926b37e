from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.library.models import Case, CaseImage
from cdss.teaching.models.attempts import OPEN_FOR
from cdss.teaching.models.platforms import Placement


class QuizState(models.TextChoices):
    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    RETIRED = "retired", "Retired"


class QuestionKind(models.TextChoices):
    CHOICE = "choice", "Single best answer"
    HOT_SPOT = "hot_spot", "Hot spot on an image"
    SHORT = "short", "Short answer"


class QuizQuerySet(models.QuerySet["Quiz"]):
    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(owner=user.pk) if may(user, Action.TEACH) else self.none()

    def for_user(self, user: User | AnonymousUser) -> Self:
        """What a learner may take: published and of no course; by a course, see `Course.objects.for_user`."""
        if not isinstance(user, User) or not user.is_active or not may(user, Action.LEARN):
            return self.none()
        from cdss.teaching.models.courses import Course, CourseItem

        in_courses = CourseItem.objects.filter(course__in=Course.objects.for_user(user)).values("quiz")
        placed = Placement.objects.filter(user=user).values("quiz")
        seen = Q(open_to_all=True) | Q(pk__in=in_courses) | Q(pk__in=placed) | Q(owner=user)
        return self.filter(seen, state=QuizState.PUBLISHED)


class Quiz(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="quizzes")
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=QuizState.choices, default=QuizState.DRAFT)
    # Everyone who learns here may take it; else those of a course, or sent by a learning platform.
    open_to_all = models.BooleanField(default=False)
    synthetic = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    objects: models.Manager[Quiz] = QuizQuerySet.as_manager()

    class Meta:
        ordering = ["-updated", "-pk"]
        verbose_name_plural = "quizzes"

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("teaching:quiz", args=[self.pk])

    @property
    def current(self) -> QuizVersion | None:
        """The one that is asked now."""
        return self.versions.filter(published__isnull=False).first()


class QuizVersion(models.Model):
    """Questions as they stood; once published they never change, so that a run keeps what it was asked."""

    quiz = models.ForeignKey(Quiz, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    published = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["quiz", "number"], name="quiz_version_number")]

    def __str__(self) -> str:
        return f"{self.quiz} v{self.number}"


class Question(models.Model):
    version = models.ForeignKey(QuizVersion, models.CASCADE, related_name="questions")
    # The same in every version in which the question is the same: its figures are counted over them.
    key = models.UUIDField(default=uuid.uuid4)
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=QuestionKind.choices)
    prompt = models.TextField()
    case = models.ForeignKey(Case, models.SET_NULL, null=True, blank=True, related_name="questions")
    image = models.ForeignKey(CaseImage, models.SET_NULL, null=True, blank=True, related_name="questions")
    frame = models.PositiveIntegerField(default=0)
    # Of a choice: [{"id", "text", "correct", "origin": {"kind", …}}]
    options = models.JSONField(default=list, blank=True)
    # Of a short answer: names; their synonyms count too.
    accepted = models.JSONField(default=list, blank=True)
    # Of a hot spot: shapes in percent of the image, as cdss/teaching/hotspots.py reads them.
    regions = models.JSONField(default=list, blank=True)
    explanation = models.TextField(blank=True)

    class Meta:
        ordering = ["position", "pk"]
        indexes = [models.Index(fields=["key"])]

    def __str__(self) -> str:
        return f"Question {self.position + 1}"


class QuizRunQuerySet(models.QuerySet["QuizRun"]):
    def for_user(self, user: User | AnonymousUser) -> Self:
        return self.filter(learner=user) if isinstance(user, User) and user.is_active else self.none()

    def open(self) -> Self:
        return self.filter(submitted__isnull=True, created__gt=timezone.now() - OPEN_FOR)

    def submitted(self) -> Self:
        return self.filter(submitted__isnull=False)


class QuizRun(models.Model):
    """One learner's way through one version of a quiz."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    version = models.ForeignKey(QuizVersion, models.PROTECT, related_name="runs")
    learner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="quiz_runs")
    created = models.DateTimeField(auto_now_add=True)
    submitted = models.DateTimeField(null=True, blank=True)
    right = models.PositiveIntegerField(null=True, blank=True)
    asked = models.PositiveIntegerField(default=0)

    objects: models.Manager[QuizRun] = QuizRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        indexes = [models.Index(fields=["learner", "submitted"])]

    def __str__(self) -> str:
        return f"R-{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("teaching:run", args=[self.key])

    @property
    def is_open(self) -> bool:
        return self.submitted is None and self.created > timezone.now() - OPEN_FOR


class Response(models.Model):
    run = models.ForeignKey(QuizRun, models.CASCADE, related_name="responses")
    question = models.ForeignKey(Question, models.PROTECT, related_name="responses")
    # {"option": "b"} | {"x": 41.5, "y": 60.0} | {"text": "…"} | {}
    given = models.JSONField(default=dict, blank=True)
    right = models.BooleanField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["run", "question"], name="response_once")]
