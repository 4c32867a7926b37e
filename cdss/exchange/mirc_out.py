"""A case as a MIRC document and its images."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from cdss.exchange.formats import overlay
from cdss.exchange.values import case_values, image_values
from cdss.library.importers import mirc_fields as fields
from cdss.library.importers.mirc_images import ANNOTATION, FRAME, ORIGINAL
from cdss.library.importers.xml_tree import clean_inside, element_of
from cdss.library.models import Case, CaseImage, State, Visibility
from cdss.numbers import whole_number

if TYPE_CHECKING:
    from cdss.exchange.models import Carried

register_namespace("cdss", fields.NAMESPACE)
DOCUMENT = "MIRCdocument.xml"
HEADER = b'<?xml version="1.0" encoding="UTF-8"?>\n'
# Names of the files of one image: its frames, in order.
Pictures = Sequence[tuple[CaseImage, Sequence[str]]]
TAGS = {field: tag for tag, field in fields.TEXTS.items()}


def mirc_files(
    case: Case, carried: "Carried | None", pictures: Pictures, beside: Mapping[str, Any]
) -> dict[str, bytes]:
    """The document and the drawings over its images; the images themselves are the caller's."""
    root = element_of(carried.tree) if carried else _new(case)
    overlay("mirc", root, case_values(case), fresh=fresh, extension=extension)
    drawings = _place_images(root, carried, pictures)
    _name_beside(root, pictures, beside)
    files = {DOCUMENT: HEADER + tostring(root, encoding="utf-8")}
    return files | {name: HEADER + tostring(element_of(tree), encoding="utf-8") for name, tree in drawings.items()}


def fresh(name: str, values: Mapping[str, Any]) -> list[Element]:
    value = values[name]
    if not value:
        return []
    if name == "age":
        return [_with(Element("patient"), "pt-age", value, *(("pt-sex", values["sex"]) if values["sex"] else ()))]
    if name in fields.SECTIONS:
        return _section(name, value)
    if name in fields.LONG:
        return [_block(Element(TAGS[name]), value)]
    if name in TAGS:
        return [_text(TAGS[name], value)]
    if name == "keywords":
        return [_text("keywords", ", ".join(value))]
    if name == "modalities":
        return [_text("modality", each) for each in value]
    if name == "difficulty":
        return [_text("level", value.capitalize())]
    if name == "authors":
        return [
            _with(Element("author"), *(part for item in each.items() if item[1] for part in item)) for each in value
        ]
    if name == "references":
        return [_with(Element("references"), *(part for each in value for part in ("reference", _reference(each))))]
    return []


def extension(name: str, value: str) -> Element:
    element = Element(fields.FIELD, {"name": name})
    element.text = value
    return element


def _new(case: Case) -> Element:
    root = Element("MIRCdocument", {"display": "mstf", "docref": case.source_id})
    shared = case.visibility == Visibility.PUBLIC and case.state == State.PUBLISHED
    _with(root, "access", "public" if shared else "restricted")
    return root


def _section(name: str, value: Any) -> list[Element]:
    headings, index = fields.SECTIONS[name]
    section = Element("section", {"heading": headings[0]})
    if isinstance(value, tuple):
        _with(SubElement(section, "ul"), *(part for each in value for part in ("li", each)))
        value = "; ".join(value)
    else:
        _block(section, value)
    # Short ones are looked for by their index fields as well.
    return [section, _text(index, value)] if index in ("diagnosis", "differential-diagnosis") else [section]


def _block(element: Element, text: str) -> Element:
    _with(element, *(part for line in text.split("\n") if line.strip() for part in ("p", line)))
    if fields.paragraphs(element) != text:
        for child in list(element):
            element.remove(child)
        SubElement(element, "p", {fields.SPACE_ATTRIBUTE: "preserve"}).text = clean_inside(text)
    return element


def _reference(said: Mapping[str, str]) -> str:
    parts = [said["text"]]
    parts += [f"doi:{said['doi']}"] if said["doi"] and said["doi"] not in said["text"] else []
    parts += [f"PMID: {said['pmid']}"] if said["pmid"] and said["pmid"] not in said["text"] else []
    parts += [said["url"]] if said["url"] and said["url"] not in said["text"] else []
    return " ".join(part for part in parts if part)


def _text(tag: str, text: str) -> Element:
    element = Element(tag)
    element.text = clean_inside(text)
    return element


def _with(element: Element, *parts: str) -> Element:
    for tag, text in zip(parts[::2], parts[1::2], strict=True):
        element.append(_text(tag, text))
    return element


def _place_images(root: Element, carried: "Carried | None", pictures: Pictures) -> dict[str, Any]:
    by_digest = {image.sha256: (image, names) for image, names in pictures}
    drawings: dict[str, Any] = {}
    placed: dict[str, None] = {}
    for parent in list(root.iter()):
        for element in list(parent):
            if element.tag == "image":
                _place(parent, element, carried, by_digest, placed)
                _place_drawings(element, carried, drawings)
    if list(placed) != [image.sha256 for image, _ in pictures][: len(placed)]:
        # The author has put them in another order since.
        for parent in list(root.iter()):
            for element in [each for each in parent if each.tag == "image" and "://" not in each.get("src", "")]:
                parent.remove(element)
        placed, drawings = {}, {}
    rest = [pair for pair in pictures if pair[0].sha256 not in placed]
    if rest:
        sections = [each for each in root if each.tag == "image-section"]
        section = sections[-1] if sections else SubElement(root, "image-section", {"heading": "Images"})
        for image, names in rest:
            _describe(SubElement(section, "image", {"src": names[0]}), image, names)
    return drawings


def _place(
    parent: Element,
    element: Element,
    carried: "Carried | None",
    by_digest: Mapping[str, tuple[CaseImage, Sequence[str]]],
    placed: dict[str, None],
) -> None:
    source = element.get("src", "")
    if not source.startswith("#"):
        return
    found = by_digest.get(digest_of(carried, source))
    if found is None:
        parent.remove(element)
        return
    element.set("src", found[1][0])
    placed[found[0].sha256] = None
    _describe(element, *found)
    for other in [each for each in element.iterfind("alternative-image") if each.get("src", "").startswith("#")]:
        annotated = by_digest.get(digest_of(carried, other.get("src", "")))
        if annotated is None:
            element.remove(other)
            continue
        other.set("src", annotated[1][0])
        if annotated[0].sha256 not in placed:
            placed[annotated[0].sha256] = None
            _extend(other, image_values(annotated[0]), _annotated(element))


def _annotated(element: Element) -> dict[str, Any]:
    about = fields.image_values(element)
    return {
        "modality": about["modality"],
        "caption": " ".join(part for part in (about["caption"], "(annotated)") if part),
    }


def _describe(element: Element, image: CaseImage, names: Sequence[str]) -> None:
    values = image_values(image)
    for old in element.findall(fields.IMAGE):
        element.remove(old)
    said = fields.image_values(element)
    for name, tag in (("modality", "modality"), ("caption", "image-caption")):
        if said[name] == values[name]:
            continue
        for old in [each for each in element if each.tag == tag or (tag == "image-caption" and each.tag == "format")]:
            element.remove(old)
        if values[name]:
            element.append(_block(Element(tag), values[name]) if name == "caption" else _text(tag, values[name]))
    for name in names[1:]:
        SubElement(element, "alternative-image", {"role": FRAME, "src": name})
    _extend(element, values, fields.image_values(element))


def _extend(element: Element, values: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if said.get(name, type(value)()) != value:
            SubElement(element, fields.IMAGE, {"name": name}).text = json.dumps(value)


def _name_beside(root: Element, pictures: Pictures, beside: Mapping[str, Any]) -> None:
    """As JSON for this program; for all others, a key image names the DICOM file that it was made from."""
    for name, said in beside.items():
        element = SubElement(root, fields.BESIDE, {"name": name})
        element.text = json.dumps(said)
    shown = {names[0]: each for each in root.iter("image") for _, names in pictures if each.get("src") == names[0]}
    for series in beside.get("series", ()):
        for key in series["keys"]:
            image = shown.get(pictures[key["image"] - 1][1][0])
            if image is not None:
                source = series["files"][key["frame"]]
                SubElement(image, "alternative-image", {"role": ORIGINAL, "src": source})


def _place_drawings(element: Element, carried: "Carried | None", drawings: dict[str, Any]) -> None:
    for other in element.iterfind("alternative-image"):
        source = other.get("src", "")
        if carried and other.get("role", "").lower() == ANNOTATION and source in carried.files:
            name = f"drawing-{len(drawings) + 1}.svg"
            drawings[name] = carried.files[source]
            other.set("src", name)


def digest_of(carried: "Carried | None", source: str) -> str:
    held = carried.images if carried else []
    number = whole_number(source[1:], most=len(held) - 1)
    return "" if number is None else held[number]
