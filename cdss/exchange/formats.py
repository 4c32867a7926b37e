"""What the formats of others have in common here: elements that are read into fields, and fields written as elements.

A case goes out as its file came in, but for what was changed since. What a format has no place for, or would not give
back as it is, is written beside it as JSON in an element of our own.
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cdss.exchange.values import FIELDS
from cdss.library.importers import mirc_fields, tce_fields

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

READERS: dict[str, Any] = {"mirc": mirc_fields, "tce": tce_fields}
Fresh = Callable[[str, Mapping[str, Any]], "list[Element]"]
Extension = Callable[[str, str], "Element"]


def element_field(form: str, element: "Element", *, top: bool) -> str:
    found: str = READERS[form].field_of(element, top=top)
    return found


def read_values(form: str, root: "Element") -> dict[str, Any]:
    found: dict[str, Any] = READERS[form].values_of(root)
    return found


def overlay(form: str, root: "Element", values: Mapping[str, Any], *, fresh: Fresh, extension: Extension) -> None:
    """Makes `root` say what `values` do: elements that say it already stay as they are."""
    _remove(root, lambda element, top: READERS[form].is_extension(element))
    for name in different(form, root, values):
        at = _remove(root, lambda element, top, name=name: element_field(form, element, top=top) == name)  # type: ignore[misc]
        for offset, element in enumerate(fresh(name, values)):
            root.insert(at + offset, element)
    for name in different(form, root, values):
        root.append(extension(name, json.dumps(values[name])))


def different(form: str, root: "Element", values: Mapping[str, Any]) -> list[str]:
    said = read_values(form, root)
    if form == "mirc":
        said["source_name"] = said["source_name"] or "MIRC"
        said["source_id"] = said["source_id"] or root.get("docref", "").strip()
    return [name for name in FIELDS if said.get(name, type(values[name])()) != values[name]]


def _remove(root: "Element", is_meant: "Callable[[Element, bool], bool]") -> int:
    """Removes elements wherever they are; returns where the first of them stood, or the end."""
    at = len(root)
    for number, element in reversed(list(enumerate(root))):
        if is_meant(element, True):
            root.remove(element)
            at = number
    _remove_below(root, is_meant)
    return min(at, len(root))


def _remove_below(parent: "Element", is_meant: "Callable[[Element, bool], bool]") -> None:
    for element in parent:
        for child in list(element):
            if is_meant(child, False):
                element.remove(child)
        _remove_below(element, is_meant)
