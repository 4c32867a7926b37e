from typing import Any

from django import forms

from cdss.accounts.models import User
from cdss.accounts.permissions import Action
from cdss.notices.services import people_who_may


class DrillForm(forms.Form):
    """`plant` is STATEMENT:CHANGE."""

    plant = forms.RegexField(r"^\d{1,18}:[a-z]{1,12}$", error_messages={"required": "Choose what is planted."})
    learners = forms.ModelMultipleChoiceField(
        User.objects.none(), widget=forms.CheckboxSelectMultiple, error_messages={"required": "Choose the learners."}
    )
    teaching_case = forms.BooleanField(
        label="This is a demonstration or teaching case, and its learners may read all of it.",
        error_messages={"required": "Say that this is a demonstration or teaching case."},
    )

    def __init__(self, *args: Any, educator: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        learners = people_who_may(Action.GIVE_FEEDBACK).exclude(pk=educator.pk).order_by("username")
        self.fields["learners"].queryset = learners  # type: ignore[attr-defined]

    def chosen(self) -> dict[str, Any]:
        statement, change = self.cleaned_data["plant"].split(":")
        return {
            "statement": int(statement),
            "change": change,
            "learners": list(self.cleaned_data["learners"]),
            "teaching_case": self.cleaned_data["teaching_case"],
        }
