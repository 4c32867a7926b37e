"""The findings of a case as rows that can be flipped, removed and added to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from django import forms

from cdss.consultations.previews import LABELS
from cdss.numbers import whole_number
from cdss.reasoning.types import CaseInput, Correction
from cdss.reasoning.understanding import PARTS, added, read_case, read_with_corrections
from retrieval.terms import Finding, Presence, Side

ASSERTIONS = [("present", "Present"), ("denied", "Denied"), ("uncertain", "Uncertain"), ("historical", "Past")]
SIDES = [("", "no side"), ("left", "left"), ("right", "right"), ("bilateral", "bilateral"), ("midline", "midline")]
BLANK_ROWS = 2
MOST_ADDED = 40
COUNT = "added"
MORE = "more"


class FindingForm(forms.Form):
    assertion = forms.ChoiceField(choices=ASSERTIONS, initial="present", widget=forms.RadioSelect)
    laterality = forms.ChoiceField(choices=SIDES, required=False, label="Side")
    measure = forms.CharField(
        required=False, max_length=80, label="Size", widget=forms.TextInput(attrs={"placeholder": "size"})
    )
    removed = forms.BooleanField(required=False, label="Leave out")

    def stated(self) -> tuple[Presence, Side | None, str]:
        data = self.cleaned_data
        return data["assertion"], cast("Side | None", data["laterality"] or None), data["measure"].strip()


class AddedForm(FindingForm):
    text = forms.CharField(required=False, max_length=300, label="Finding")
    part = forms.ChoiceField(choices=list(LABELS.items()), initial="findings", label="Of")


@dataclass(frozen=True, slots=True)
class Row:
    finding: Finding
    form: FindingForm

    def correction(self) -> Correction | None:
        one, stated = self.finding, self.form.stated()
        if self.form.cleaned_data["removed"]:
            return Correction(one.part, one.text, one.start, "removed", one.laterality, ", ".join(one.measures))
        unchanged = stated == (one.assertion, one.laterality, ", ".join(one.measures))
        return None if unchanged else Correction(one.part, one.text, one.start, *stated)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the case's text; `assertion` is empty for what is no finding."""

    text: str
    assertion: str = ""


class Review:
    """The rows of a case, bound to what was sent when something was."""

    def __init__(self, case: CaseInput, data: Mapping[str, Any] | None = None) -> None:
        self.case = case
        self.data = data
        self.pairs = read_with_corrections(case)

    @cached_property
    def not_understood(self) -> list[str]:
        return list(dict.fromkeys(one.text for one in read_case(self.case).unknown))

    @cached_property
    def rows(self) -> list[Row]:
        return [Row(one, self._form(one, correction)) for one, correction in self.pairs]

    def _form(self, one: Finding, correction: Correction | None) -> FindingForm:
        initial = _initial(correction or Correction(one.part, one.text, one.start, one.assertion, one.laterality))
        if correction is None:
            initial["measure"] = ", ".join(one.measures)
        return FindingForm(self.data, prefix=f"{one.part}-{one.start}", initial=initial)

    @cached_property
    def added(self) -> list[AddedForm]:
        given = [each for each in self.case.corrections if each.start < 0]
        forms_of = [AddedForm(self.data, prefix=f"new-{n}", initial=_initial(each)) for n, each in enumerate(given)]
        blank = range(len(forms_of), max(self.count, len(forms_of)))
        return [*forms_of, *(AddedForm(self._data_of(f"new-{n}"), prefix=f"new-{n}") for n in blank)]

    def _data_of(self, prefix: str) -> Mapping[str, Any] | None:
        """None for a row that was not on the page yet."""
        return self.data if self.data is not None and f"{prefix}-assertion" in self.data else None

    @cached_property
    def count(self) -> int:
        given = sum(each.start < 0 for each in self.case.corrections)
        if self.data is None:
            return given + BLANK_ROWS
        sent = whole_number(str(self.data.get(COUNT, "")))
        asked = (given if sent is None else sent) + (BLANK_ROWS if MORE in self.data else 0)
        return min(asked, MOST_ADDED)

    @property
    def parts(self) -> Iterator[tuple[str, list[Piece], list[Row]]]:
        for part in PARTS:
            text, rows = getattr(self.case, part), [row for row in self.rows if row.finding.part == part]
            if text:
                yield LABELS[part], list(_pieces(text, rows)), rows

    def is_valid(self) -> bool:
        return all(
            [row.form.is_valid() for row in self.rows] + [form.is_valid() for form in self.added if form.is_bound]
        )

    def corrections(self) -> list[Correction]:
        read = [correction for row in self.rows if (correction := row.correction())]
        return read + [stated for form in self.added if form.is_bound and (stated := _stated(form))]


def _stated(form: AddedForm) -> Correction | None:
    part, text = form.cleaned_data["part"], " ".join(form.cleaned_data["text"].split())
    if not text or form.cleaned_data["removed"]:
        return None
    assertion, side, measure = form.stated()
    own = added(part, text)
    return Correction(part, text, -1, assertion, side or own.laterality, measure or ", ".join(own.measures))


def _initial(correction: Correction) -> dict[str, Any]:
    removed = correction.assertion == "removed"
    return {
        "assertion": "present" if removed else correction.assertion,
        "removed": removed,
        "laterality": correction.laterality or "",
        "measure": correction.measure,
        "text": correction.text,
        "part": correction.part,
    }


def _pieces(text: str, rows: list[Row]) -> Iterator[Piece]:
    at = 0
    for one in sorted((row.finding for row in rows), key=lambda one: one.start):
        yield Piece(text[at : one.start])
        yield Piece(text[max(at, one.start) : one.end], one.assertion)
        at = one.end
    yield Piece(text[at:])
