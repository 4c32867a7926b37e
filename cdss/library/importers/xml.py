"""XML that is not trusted: no entities, nothing fetched, text without its inner tags."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdss.library.field_values import RowError, clean
from cdss.library.importers.xml_tree import MAX_DEPTH, MAX_NODES
from cdss.reading import door
from retrieval.errors import UnreadableError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def read_xml(path: Path, *, most_bytes: int) -> "Element":
    """The root of a document that a child has parsed. Raises RowError, which names the file."""
    bounds = {"most_bytes": most_bytes, "nodes": MAX_NODES, "depth": MAX_DEPTH}
    try:
        return element_from(door.read(f"{door.DOCUMENTS}:xml", path, **bounds).facts["root"])
    except UnreadableError as error:
        raise RowError(f"{path.name}: {error}") from error


def element_from(plain: list[Any]) -> "Element":
    """[name, attributes, text, tail, children], as the child hands it over."""
    from xml.etree.ElementTree import Element

    name, attributes, text, tail, children = plain
    element = Element(name, attributes)
    element.text, element.tail = text, tail
    element.extend(element_from(child) for child in children)
    return element


def inner_text(element: "Element | None") -> str:
    return " ".join(clean("".join(element.itertext())).split()) if element is not None else ""


def texts(elements: Iterable["Element"]) -> list[str]:
    return [text for element in elements if (text := inner_text(element))]


def find(element: "Element", *paths: str) -> str:
    """The first of the paths that has a text."""
    return next((text for path in paths if (text := inner_text(element.find(path)))), "")
