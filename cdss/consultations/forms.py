from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings

from cdss.consultations.models import Consultation, Status
from cdss.reasoning.types import CaseInput
from cdss.widgets import DayInput

CASE_FIELDS = ("age", "sex", "history", "exam", "findings")
SEXES = ("female", "male", "other")
Split = Callable[[str], CaseInput]


def _duration(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    widget = ManyFilesInput

    def __init__(self, **options: Any) -> None:
        # An empty file is refused by its name with the others that are no images.
        super().__init__(allow_empty_file=True, **options)

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(ManyFilesField, self).clean(file, initial) for file in data or []]


class CaseForm(forms.Form):
    """A case as it is typed. What a case may hold is the matter of the service."""

    age = forms.CharField(required=False, max_length=40, help_text="For example 58, or 3 months.")
    sex = forms.CharField(required=False, max_length=20, widget=forms.TextInput(attrs={"list": "sexes"}))
    history = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    exam = forms.CharField(required=False, label="Examination and laboratory", widget=forms.Textarea(attrs={"rows": 2}))
    findings = forms.CharField(
        required=False,
        label="Imaging findings",
        help_text="Modality, region, what is seen and what is not.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def case(self) -> CaseInput:
        return CaseInput.of({name: self.cleaned_data[name].strip() for name in CASE_FIELDS})

    @classmethod
    def of(cls, consultation: Consultation) -> "CaseForm":
        return cls(initial={name: getattr(consultation, name) for name in CASE_FIELDS}, auto_id="edit_%s")


class NewConsultationForm(CaseForm):
    paste = forms.CharField(
        required=False,
        label="Paste the whole case",
        help_text="It is split into the fields below, where it can be corrected.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    patient = forms.CharField(
        required=False,
        max_length=200,
        label="Patient number",
        help_text="Optional. Only a hash of it is kept, so that the data can be handed out or erased.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    images = ManyFilesField(required=False, label="Images", help_text="DICOM, PNG or JPEG.")
    use_llm = forms.BooleanField(required=False, initial=True, label="Also let the language model write")
    llm_timeout_seconds = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        label="Wait for the language model at most",
        initial=settings.LLM_TIMEOUT_SECONDS,
        choices=[
            (seconds, _duration(seconds)) for seconds in sorted({30, 60, 120, 300, 900, settings.LLM_TIMEOUT_SECONDS})
        ],
    )

    def seconds(self) -> int:
        return self.cleaned_data["llm_timeout_seconds"] or settings.LLM_TIMEOUT_SECONDS

    def whole_case(self, split: Split) -> CaseInput:
        """The fields, with what was pasted and not yet split added to them."""
        case = self.case()
        if not (pasted := self.cleaned_data["paste"].strip()):
            return case
        more = split(pasted)
        return CaseInput.of({name: _joined(name, getattr(case, name), getattr(more, name)) for name in CASE_FIELDS})

    def after_split(self, split: Split) -> "NewConsultationForm":
        case = self.whole_case(split)
        kept = {name: self.cleaned_data[name] for name in ("use_llm", "llm_timeout_seconds", "patient")}
        return type(self)(initial={**{name: getattr(case, name) for name in CASE_FIELDS}, **kept})


def _joined(name: str, typed: str, pasted: str) -> str:
    """Nothing that was typed is lost; a short field keeps what it has."""
    if name in ("age", "sex"):
        return typed or pasted
    return "\n".join(part for part in (typed, pasted) if part)


class HistoryForm(forms.Form):
    q = forms.CharField(required=False, label="Search", max_length=200)
    status = forms.ChoiceField(required=False, label="State", choices=[("", "Any state"), *Status.choices])
    since = forms.DateField(required=False, label="From", widget=DayInput)
    until = forms.DateField(required=False, label="To", widget=DayInput)
    images = forms.BooleanField(required=False, label="With images")
