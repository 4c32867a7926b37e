from __future__ import annotations

import datetime as dt
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.crypto import get_random_string

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, may
from cdss.library.models import Case
from cdss.teaching.models.quizzes import Quiz, QuizState

# No character that is read as another.
CODE_CHARACTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 10


def new_code() -> str:
    return get_random_string(CODE_LENGTH, CODE_CHARACTERS)


class CourseQuerySet(models.QuerySet["Course"]):
    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(owner=user.pk) if may(user, Action.TEACH) else self.none()

    def for_user(self, user: User | AnonymousUser) -> Self:
        """Published ones that are open, that one takes part in, or that are one's own."""
        if not isinstance(user, User) or not user.is_active or not may(user, Action.LEARN):
            return self.none()
        taking = Enrolment.objects.filter(learner=user).values("course")
        return self.filter(Q(open_to_all=True) | Q(pk__in=taking) | Q(owner=user), state=QuizState.PUBLISHED)


class Course(models.Model):
    """Cases and quizzes in an order, for what they are to teach."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="courses")
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    objectives = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=10, choices=QuizState.choices, default=QuizState.DRAFT)
    open_to_all = models.BooleanField(default=False)
    deadline = models.DateTimeField(null=True, blank=True)
    synthetic = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    objects: models.Manager[Course] = CourseQuerySet.as_manager()

    class Meta:
        ordering = ["title", "pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("teaching:course", args=[self.pk])


class CourseItem(models.Model):
    """A case as an unknown, or a quiz."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    case = models.ForeignKey(Case, models.CASCADE, null=True, blank=True, related_name="course_items")
    quiz = models.ForeignKey(Quiz, models.CASCADE, null=True, blank=True, related_name="course_items")

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(case__isnull=True, quiz__isnull=False) | Q(case__isnull=False, quiz__isnull=True),
                name="course_item_is_one_thing",
            ),
            models.UniqueConstraint(fields=["course", "case"], name="course_case_once"),
            models.UniqueConstraint(fields=["course", "quiz"], name="course_quiz_once"),
        ]


class Cohort(models.Model):
    """People who take a course together, until their own deadline."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="cohorts")
    name = models.CharField(max_length=120)
    code = models.CharField(max_length=16, unique=True, default=new_code)
    deadline = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["course", "name"], name="cohort_name")]

    def __str__(self) -> str:
        return self.name


class Enrolment(models.Model):
    course = models.ForeignKey(Course, models.CASCADE, related_name="enrolments")
    cohort = models.ForeignKey(Cohort, models.SET_NULL, null=True, blank=True, related_name="enrolments")
    learner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="enrolments")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["course", "learner"], name="enrolled_once")]

    @property
    def deadline(self) -> dt.datetime | None:
        return (self.cohort.deadline if self.cohort else None) or self.course.deadline
