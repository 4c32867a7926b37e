"""What an educator says of a case beside its text: how sure it is, who wrote it, what it teaches."""

from collections.abc import Mapping
from typing import Any

from django.db import models

from cdss.library.field_values import RowError, clean, kind_of
from cdss.verdicts import Confirmation

MAX_ENTRIES = 200


class Difficulty(models.TextChoices):
    """The levels of IHE's teaching file export, TCE201 to TCE203."""

    PRIMARY = "primary", "Primary"
    INTERMEDIATE = "intermediate", "Intermediate"
    ADVANCED = "advanced", "Advanced"


class Certainty(models.TextChoices):
    CERTAIN = "certain", "Certain, with proof"
    PROBABLE = "probable", "Probable"
    POSSIBLE = "possible", "Possible"


class Authored(models.Model):
    abstract = models.TextField(blank=True)
    # Shown in place of title and abstract while the diagnosis is not to be known.
    alternative_title = models.CharField(max_length=500, blank=True)
    alternative_abstract = models.TextField(blank=True)
    # [{"name", "affiliation", "contact"}]
    authors = models.JSONField(default=list, blank=True)
    keywords = models.JSONField(default=list, blank=True)
    # [{"system": "ICD-10-CM", "code": "J18.9", "display": "Pneumonia"}]
    codes = models.JSONField(default=list, blank=True)
    modalities = models.JSONField(default=list, blank=True)
    region = models.CharField(max_length=120, blank=True)
    organ_system = models.CharField(max_length=120, blank=True)
    pathology = models.CharField(max_length=200, blank=True)
    difficulty = models.CharField(max_length=12, choices=Difficulty.choices, blank=True)
    certainty = models.CharField(max_length=12, choices=Certainty.choices, blank=True)
    confirmed_by = models.CharField(max_length=12, choices=Confirmation.choices, blank=True)
    learning_points = models.JSONField(default=list, blank=True)
    # [{"text", "doi", "pmid", "url"}]
    references = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True


AUTHORED_TEXTS = ("abstract", "alternative_title", "alternative_abstract", "region", "organ_system", "pathology")
AUTHORED_CHOICES: dict[str, type[models.TextChoices]] = {
    "difficulty": Difficulty,
    "certainty": Certainty,
    "confirmed_by": Confirmation,
}
AUTHORED_LISTS = ("keywords", "modalities", "learning_points")
AUTHORED_RECORDS = {
    "authors": ("name", "affiliation", "contact"),
    "codes": ("system", "code", "display"),
    "references": ("text", "doi", "pmid", "url"),
}


def choice_of(data: Mapping[str, Any], key: str) -> str:
    """One of the values of this choice, or nothing."""
    value = data.get(key) or ""
    allowed = AUTHORED_CHOICES[key].values
    if value and value not in allowed:
        raise RowError(f"{key}: expected one of {', '.join(allowed)}, found {str(value)[:40]!r}")
    return str(value)


def records_of(data: Mapping[str, Any], key: str) -> tuple[dict[str, str], ...]:
    """Objects with the texts this key has; a text alone is the first of them."""
    value, names = data.get(key), AUTHORED_RECORDS[key]
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise RowError(f"{key}: expected a list of up to {MAX_ENTRIES} objects, found {kind_of(value)}")
    found = tuple(_record(each, key, names) for each in value)
    return tuple(each for each in found if any(each.values()))


def _record(value: object, key: str, names: tuple[str, ...]) -> dict[str, str]:
    if isinstance(value, str):
        value = {names[0]: value}
    if not isinstance(value, dict) or not all(isinstance(value.get(name) or "", str) for name in names):
        raise RowError(f"{key}: expected objects with {', '.join(names)} as texts")
    return {name: clean(value.get(name) or "") for name in names}
