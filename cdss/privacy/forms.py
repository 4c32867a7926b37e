import re
from typing import Any

from django import forms

from cdss.privacy.erasure import REASONS

NUMBERS = re.compile(r"\d{1,9}")


def _numbers(text: str) -> list[int]:
    return [int(number) for number in NUMBERS.findall(text)]


class SubjectForm(forms.Form):
    patient = forms.CharField(
        required=False,
        max_length=200,
        label="Patient number",
        help_text="As the DICOM header, the import or the clinician gave it. It is not stored.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    consultations = forms.CharField(
        required=False, max_length=400, label="Consultations", help_text="For example C-12, C-14."
    )
    cases = forms.CharField(required=False, max_length=400, label="Cases of the library", help_text="Their numbers.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not any(str(cleaned.get(name, "")).strip() for name in ("patient", "consultations", "cases")):
            raise forms.ValidationError("Give a patient number, or numbers of consultations or cases.")
        return cleaned

    def asked(self) -> dict[str, Any]:
        return {
            "patient": self.cleaned_data["patient"],
            "consultations": _numbers(self.cleaned_data["consultations"]),
            "cases": _numbers(self.cleaned_data["cases"]),
        }


class EraseForm(SubjectForm):
    reason = forms.ChoiceField(choices=list(REASONS.items()))
    confirm = forms.CharField(
        label="Type ERASE to confirm", max_length=10, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def clean_confirm(self) -> str:
        if self.cleaned_data["confirm"] != "ERASE":
            raise forms.ValidationError("Type ERASE in capitals. What is erased cannot be brought back.")
        return "ERASE"
