from typing import Any

from django import forms

from cdss.accounts.models import Role


class FilterForm(forms.Form):
    """The filters as they stand in the URL, for the list and for the export."""

    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))
    actor = forms.CharField(required=False, max_length=150, label="User name")
    action = forms.CharField(required=False, max_length=60, label="Action", help_text="Its start is enough: account.")
    role = forms.ChoiceField(required=False, choices=[("", "All"), *Role.choices])
    obj = forms.CharField(
        required=False, max_length=121, label="Object", help_text="consultations.consultation:42, or without a number"
    )

    def filters(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}
