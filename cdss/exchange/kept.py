"""What is carried of a case, for people: each part with its name and its plain text."""

from dataclasses import dataclass

from cdss.exchange.formats import READERS, element_field
from cdss.exchange.models import Carried
from cdss.library.importers.xml_tree import element_of

IMAGES = "image-section"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    text: str


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
        name = element.get("heading") or element.get("meaning") or str(element.tag).rpartition("}")[2]
        lines = [line for each in element.iter() if (line := _own_text(each))]
        said = "\n".join(lines) or element.get("value-meaning", "")
        parts.append(Part(name, said))
    return [part for part in parts if part.text]


def _own_text(element: object) -> str:
    """The text that stands in this element itself, before and between what is in it."""
    text = [element.text, *(child.tail for child in element)]  # type: ignore[attr-defined]
    return " ".join(" ".join(part or "" for part in text).split())
