from typing import Any

from django import forms

from cdss.accounts.models import Role
from cdss.consultations.models import FINISHED
from cdss.feedback.fit import FITTING, MAX_COMMENT
from cdss.feedback.models import GapState, Reason, Verdict
from cdss.verdicts import Confirmation
from cdss.widgets import DayInput

OUTCOMES = [(status.value, status.label) for status in FINISHED]
KINDS = [(kind, kind) for kind in FITTING]


class FeedbackForm(forms.Form):
    """Shape only: what fits what is decided by the service."""

    kind = forms.ChoiceField(choices=KINDS, widget=forms.HiddenInput)
    target = forms.IntegerField(min_value=1, max_value=2**62, widget=forms.HiddenInput)
    verdict = forms.ChoiceField(choices=Verdict.choices, widget=forms.HiddenInput)
    reason = forms.ChoiceField(
        choices=[("", "Choose a reason"), *Reason.choices],
        required=False,
        # The form takes the place of the button that was pressed.
        widget=forms.Select(attrs={"autofocus": True}),
    )
    comment = forms.CharField(
        max_length=MAX_COMMENT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="No names or numbers of patients.",
    )
    correction = forms.CharField(
        max_length=MAX_COMMENT,
        required=False,
        label="What it should say",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    final_diagnosis = forms.CharField(max_length=300, required=False)
    confirmed_by = forms.ChoiceField(choices=[("", "Not said"), *Confirmation.choices], required=False)

    def names_nothing(self) -> bool:
        return bool({"kind", "target", "verdict"} & self.errors.keys())

    def word(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name not in ("kind", "target")}

    def anchor(self) -> str:
        final = self.cleaned_data["verdict"] == Verdict.FINAL
        return "feedback-final" if final else f"feedback-{self.cleaned_data['kind']}-{self.cleaned_data['target']}"


class FilterForm(forms.Form):
    """The filters of the list and of the export, as they stand in the URL."""

    since = forms.DateField(required=False, label="From", widget=DayInput)
    until = forms.DateField(required=False, label="To", widget=DayInput)
    user = forms.CharField(required=False, max_length=150, label="User name")
    verdict = forms.ChoiceField(required=False, choices=[("", "All"), *Verdict.choices], label="Action taken")
    role = forms.ChoiceField(required=False, choices=[("", "All"), *Role.choices])
    model = forms.CharField(required=False, max_length=120, label="Model")
    outcome = forms.ChoiceField(required=False, choices=[("", "All"), *OUTCOMES])

    def filters(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}


class GapForm(forms.Form):
    state = forms.ChoiceField(choices=GapState.choices)
    reason = forms.CharField(max_length=500, required=False)
