"""Which element of a MIRC document is which field of a case, and what it says."""

import re
from typing import TYPE_CHECKING, Any

from cdss.library.authored import Difficulty
from cdss.library.field_values import clean
from cdss.library.importers.extension import extended
from cdss.library.importers.xml import inner_text, texts

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# What MIRC has no place for stands in elements of this name; other readers pass them over.
NAMESPACE = "urn:cdss:teaching-file:1"
FIELD = f"{{{NAMESPACE}}}field"
IMAGE = f"{{{NAMESPACE}}}image"
# Whole series and segmentations, as JSON that names their files.
BESIDE = f"{{{NAMESPACE}}}beside"
SPACE_ATTRIBUTE = "{http://www.w3.org/XML/1998/namespace}space"
SPACE = re.compile(r"\s+")
# Headings of sections, the first of them as we write it, and the index field of the same meaning.
SECTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "history": (("History", "clinical history", "patient history"), "history"),
    "exam": (("Physical exam", "exam", "physical examination", "examination"), ""),
    "findings": (("Findings", "imaging findings"), "findings"),
    "diagnosis": (("Diagnosis", "final diagnosis"), "diagnosis"),
    "diagnosis_by": (("Confirmation",), "confirmation"),
    "differential": (("Differential Diagnosis", "differential-diagnosis", "differential"), "differential-diagnosis"),
    "discussion": (("Discussion", "commentary"), "discussion"),
    "treatment": (("Treatment", "management"), ""),
    "learning_points": (("Learning points", "teaching points", "key points"), ""),
}
TEXTS = {
    "title": "title",
    "alternative-title": "alternative_title",
    "abstract": "abstract",
    "alternative-abstract": "alternative_abstract",
    "category": "category",
    "rights": "licence",
    "anatomy": "region",
    "pathology": "pathology",
    "organ-system": "organ_system",
}
LISTS = {"keywords": "keywords", "modality": "modalities"}
LONG = ("abstract", "alternative_abstract")
HEADINGS = {heading.lower(): field for field, (headings, _) in SECTIONS.items() for heading in headings}
INDEX = {index: field for field, (_, index) in SECTIONS.items() if index}
# Of each element beside the sections, the field it is read into.
OF_TAG = (
    TEXTS | LISTS | INDEX | {"author": "authors", "level": "difficulty", "references": "references", "patient": "age"}
)
DOI = re.compile(r"\b(10\.\d{4,9}/[^\s\"<>]+)")
PMID = re.compile(r"\bPMID:?\s*(\d{1,9})\b", re.IGNORECASE)
URL = re.compile(r"https?://[^\s<>\"]+")
BULLETS = " -•\t"


def field_of(element: "Element", *, top: bool) -> str:
    """The field this element feeds, or nothing when there is none of ours."""
    if element.tag == "section":
        return HEADINGS.get(element.get("heading", "").strip().lower(), "")
    return OF_TAG.get(str(element.tag), "") if top else ""


def values_of(root: "Element") -> dict[str, Any]:
    values: dict[str, Any] = {"source_name": "", "source_id": ""}
    values |= {field: _text(root, field) for field in SECTIONS}
    values["differential"] = _entries(values["differential"])
    values["learning_points"] = tuple(
        line for each in values["learning_points"].split("\n") if (line := each.strip(BULLETS))
    )
    values |= {field: (paragraphs if field in LONG else _plain)(root.find(tag)) for tag, field in TEXTS.items()}
    values |= {field: _listed(root, tag) for tag, field in LISTS.items()}
    values |= {
        "age": inner_text(next(root.iter("pt-age"), None)),
        "sex": inner_text(next(root.iter("pt-sex"), None)),
        "authors": tuple(author for each in root.iterfind("author") if any((author := _author(each)).values())),
        "difficulty": _level(root),
        "references": tuple(_reference(each) for each in root.iterfind("references/reference") if inner_text(each)),
    }
    return extended(values, [(each.get("name", ""), each.text or "") for each in root.iterfind(FIELD)])


def is_extension(element: "Element") -> bool:
    return element.tag in (FIELD, IMAGE, BESIDE)


def image_values(image: "Element") -> dict[str, Any]:
    values: dict[str, Any] = {
        "modality": inner_text(image.find("modality")),
        "caption": paragraphs(image.find("image-caption")) or paragraphs(image.find("format/caption")),
    }
    return values | image_extension(image)


def image_extension(image: "Element") -> dict[str, Any]:
    return extended({}, [(each.get("name", ""), each.text or "") for each in image.iterfind(IMAGE)], of_image=True)


def paragraphs(element: "Element | None") -> str:
    """Text with a line for each paragraph, list entry and break."""
    if element is None:
        return ""
    parts: list[str] = []

    def walk(node: "Element", exact: bool) -> None:
        exact = exact or node.get(SPACE_ATTRIBUTE) == "preserve"
        if node.tag in ("p", "li", "br", "ul", "ol", "tr"):
            parts.append("\n")
        parts.append(node.text or "" if exact else SPACE.sub(" ", node.text or ""))
        for child in node:
            if child.tag not in ("image", "quiz", "href", "section", "image-section"):
                walk(child, exact)
            parts.append(child.tail or "" if exact else SPACE.sub(" ", child.tail or ""))
        if node.tag in ("p", "li"):
            parts.append("\n")

    if len(element) == 1 and element[0].get(SPACE_ATTRIBUTE) == "preserve" and not (element.text or "").strip():
        return clean("".join(element[0].itertext()))
    walk(element, False)
    lines = (" ".join(line.split()) for line in clean("".join(parts)).split("\n"))
    return "\n".join(line for line in lines if line)


def _text(root: "Element", field: str) -> str:
    """All sections of these headings, else the index fields of that name."""
    sections = [
        section for section in root.iter("section") if HEADINGS.get(section.get("heading", "").strip().lower()) == field
    ]
    index = SECTIONS[field][1]
    for found in (sections, root.iterfind(index) if index else ()):
        said = dict.fromkeys(text for each in found if (text := paragraphs(each)))
        if said:
            return "\n".join(said)
    return ""


def _plain(element: "Element | None") -> str:
    return inner_text(element)


def _entries(text: str) -> tuple[str, ...]:
    names = (line.strip(BULLETS) for line in text.replace(";", "\n").splitlines())
    return tuple(each for each in names if each)


def _listed(root: "Element", tag: str) -> tuple[str, ...]:
    """Several elements, or one that lists them with commas or semicolons."""
    found = [paragraphs(each) for each in root.iterfind(tag)]
    parts = (part.strip() for text in found for part in re.split(r"[\n;]" if ";" in text else r"[\n,]", text))
    return tuple(dict.fromkeys(part for part in parts if part))


def _author(element: "Element") -> dict[str, str]:
    if not len(element):
        return {"name": inner_text(element), "affiliation": "", "contact": ""}
    return {name: "; ".join(texts(element.iterfind(name))) for name in ("name", "affiliation", "contact")}


def _level(root: "Element") -> str:
    said = inner_text(root.find("level")).lower()
    return said if said in Difficulty.values else ""


def _reference(element: "Element") -> dict[str, str]:
    text = inner_text(element)
    found = {"doi": DOI.search(text), "pmid": PMID.search(text), "url": URL.search(text)}
    said = {name: match.group(match.lastindex or 0).rstrip(".,;)]") for name, match in found.items() if match}
    return {"text": text, "doi": "", "pmid": "", "url": "", **said}
