from __future__ import annotations

from typing import Any

from django import forms

from cdss.accounts.models import User
from cdss.library.models import Case, State


class UploadForm(forms.Form):
    """Files are read apart from it: they may come in several requests."""

    case = forms.ModelChoiceField(
        Case.objects.none(),
        required=False,
        empty_label="a new draft",
        label="To the case",
        help_text="A draft of yours.",
    )
    title = forms.CharField(
        required=False,
        max_length=200,
        label="Title of the new draft",
        help_text="What the case is about, without anything that names the patient.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["case"]
        field.queryset = Case.objects.filter(owner=user, state=State.DRAFT).order_by("-updated")  # type: ignore[attr-defined]

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
