from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q

from cdss.accounts.models import User
from cdss.library.models import Case, State, Visibility
from cdss.library.writing import desk


class UploadForm(forms.Form):
    """Files are read apart from it: they may come in several requests."""

    case = forms.ModelChoiceField(
        Case.objects.none(),
        required=False,
        empty_label="a new draft",
        label="To the case",
        help_text="A case that you write. What is added to a published one waits in its working text for a review.",
    )
    title = forms.CharField(
        required=False,
        max_length=200,
        label="Title of the new draft",
        help_text="What the case is about, without anything that names the patient.",
    )

    visibility = forms.ChoiceField(
        choices=Visibility.choices, initial=Visibility.PUBLIC, required=False, label="Seen by, once it is published"
    )

    def __init__(self, *args: Any, user: User, case: Case | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["case"]
        mine = desk().authored(user).filter(state=State.DRAFT).values("pk")
        chosen = Q(pk__in=mine) | Q(pk=case.pk if case else None)
        field.queryset = desk().writable(user).filter(chosen).order_by("-updated")  # type: ignore[attr-defined]
        field.label_from_instance = lambda row: f"{row.title} ({row.get_state_display().lower()})"  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "case" not in self.errors and not data.get("case") and not (data.get("title") or "").strip():
            self.add_error("title", "Give the new draft a title, or choose a case.")
        return data


class KeyImageForm(forms.Form):
    frame = forms.IntegerField(min_value=0)
    center = forms.FloatField(min_value=-1e9, max_value=1e9)
    width = forms.FloatField(min_value=1e-6, max_value=1e9)
    inverted = forms.BooleanField(required=False)
    caption = forms.CharField(required=False, max_length=500)
