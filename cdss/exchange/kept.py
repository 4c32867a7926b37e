"""What is carried of a case, for people: each part with its name and its plain lines."""

from dataclasses import dataclass

from cdss.exchange.formats import READERS, element_field
from cdss.exchange.models import Carried
from cdss.library.importers.xml_tree import element_of

IMAGES = "image-section"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    lines: list[str]


def kept_parts(carried: Carried) -> list[Part]:
    """The parts that no field of the case tells, in the order of the file."""
    root = element_of(carried.tree)
    beside = [
        element
        for element in root
        if not element_field(carried.format, element, top=True)
        and not READERS[carried.format].is_extension(element)
        and element.tag != IMAGES
    ]
    parts = []
    for element in beside:
        tag = str(element.tag).rpartition("}")[2].replace("-", " ").capitalize()
        lines = [line for each in element.iter() if (line := _own_text(each))]
        coded = element.get("value-meaning", "")
        parts.append(Part(element.get("heading") or element.get("meaning") or tag, lines or [coded] * bool(coded)))
    return [part for part in parts if part.lines]


def _own_text(element: object) -> str:
    """The text that stands in this element itself, before and between what is in it."""
    text = [element.text, *(child.tail for child in element)]  # type: ignore[attr-defined]
    return " ".join(" ".join(part or "" for part in text).split())
