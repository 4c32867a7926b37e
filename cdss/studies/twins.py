"""Cases that hold the same series as this one, or are of the same patient: said to who adds or reviews it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from cdss.library.models import Case
from cdss.library.veils import open_to
from cdss.library.writing import in_hand
from cdss.studies.models import Series, StudyUpload

SAME_SERIES, SAME_STUDY, SAME_PATIENT = "the same series", "another series of the same study", "the same patient"


@dataclass(frozen=True, slots=True)
class Twin:
    """`is_open` where the library shows the case to this reader."""

    case: Case
    why: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Twins:
    """`hidden` are others that this reader may not see."""

    shown: tuple[Twin, ...]
    hidden: int

    def __bool__(self) -> bool:
        return bool(self.shown or self.hidden)


def twins_of(upload: StudyUpload) -> Twins:
    why = same_series(upload.case)
    seen = Case.objects.filter(
        Q(pk__in=open_to(upload.owner).values("pk")) | Q(pk__in=in_hand(upload.owner).values("pk"))
    )
    # Who may not open the other case is not told whose it is.
    for pk in _of_one_patient(upload.case, seen):
        why.setdefault(pk, SAME_PATIENT)
    held = {case.pk: case for case in seen.filter(pk__in=why)}
    opened = set(open_to(upload.owner).filter(pk__in=why).values_list("pk", flat=True))
    shown = tuple(Twin(held[pk], said, pk in opened) for pk, said in why.items() if pk in held)
    return Twins(shown, len(why) - len(shown))


def same_series(case: Case) -> dict[int, str]:
    """Other cases, published or not, by what they share: the series by its identifier or its pixels, or the study."""
    ours = list(Series.objects.filter(case=case).values_list("series_uid", "study_uid", "pixel_digest"))
    others = Series.objects.exclude(case=case)
    beside = others.filter(study_uid__in=_said(row[1] for row in ours))
    alike = Q(series_uid__in=_said(row[0] for row in ours)) | Q(pixel_digest__in=_said(row[2] for row in ours))
    return dict.fromkeys(_cases(beside), SAME_STUDY) | dict.fromkeys(_cases(others.filter(alike)), SAME_SERIES)


def _of_one_patient(case: Case, seen: QuerySet[Case]) -> Iterable[int]:
    if not case.source_group:
        return ()
    rows = Case.objects.filter(source_group=case.source_group, pk__in=seen.values("pk")).exclude(pk=case.pk)
    return rows.order_by("pk").values_list("pk", flat=True)[:20]


def _cases(rows: QuerySet[Series]) -> Iterable[int]:
    return rows.order_by("case").values_list("case", flat=True).distinct()


def _said(values: Iterable[str]) -> set[str]:
    return {value for value in values if value}
