from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from cdss.teaching.models import QuestionKind
from cdss.teaching.scoring import MOST_ANSWERS, MOST_CHARACTERS
from cdss.widgets import DayInput

CONFIDENCES = ((10, "10%: a guess"), (30, "30%"), (50, "50%"), (70, "70%"), (90, "90%: nearly certain"))
PLACES = ("Most likely", "Second", "Third", "Fourth", "Fifth")
FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2100, 12, 31)


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class CommitForm(forms.Form):
    confidence = forms.TypedChoiceField(
        choices=CONFIDENCES, coerce=int, required=False, empty_value=None, widget=forms.RadioSelect,
        label="How sure are you that the first one is right?",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number, place in enumerate(PLACES[:MOST_ANSWERS], 1):
            box = forms.TextInput(attrs={"autocomplete": "off"})
            self.fields[f"answer{number}"] = forms.CharField(
                label=place, required=False, max_length=MOST_CHARACTERS, widget=box
            )

    def answers(self) -> list[Any]:
        return [self[name] for name in self.fields if name.startswith("answer")]

    def said(self, gives_up: bool) -> dict[str, Any]:
        data = self.cleaned_data
        lines = [] if gives_up else [data[f"answer{number}"] for number in range(1, MOST_ANSWERS + 1)]
        if not gives_up and not any(lines):
            # An empty form is a slip of the hand; giving up is a button of its own.
            lines = [","]
        return {"lines": lines, "confidence": data["confidence"]}


class QuizForm(forms.Form):
    title = forms.CharField(max_length=200)
    description = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    open_to_all = forms.BooleanField(required=False, label="Everyone who learns here may take it")


class QuestionForm(forms.Form):
    """`options` is one answer a line, the best one with an asterisk before it; a proposal keeps where it came from."""

    kind = forms.ChoiceField(choices=QuestionKind.choices, widget=forms.HiddenInput)
    case = forms.IntegerField(required=False, min_value=1, max_value=10**17, widget=forms.HiddenInput)
    prompt = forms.CharField(label="Question", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    image = forms.IntegerField(required=False, min_value=1, max_value=10**17, widget=forms.HiddenInput)
    frame = forms.IntegerField(required=False, min_value=0, max_value=100_000, initial=0)
    accepted = forms.CharField(
        required=False, max_length=2000, label="Answers that are right, one a line",
        help_text="Their synonyms count too.", widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    regions = forms.CharField(
        required=False, max_length=8000, label="Regions that are right, one a line",
        help_text="In percent of the image: rectangle left top width height, ellipse centre-x centre-y radius-x "
        "radius-y, or polygon x y x y x y.", widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )  # fmt: skip
    explanation = forms.CharField(
        required=False, max_length=4000, label="Explanation, shown afterwards", widget=forms.Textarea(attrs={"rows": 3})
    )


def deadline_field(label: str = "Deadline") -> forms.DateField:
    said = f"To the end of that day, {settings.TIME_ZONE} time. What is handed in later is marked late."
    within = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]
    return forms.DateField(required=False, label=label, widget=DayInput, help_text=said, validators=within)


class CourseForm(forms.Form):
    title = forms.CharField(max_length=200)
    description = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    objectives = forms.CharField(
        required=False, max_length=4000, label="Objectives, one a line", widget=forms.Textarea(attrs={"rows": 3})
    )
    deadline = deadline_field()
    open_to_all = forms.BooleanField(required=False, label="Everyone who learns here may join it")

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        return data | {"objectives": lines_of(data["objectives"])[:30], "deadline": end_of(data["deadline"])}


class CohortForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name of the cohort")
    deadline = deadline_field("Its own deadline")

    def values(self) -> dict[str, Any]:
        return {"name": self.cleaned_data["name"], "deadline": end_of(self.cleaned_data["deadline"])}


class PlatformForm(forms.Form):
    name = forms.CharField(max_length=120)
    issuer = forms.CharField(max_length=300, help_text="As the platform writes it in iss.")
    client_id = forms.CharField(max_length=200, label="Client id")
    deployments = forms.CharField(
        max_length=2000, label="Deployment ids, one a line", widget=forms.Textarea(attrs={"rows": 2})
    )
    login_url = forms.CharField(max_length=500, label="Address for signing in")
    token_url = forms.CharField(max_length=500, label="Address for access tokens")
    keys_url = forms.CharField(max_length=500, label="Address of its keys")

    def values(self) -> dict[str, Any]:
        return self.cleaned_data | {"deployments": lines_of(self.cleaned_data["deployments"])[:50]}


def end_of(day: dt.date | None) -> dt.datetime | None:
    """A deadline is the end of its day, in the site's time zone."""
    return timezone.make_aware(dt.datetime.combine(day, dt.time(23, 59, 59))) if day else None
