"""XML that is not trusted: no entities, nothing fetched, text without its inner tags."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cdss.library.field_values import clean

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def inner_text(element: "Element | None") -> str:
    return " ".join(clean("".join(element.itertext())).split()) if element is not None else ""


def texts(elements: Iterable["Element"]) -> list[str]:
    return [text for element in elements if (text := inner_text(element))]


def find(element: "Element", *paths: str) -> str:
    """The first of the paths that has a text."""
    return next((text for path in paths if (text := inner_text(element.find(path)))), "")
