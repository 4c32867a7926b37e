from typing import Any

from django import forms

from cdss.accounts.models import Role
from cdss.oversight.figures import MEASURES
from cdss.widgets import DayInput


class DashboardForm(forms.Form):
    """The filters as they stand in the URL."""

    since = forms.DateField(required=False, label="From", widget=DayInput)
    until = forms.DateField(required=False, label="To", widget=DayInput)
    user = forms.CharField(required=False, max_length=150, label="User name")
    role = forms.ChoiceField(required=False, choices=[("", "All"), *Role.choices])
    site = forms.CharField(required=False, max_length=100, label="Site")
    model = forms.CharField(required=False, max_length=120, label="Model", help_text="composer, or a model's name")
    measure = forms.ChoiceField(
        required=False,
        choices=[(key, measure.name) for key, measure in MEASURES.items()],
        label="Compared by",
        initial="first",
    )

    def filters(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}
