"""What people were told or kept for themselves that leads to a patient's data, or names the patient's number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.db import models
from django.urls import reverse

from cdss.authoring.models import Manuscript
from cdss.library.models import SavedSearch
from cdss.notices.models import Notice

# A shorter one is a measure or an age as often as a patient.
SHORTEST_NUMBER = 4
BATCH = 500


def notices_about(*, patient: str, consultations: Iterable[int], cases: Iterable[int]) -> tuple[int, ...]:
    """Those that lead to one of these, to what is below it, or that name the number."""
    held = list(cases)
    written = Manuscript.objects.filter(case__in=held).values_list("pk", flat=True)
    leading = (
        *(reverse("consultations:detail", args=[pk]) for pk in consultations),
        *(reverse("library:item", args=[pk]) for pk in held),
        *(reverse("authoring:edit", args=[pk]) for pk in written),
    )
    names = _pattern(patient)
    rows = Notice.objects.order_by("pk").only("path", "text").iterator(BATCH)
    return tuple(
        row.pk for row in rows if urlsplit(row.path).path.startswith(leading) or (names and names.search(row.text))
    )


def searches_naming(*, patient: str) -> tuple[int, ...]:
    names = _pattern(patient)
    if names is None:
        return ()
    rows = SavedSearch.objects.order_by("pk").iterator(BATCH)
    return tuple(row.pk for row in rows if names.search(" ".join((row.name, *map(str, row.filters.values())))))


def told(rows: models.QuerySet[Any]) -> list[dict[str, Any]]:
    """For the export: without whose they are."""
    wanted = ("text", "name", "filters", "created")
    return [{name: getattr(row, name) for name in wanted if hasattr(row, name)} for row in rows]


def _pattern(patient: str) -> re.Pattern[str] | None:
    number = patient.strip()
    if len(number) < SHORTEST_NUMBER or not any(character.isdigit() for character in number):
        return None
    return re.compile(rf"(?<!\w){re.escape(number)}(?!\w)", re.IGNORECASE)
