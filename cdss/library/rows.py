"""One row of an import: what an importer hands over and a service stores. Untrusted until it has passed here."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.utils.crypto import salted_hmac

from cdss.library.ages import age_years
from cdss.library.authored import AUTHORED_CHOICES, AUTHORED_LISTS, AUTHORED_RECORDS, AUTHORED_TEXTS
from cdss.library.identifier_patterns import OLDEST_AGE
from cdss.library.models import TAKEN_BACK

MAX_TEXT = 2_000_000
MAX_ID = 200
IMAGE_RIGHTS = ("licence", "attribution", "key")


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
    licence: str = ""
    attribution: str = ""
    key: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """What other rooms keep (cdss.library.keepers): what the file says, unchecked, and the files that it names."""

    said: dict[str, Any]
    files: dict[str, Path]

    def digest(self) -> str:
        total = hashlib.sha256(json.dumps(self.said, sort_keys=True).encode())
        for name in sorted(self.files):
            with self.files[name].open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        return total.hexdigest()


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
    abstract: str = ""
    alternative_title: str = ""
    alternative_abstract: str = ""
    authors: tuple[dict[str, str], ...] = ()
    keywords: tuple[str, ...] = ()
    codes: tuple[dict[str, str], ...] = ()
    modalities: tuple[str, ...] = ()
    region: str = ""
    organ_system: str = ""
    pathology: str = ""
    difficulty: str = ""
    certainty: str = ""
    confirmed_by: str = ""
    learning_points: tuple[str, ...] = ()
    references: tuple[dict[str, str], ...] = ()
    licence: str = ""
    synthetic: bool = False
    # The patient as the source names them; only its salted hash is stored.
    patient: str = field(default="", repr=False)
    images: tuple[ImageRow, ...] = ()
    # Why a person has to look at it before it is published.
    hold: str = ""
    # What the format said beyond these fields: {"format", "tree", "files"}; images in it are `#n`, their places above.
    carried: dict[str, Any] = field(default_factory=dict, repr=False)
    beside: Beside | None = field(default=None, repr=False)


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
    if said.pop("beside", None) and isinstance(row, CaseRow) and row.beside is not None:
        said["beside"] = row.beside.digest()
    for image in said.get("images", ()):
        del image["files"]
        _drop_unsaid(image, IMAGE_RIGHTS)
    _drop_unsaid(said, ("carried", *AUTHORED_TEXTS, *AUTHORED_CHOICES, *AUTHORED_LISTS, *AUTHORED_RECORDS))
    return hashlib.sha256(json.dumps([said, images], sort_keys=True).encode()).hexdigest()


def _drop_unsaid(said: dict[str, Any], names: Iterable[str]) -> None:
    """What a source does not say is no part of its hash, so that one row keeps its hash when fields are added."""
    for name in names:
        if not said.get(name):
            said.pop(name, None)


def patient_group(source_name: str, patient: str) -> str:
    return salted_hmac("cdss.library.patient", f"{source_name}\0{patient}", algorithm="sha256").hexdigest()


def shown_age(age: str) -> str:
    """The age as it may be kept: over 89 years it is not told exactly."""
    years = age_years(age)
    return f"{OLDEST_AGE} or older" if years is not None and years >= OLDEST_AGE else age
