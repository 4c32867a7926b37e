"""The Additional Teaching File Information of a case as elements, before they become DICOM."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement

from cdss.exchange.formats import overlay
from cdss.exchange.values import case_values, image_values
from cdss.library.dicom_header import MODALITIES
from cdss.library.importers import tce_fields as fields
from cdss.library.importers.xml_tree import clean_inside, element_of
from cdss.library.models import Case, CaseImage

if TYPE_CHECKING:
    from cdss.exchange.models import Carried

CATEGORY_CODES = {meaning: code for code, meaning in fields.CATEGORIES.items()}
LEVEL_CODES = {value: code for code, value in fields.LEVELS.items()}
NAMES = ("name", "affiliation", "contact")


def information(
    case: Case,
    carried: "Carried | None",
    images: Sequence[tuple[CaseImage, Sequence[str]]],
    beside: Mapping[str, Any],
) -> Element:
    """`images` with the UIDs of their frames; `beside` is what other rooms say, with the names of their files."""
    root = element_of(carried.tree) if carried else Element("tce")
    overlay("tce", root, case_values(case), fresh=fresh, extension=extension)
    for image, uids in images:
        root.append(_image(image, uids))
    for name, said in beside.items():
        root.append(_text((fields.BESIDE, fields.OURS, name), json.dumps(said)))
    return root


def fresh(name: str, values: Mapping[str, Any]) -> list[Element]:
    value = values[name]
    if not value:
        return []
    if name == "category" and value in CATEGORY_CODES:
        return [_coded(fields.TEXTS[name], CATEGORY_CODES[value], fields.IHE, value)]
    if name in fields.TEXTS:
        return [_text(fields.TEXTS[name], value)]
    if name == "keywords":
        return [_text(fields.LISTS[name], "; ".join(value))]
    if name == "modalities":
        return [_modality(each) for each in value]
    if name == "differential":
        return [_text(fields.LISTS[name], each) for each in value]
    if name == "difficulty":
        return [_coded(fields.LEVEL, LEVEL_CODES[value], fields.IHE, value.capitalize())]
    if name == "authors":
        return [_text(fields.AUTHORS[part], each[part]) for each in value for part in NAMES if each[part]]
    return []


def extension(name: str, value: str) -> Element:
    return _text((fields.FIELD, fields.OURS, name), value)


def _modality(value: str) -> Element:
    concept = fields.LISTS["modalities"]
    return _coded(concept, value, fields.DCM, value) if value in MODALITIES else _text(concept, value)


def _image(image: CaseImage, uids: Sequence[str]) -> Element:
    container = Element("CONTAINER", _concept((fields.IMAGE, fields.OURS, "Image")))
    for uid in uids:
        SubElement(container, "IMAGE", {**_concept((fields.IMAGE, fields.OURS, "Image")), "instance": uid})
    for name, value in image_values(image).items():
        if value:
            container.append(extension(name, json.dumps(value)))
    return container


def _text(concept: tuple[str, str, str], text: str) -> Element:
    element = Element("TEXT", _concept(concept))
    element.text = clean_inside(text)
    return element


def _coded(concept: tuple[str, str, str], value: str, scheme: str, meaning: str) -> Element:
    said = {"value": value, "value-scheme": scheme, "value-meaning": meaning}
    return Element("CODE", _concept(concept) | said)


def _concept(concept: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("code", "scheme", "meaning"), concept, strict=True))
