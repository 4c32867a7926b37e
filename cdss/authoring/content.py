"""The fields of a case as its editor has them: how each is read, written in a form, hashed and named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cdss.library.authored import AUTHORED_CHOICES, AUTHORED_RECORDS, MAX_ENTRIES
from cdss.library.field_values import RowError, clean
from cdss.library.models import Case, CaseImage

Content = dict[str, Any]
MAX_FIELD = 100_000
MAX_LINE = 500
SEPARATOR = " | "


@dataclass(frozen=True, slots=True)
class Field:
    """`kind` is line, text, choice, lines (one entry a line) or records; `patient` is told of the patient."""

    name: str
    label: str
    kind: str = "text"
    help: str = ""
    limit: int = MAX_FIELD
    patient: bool = False

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [("", "Not said"), *AUTHORED_CHOICES[self.name].choices] if self.kind == "choice" else []


SECTIONS: tuple[tuple[str, tuple[Field, ...]], ...] = (
    (
        "The case",
        (
            Field("title", "Title", "line", "What the case shows. It names the diagnosis.", MAX_LINE),
            Field("alternative_title", "Title while unknown", "line", "Shown while the diagnosis is not to be known.",
                  MAX_LINE),
            Field("abstract", "Abstract"),
            Field("alternative_abstract", "Abstract while unknown"),
        ),
    ),
    (
        "The patient",
        (
            Field("age", "Age", "line", "58, 58 y, 6 months. From 90 on: 90 or older.", 40, patient=True),
            Field("sex", "Sex", "line", limit=20, patient=True),
            Field("history", "History", patient=True),
            Field("exam", "Examination", patient=True),
            Field("findings", "Findings", help="What the images show, without saying what it is.", patient=True),
        ),
    ),
    (
        "The diagnosis",
        (
            Field("diagnosis", "Diagnosis", "line", limit=MAX_LINE),
            Field("certainty", "Certainty", "choice"),
            Field("confirmed_by", "Confirmed by", "choice"),
            Field("diagnosis_by", "How it was made", patient=True),
            Field("differential", "Differential diagnosis", "lines", "One a line, the most likely first."),
            Field("discussion", "Discussion"),
            Field("treatment", "Treatment and course", patient=True),
        ),
    ),
    (
        "Teaching",
        (
            Field("learning_points", "Learning points", "lines", "One a line."),
            Field("difficulty", "Difficulty", "choice"),
            Field("references", "References", "records", "One a line. A DOI, PMID or address is recognised."),
        ),
    ),
    (
        "Finding it",
        (
            Field("codes", "Coded findings", "records", "Type a few letters and choose."),
            Field("keywords", "Keywords", "lines", "One a line."),
            Field("modalities", "Modalities", "lines", "One a line: CT, MR, XR, US, NM, PET."),
            Field("region", "Region", "line", limit=120),
            Field("organ_system", "Organ system", "line", limit=120),
            Field("pathology", "Pathology", "line", "The kind of disease: neoplasm, infection, trauma.", 200),
            Field("category", "Category", "line", limit=200),
        ),
    ),
    (
        "Rights",
        (
            Field("authors", "Authors", "records", "One a line: name | affiliation | contact."),
            Field("licence", "Licence", "line", "Of the text: CC BY 4.0, for example.", 200),
        ),
    ),
)  # fmt: skip
FIELDS = {field.name: field for _, fields in SECTIONS for field in fields}
# Of one image; "key" is a tick.
PICTURE_FIELDS = {
    "caption": Field("caption", "Caption", "text", limit=4000, patient=True),
    "modality": Field("modality", "Modality", "line", limit=60),
    "plane": Field("plane", "Plane", "line", limit=60),
    "region": Field("region", "Region", "line", limit=120),
    "sequence": Field("sequence", "Sequence", "line", limit=200),
    "location": Field("location", "Location", "line", limit=200),
    "licence": Field("licence", "Licence", "line", limit=200),
    "attribution": Field("attribution", "Attribution", "line", limit=300),
    "key": Field("key", "Key image", "tick"),
}
# Names, dates and addresses of authors and sources are meant to be there.
AS_SAID = frozenset({"authors", "references", "codes", "keywords", "modalities", "licence", "sex", "region",
                     "organ_system", "pathology", "category", "certainty", "confirmed_by", "difficulty"})  # fmt: skip
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|\bdoi:?\s*)(?P<doi>10\.\S+)", re.IGNORECASE)
# A number with a letter in it is a PMID written wrongly, and is said to be.
_PMID = re.compile(r"\bPMID:?\s*(?P<pmid>\d[^\s,;.)\]]*)", re.IGNORECASE)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
DOI = re.compile(r"10\.\d{4,9}/\S*[\w)>]")
PMID = re.compile(r"[1-9]\d{0,7}")


def empty_value(field: Field) -> Any:
    return [] if field.kind in ("lines", "records") else False if field.kind == "tick" else ""


def read_value(field: Field, value: Any) -> Any:
    """The value in the one form it is stored in. Raises RowError for what does not fit."""
    if field.kind == "tick":
        return value in (True, "on", "true", "1")
    if field.kind == "records":
        return _records(field, value)
    if field.kind == "lines":
        entries = value.split("\n") if isinstance(value, str) else value
        if not isinstance(entries, list) or not all(isinstance(each, str) for each in entries):
            raise RowError(f"{field.label}: expected a list of texts")
        return _few(field, [text for each in entries if (text := " ".join(clean(each).split()))])
    if not isinstance(value, str):
        raise RowError(f"{field.label}: expected a text")
    text = clean(value)
    if field.kind in ("line", "choice"):
        text = " ".join(text.split())
    if len(text) > field.limit:
        raise RowError(f"{field.label}: {len(text):,} characters, and at most {field.limit:,} are stored")
    if field.kind == "choice" and text and text not in AUTHORED_CHOICES[field.name].values:
        raise RowError(f"{field.label}: {text[:40]!r} is not one of the choices")
    return text


def form_value(field: Field, value: Any) -> str:
    """As it stands in a form."""
    if field.kind == "records":
        return "\n".join(_line_of(field.name, each) for each in value)
    return "\n".join(value) if field.kind == "lines" else str(value or "")


def _records(field: Field, value: Any) -> list[dict[str, str]]:
    names = AUTHORED_RECORDS[field.name]
    entries = value.split("\n") if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise RowError(f"{field.label}: expected a list")
    found = []
    for each in entries:
        if isinstance(each, dict):
            each = _line_of(field.name, {name: str(each.get(name) or "") for name in names})
        if not isinstance(each, str):
            raise RowError(f"{field.label}: expected texts or objects")
        record = _reference(each) if field.name == "references" else _parts(each, names)
        if any(record.values()):
            found.append(record)
    return _few(field, found)


def _few(field: Field, entries: list[Any]) -> list[Any]:
    if len(entries) > MAX_ENTRIES:
        raise RowError(f"{field.label}: {len(entries)} entries, and at most {MAX_ENTRIES} are stored")
    if any(len(json.dumps(each)) > 4000 for each in entries):
        raise RowError(f"{field.label}: an entry is longer than is stored")
    return entries


def _parts(line: str, names: Sequence[str]) -> dict[str, str]:
    parts = [" ".join(part.split()) for part in clean(line).split("|", len(names) - 1)]
    return dict(zip(names, [*parts, *[""] * (len(names) - len(parts))], strict=True))


def _reference(line: str) -> dict[str, str]:
    text, found = " ".join(clean(line).split()), {"doi": "", "pmid": "", "url": ""}
    for name, pattern in (("doi", _DOI), ("pmid", _PMID), ("url", _URL)):
        if match := pattern.search(text):
            found[name] = match[name if name != "url" else 0].rstrip(".,;")
            text = f"{text[: match.start()]} {text[match.end() :]}"
    return {"text": " ".join(text.split()).strip(" ;,"), **found}


def _line_of(name: str, record: Mapping[str, str]) -> str:
    if name != "references":
        return SEPARATOR.join(record[part] for part in AUTHORED_RECORDS[name]).rstrip(" |")
    said = [record["text"]]
    said += [f"doi:{record['doi']}"] if record["doi"] else []
    said += [f"PMID {record['pmid']}"] if record["pmid"] else []
    return " ".join(part for part in [*said, record["url"]] if part)


def reference_problems(references: Sequence[Mapping[str, str]]) -> list[str]:
    """Of the form alone: whether there is such an article is not looked up."""
    found = []
    for number, each in enumerate(references, 1):
        if each["doi"] and not DOI.fullmatch(each["doi"]):
            found.append(f"Reference {number}: “{each['doi'][:60]}” has not the form of a DOI (10.NNNN/…).")
        if each["pmid"] and not PMID.fullmatch(each["pmid"]):
            found.append(f"Reference {number}: “{each['pmid'][:20]}” has not the form of a PMID (1 to 8 digits).")
    return found


def digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()[:16]


def content_digest(content: Mapping[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def empty_content() -> Content:
    return {name: empty_value(field) for name, field in FIELDS.items()} | {"images": []}


def content_of(case: Case) -> Content:
    """What is published of a case, without its images."""
    held = {name: getattr(case, name) for name in FIELDS}
    return {name: read_value(field, _shortened(field, held[name])) for name, field in FIELDS.items()} | {"images": []}


def _shortened(field: Field, value: Any) -> Any:
    return value[: field.limit] if isinstance(value, str) else value


def picture_entry(picture: int, **about: Any) -> dict[str, Any]:
    return {"picture": picture} | {
        name: read_value(field, about.get(name) or empty_value(field)) for name, field in PICTURE_FIELDS.items()
    }


def about_image(image: CaseImage) -> dict[str, Any]:
    return {name: getattr(image, name) for name in PICTURE_FIELDS}


def field_named(name: str) -> Field | None:
    """A field of the case, or "image-12-caption" of one of its images."""
    if name in FIELDS:
        return FIELDS[name]
    parts = name.split("-")
    return PICTURE_FIELDS.get(parts[2]) if len(parts) == 3 and parts[0] == "image" and parts[1].isdigit() else None


def value_of(content: Mapping[str, Any], name: str) -> Any:
    """None for a field of an image that is not there any more."""
    if name in FIELDS:
        return content.get(name, empty_value(FIELDS[name]))
    _, number, part = name.split("-")
    return next((image[part] for image in content["images"] if image["picture"] == int(number)), None)


def with_value(content: Content, name: str, value: Any) -> Content:
    if name in FIELDS:
        return content | {name: value}
    _, number, part = name.split("-")
    images = [image | {part: value} if image["picture"] == int(number) else image for image in content["images"]]
    return content | {"images": images}


def names_of(content: Mapping[str, Any]) -> list[str]:
    """Every field that can be edited of this content."""
    return [*FIELDS, *(f"image-{each['picture']}-{part}" for each in content["images"] for part in PICTURE_FIELDS)]


def label_of(name: str) -> str:
    field = field_named(name)
    if field is None:
        return "Images" if name == "images" else name
    return field.label if name in FIELDS else f"Image: {field.label.lower()}"
