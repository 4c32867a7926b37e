from django import forms

from cdss.learning.services import MAX_REASON

FEWEST_CHARACTERS = 10


class PromoteForm(forms.Form):
    reason = forms.CharField(
        label="Why these weights should answer",
        help_text="At least ten characters. It is kept with the version; write nothing of a patient.",
        min_length=FEWEST_CHARACTERS,
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "class": "input"}),
    )


class RollbackForm(forms.Form):
    # The version its reader saw answering: two who press at once roll back once.
    serving = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
