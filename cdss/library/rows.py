"""One row of an import: what an importer hands over and a service stores. Untrusted until it has passed here."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.utils.crypto import salted_hmac

from cdss.library.identifier_patterns import OLDEST_AGE
from cdss.library.models import TAKEN_BACK

MAX_TEXT = 2_000_000
MAX_ID = 200
UNIT_YEARS = {"d": 1 / 365.25, "w": 7 / 365.25, "m": 1 / 12, "y": 1.0}
AGE = re.compile(
    r"^\s*(?:aged?\s*)?(\d{1,3}(?:\.\d+)?)\s*[-–]?\s*(d|days?|w|wks?|weeks?|m|mos?|mths?|months?|y|yrs?|years?|y/?o|)\b",
    re.IGNORECASE,
)


class RowError(ValueError):
    """A row that cannot be stored. The message names the field and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ImageRow:
    """`files` are one image, or the slices of one stack in order; `problem` says why there are none."""

    files: tuple[Path, ...]
    modality: str = ""
    sequence: str = ""
    plane: str = ""
    region: str = ""
    location: str = ""
    caption: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CaseRow:
    source_name: str
    source_id: str
    title: str = ""
    age: str = ""
    sex: str = ""
    history: str = ""
    exam: str = ""
    findings: str = ""
    diagnosis: str = ""
    diagnosis_by: str = ""
    differential: tuple[str, ...] = ()
    discussion: str = ""
    treatment: str = ""
    topic: str = ""
    topic_title: str = ""
    category: str = ""
    licence: str = ""
    synthetic: bool = False
    # The patient as the source names them; only its salted hash is stored.
    patient: str = field(default="", repr=False)
    images: tuple[ImageRow, ...] = ()
    # Why a person has to look at it before it is published.
    hold: str = ""


@dataclass(frozen=True, slots=True)
class DocumentRow:
    source_name: str
    source_id: str
    kind: str
    title: str
    text: str
    authors: str = ""
    journal: str = ""
    publisher: str = ""
    published: str = ""
    url: str = ""
    doi: str = ""
    pmid: str = ""
    reference: str = ""
    copyright: str = ""
    keywords: str = ""
    status: str = ""
    category: str = ""
    licence: str = ""
    synthetic: bool = False
    pages: tuple[tuple[int, int, int], ...] = ()
    # ("retracted" | "superseded" | "corrected", what says so), when its source says that it is not to be cited.
    recall: tuple[str, str] = ("", "")

    @property
    def hold(self) -> str:
        return self.status if self.status in TAKEN_BACK else ""


@dataclass(frozen=True, slots=True)
class GamutRow:
    """`groups` are the places of what it was made of in its source, counted from 1."""

    source_name: str
    source_id: str
    release: str
    finding: str
    diagnoses: tuple[str, ...]
    modality: str = ""
    region: str = ""
    groups: tuple[int, ...] = ()
    licence: str = ""


ItemRow = CaseRow | DocumentRow
Row = ItemRow | GamutRow


def row_hash(row: Row, images: tuple[str, ...] = ()) -> str:
    """SHA-256 over what the source says, with the digests of its image files in place of their paths."""
    said = asdict(row)
    # No part of the text: what is said of it since is taken by itself, and an unchanged row stays one.
    said.pop("recall", None)
    for image in said.get("images", ()):
        del image["files"]
    return hashlib.sha256(json.dumps([said, images], sort_keys=True).encode()).hexdigest()


def patient_group(source_name: str, patient: str) -> str:
    return salted_hmac("cdss.library.patient", f"{source_name}\0{patient}", algorithm="sha256").hexdigest()


def clean(text: str) -> str:
    """What every database can store: no NUL, no lone surrogate, one kind of line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text.encode("utf-8", "replace").decode().strip()


def text_of(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = "; ".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError(f"{key}: expected a text, found {_kind(value)}")
    return clean(str(value))


def texts_of(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        value = re.split(r"[\n;]", value)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise RowError(f"{key}: expected a list of texts, found {_kind(value)}")
    return tuple(text for each in value if (text := clean(each)))


def flag_of(data: Mapping[str, Any], key: str) -> bool:
    value = data.get(key)
    if value is not None and not isinstance(value, bool):
        raise RowError(f"{key}: expected true or false, found {_kind(value)}")
    return bool(value)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "a number")


def shown_age(age: str) -> str:
    """The age as it may be kept: over 89 years it is not told exactly."""
    years = age_years(age)
    return f"{OLDEST_AGE} or older" if years is not None and years >= OLDEST_AGE else age


def age_years(age: str) -> float | None:
    """Years of "58", "58 y", "6 months", "3-week-old", "090Y", "90 or older"; None when it is not an age."""
    found = AGE.match(age)
    if not found:
        return None
    years = float(found[1]) * UNIT_YEARS[(found[2] or "y")[0].lower()]
    return round(min(years, float(OLDEST_AGE)), 3) if years <= 130 else None
