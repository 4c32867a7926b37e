from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from cdss.accounts.models import User
from cdss.library.ages import age_said
from cdss.library.models import Case, CaseImage
from cdss.library.veils import open_to
from cdss.studies.models import Series
from cdss.studies.shown import Shown

MOST_OTHERS = 40
WAITING = "not published yet"


@dataclass(frozen=True, slots=True)
class StackRow:
    kind: str
    pk: int
    label: str
    frames: int
    note: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.pk}"

    @property
    def url(self) -> str:
        return reverse("studies:viewer", args=[self.kind, self.pk])


def stacks_of_case(case: Case, user: User) -> list[StackRow]:
    return [*series_of_case(case, user), *map(_image_row, case.images.all())]


def comparable(shown: Shown, user: User) -> list[tuple[str, list[StackRow]]]:
    """What may stand beside it: the rest of the case, then series of other cases of the same kind of picture."""
    own = [row for row in stacks_of_case(shown.case, user) if (row.kind, row.pk) != (shown.kind, shown.row.pk)]
    visible = Series.objects.viewable_by(user).exclude(case=shown.case)  # type: ignore[attr-defined]
    modality = getattr(shown.row, "modality", "")
    same = visible.filter(modality=modality) if modality else visible
    others = [
        _series_row(series, note=f"case {series.case.source_id}")
        for series in same.select_related("case").order_by("-case__updated", "position")[:MOST_OTHERS]
    ]
    return [(name, rows) for name, rows in (("This case", own), ("Other cases", others)) if rows]


def case_page(case: Case, user: User) -> str:
    """Where this user reads it; one that is only written together is in the list of those."""
    seen = open_to(user).filter(pk=case.pk).exists()
    return reverse("library:case", args=[case.pk]) if seen else reverse("authoring:list")


def identity_line(case: Case) -> str:
    """What says which case a picture is of, and names nobody."""
    said = age_said(case.age)
    return " · ".join(
        filter(None, (f"Case {case.source_id}", said, case.sex, "synthetic" if case.synthetic else "de-identified"))
    )


def series_of_case(case: Case, user: User) -> list[StackRow]:
    """Those that this user may open."""
    rows = Series.objects.viewable_by(user).filter(case=case).defer("frame_facts")  # type: ignore[attr-defined]
    return [_series_row(series, note=WAITING if series.waiting else "") for series in rows]


def _series_row(series: Series, *, note: str = "") -> StackRow:
    return StackRow("series", series.pk, str(series), series.frames, note)


def _image_row(image: CaseImage) -> StackRow:
    label = " ".join(filter(None, (image.modality, image.plane.lower(), image.region))) or "Image"
    return StackRow("images", image.pk, f"{label} {image.position + 1}", image.frames)
