from typing import Any

from django import forms

from cdss.accounts.models import Role
from cdss.audit.models import OUTCOMES
from cdss.widgets import DayInput


class FilterForm(forms.Form):
    """The filters as they stand in the URL, for the list and for the export."""

    since = forms.DateField(required=False, label="From", widget=DayInput)
    until = forms.DateField(required=False, label="To", widget=DayInput)
    actor = forms.CharField(required=False, max_length=150, label="User name")
    action = forms.CharField(required=False, max_length=60, label="Action", help_text="Or how it begins: account.")
    role = forms.ChoiceField(required=False, choices=[("", "All"), *Role.choices])
    model = forms.CharField(required=False, max_length=120, label="Model", help_text="composer, or a model's name")
    outcome = forms.ChoiceField(required=False, choices=[("", "All"), *OUTCOMES.items()])
    obj = forms.CharField(required=False, max_length=121, label="Object", help_text="consultations.consultation:42")

    def filters(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}
