"""IHE teaching file export: which coded item is which field of a case. Items stand here as XML elements,
`<TEXT code scheme meaning>text</TEXT>`, so that they are compared, kept and stored as a MIRC document is."""

import re
from typing import TYPE_CHECKING, Any

from cdss.library.authored import Difficulty
from cdss.library.field_values import clean
from cdss.library.importers.extension import extended
from cdss.library.importers.mirc_fields import BULLETS

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

IHE = "IHERADTF"
DCM = "DCM"
OURS = "99CDSS"
EXPORT = ("TCE001", IHE, "For Teaching File Export")
INFORMATION = ("TCE006", IHE, "Additional Teaching File Information")
FIELD = "FIELD"
IMAGE = "IMAGE"
# Whole series and segmentations, as JSON that names their objects.
BESIDE = "BESIDE"
AUTHOR, AFFILIATION, CONTACT = "TCE101", "TCE102", "TCE103"
# Code, scheme and meaning of what a case says in words.
TEXTS: dict[str, tuple[str, str, str]] = {
    "abstract": ("TCE104", IHE, "Abstract"),
    "history": ("121060", DCM, "History"),
    "findings": ("121071", DCM, "Finding"),
    "discussion": ("TCE106", IHE, "Discussion"),
    "diagnosis": ("TCE107", IHE, "Diagnosis"),
    "region": ("112005", DCM, "Radiographic anatomy"),
    "pathology": ("111042", DCM, "Pathology"),
    "organ_system": ("TCE108", IHE, "Organ system"),
    "category": ("TCE109", IHE, "Category"),
}
LISTS = {
    "keywords": ("TCE105", IHE, "Keywords"),
    "differential": ("111023", DCM, "Differential Diagnosis/Impression"),
    "modalities": ("121139", DCM, "Modality"),
}
LEVEL = ("TCE110", IHE, "Level")
AUTHORS = {
    "name": (AUTHOR, IHE, "Author"),
    "affiliation": (AFFILIATION, IHE, "Affiliation"),
    "contact": (CONTACT, IHE, "Contact"),
}
LEVELS = dict(zip(("TCE201", "TCE202", "TCE203"), Difficulty.values, strict=True))
CATEGORIES = {
    "TCE301": "Musculoskeletal", "TCE302": "Pulmonary", "TCE303": "Cardiovascular", "TCE304": "Gastrointestinal",
    "TCE305": "Genitourinary", "TCE306": "Neuro", "TCE307": "Vascular and Interventional", "TCE308": "Nuclear",
    "TCE309": "Ultrasound", "TCE310": "Pediatric", "TCE311": "Breast",
}  # fmt: skip
SHORT = frozenset({"diagnosis", "region", "pathology", "organ_system", "category"})
OF_CODE = {
    **{code: field for field, (code, _, _) in (TEXTS | LISTS).items()},
    LEVEL[0]: "difficulty",
    **dict.fromkeys((AUTHOR, AFFILIATION, CONTACT), "authors"),
}


def field_of(element: "Element", *, top: bool) -> str:
    return OF_CODE.get(element.get("code", ""), "") if top else ""


def values_of(root: "Element") -> dict[str, Any]:
    values: dict[str, Any] = {"source_name": "", "source_id": ""}
    for field, (code, _, _) in TEXTS.items():
        said = dict.fromkeys(text for each in _of(root, code) if (text := said_by(each)))
        values[field] = ("; " if field in SHORT else "\n").join(said)
    values |= {field: _listed(root, code) for field, (code, _, _) in LISTS.items()}
    level = next((LEVELS.get(each.get("value", ""), said_by(each).lower()) for each in _of(root, LEVEL[0])), "")
    values |= {"difficulty": level if level in Difficulty.values else "", "authors": _authors(root)}
    return extended(values, _extension(root))


def image_values(container: "Element") -> dict[str, Any]:
    return extended({}, _extension(container), of_image=True)


def is_extension(element: "Element") -> bool:
    return element.get("code") in (FIELD, BESIDE) and element.get("scheme") == OURS


def is_image(element: "Element") -> bool:
    return element.tag == "CONTAINER" and (element.get("code"), element.get("scheme")) == (IMAGE, OURS)


def said_by(item: "Element") -> str:
    """The text of an item, or what its code stands for."""
    if item.tag != "CODE":
        return clean(item.text or "")
    code, scheme = item.get("value", ""), item.get("value-scheme", "")
    if scheme == IHE and code in CATEGORIES:
        return CATEGORIES[code]
    return code if item.get("code") == "121139" and scheme == DCM else clean(item.get("value-meaning", "") or code)


def _of(root: "Element", code: str) -> "list[Element]":
    return [each for each in root if each.get("code") == code]


def _extension(root: "Element") -> list[tuple[str, str]]:
    found = [each for each in root if is_extension(each) and each.get("code") == FIELD]
    return [(each.get("meaning", ""), each.text or "") for each in found]


def _listed(root: "Element", code: str) -> tuple[str, ...]:
    texts = [said_by(each) for each in _of(root, code)]
    commas = code == LISTS["keywords"][0]
    parts = (
        part.strip(BULLETS)
        for text in texts
        for part in re.split(r"[\n,]" if commas and ";" not in text else r"[\n;]", text)
    )
    return tuple(dict.fromkeys(part for part in parts if part))


def _authors(root: "Element") -> tuple[dict[str, str], ...]:
    """An affiliation and a contact are of the author before them."""
    found: list[dict[str, str]] = []
    of_code = {AUTHOR: "name", AFFILIATION: "affiliation", CONTACT: "contact"}
    for item in root:
        part, text = of_code.get(item.get("code", "")), said_by(item)
        if part is None or not text:
            continue
        if part == "name" or not found:
            found.append({"name": "", "affiliation": "", "contact": ""})
        held = found[-1][part]
        found[-1][part] = f"{held}; {text}" if held else text
    return tuple(found)
