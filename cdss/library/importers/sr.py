"""The content of a DICOM structured report as XML elements: texts and codes; nobody's name, date or UID."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdss.library.field_values import RowError, clean
from cdss.library.importers.tce_fields import AUTHOR
from cdss.library.importers.xml_tree import clean_inside
from cdss.reading.plain import sequence

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_ITEMS = 5000
MAX_DEPTH = 12
Code = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """`references` are the objects it names, in order, each once."""

    uid: str
    concept: Code
    content: "Element"
    references: tuple[str, ...]


def report_of(dataset: Any, uid: str) -> Report:
    """Raises RowError for a report that cannot be walked."""
    from xml.etree.ElementTree import Element

    root = Element("tce")
    references: dict[str, None] = {}
    left = [MAX_ITEMS]

    def walk(items: Any, parent: "Element", depth: int) -> None:
        if depth > MAX_DEPTH:
            raise RowError("the report is nested too deeply")
        for item in items or ():
            left[0] -= 1
            if left[0] < 0:
                raise RowError(f"the report has more than {MAX_ITEMS:,} items")
            names = [
                str(each.get("ReferencedSOPInstanceUID") or "") for each in sequence(item, "ReferencedSOPSequence")
            ]
            references.update(dict.fromkeys(name for name in names if name))
            if (element := _element(item, names)) is not None:
                parent.append(element)
                walk(sequence(item, "ContentSequence"), element, depth + 1)

    try:
        walk(sequence(dataset, "ContentSequence"), root, 1)
        concept = _code(sequence(dataset, "ConceptNameCodeSequence"))
        for study in sequence(dataset, "CurrentRequestedProcedureEvidenceSequence"):
            for series in sequence(study, "ReferencedSeriesSequence"):
                for each in sequence(series, "ReferencedSOPSequence"):
                    references.setdefault(str(each.get("ReferencedSOPInstanceUID") or ""))
    except RowError:
        raise
    except Exception as error:  # a value that pydicom cannot parse
        raise RowError(f"the report cannot be read ({type(error).__name__})") from None
    return Report(uid, concept, root, tuple(each for each in references if each))


def _element(item: Any, names: list[str]) -> "Element | None":
    from xml.etree.ElementTree import Element

    kind = str(item.get("ValueType") or "")
    code, scheme, meaning = _code(sequence(item, "ConceptNameCodeSequence"))
    element = Element(kind, {"code": code, "scheme": scheme, "meaning": meaning})
    if kind == "TEXT":
        element.text = clean_inside(str(item.get("TextValue") or ""))
    elif kind == "CODE":
        value, value_scheme, value_meaning = _code(sequence(item, "ConceptCodeSequence"))
        element.attrib |= {"value": value, "value-scheme": value_scheme, "value-meaning": value_meaning}
    elif kind == "PNAME":
        name = " ".join(str(item.get("PersonName") or "").replace("^", " ").split())
        element.tag, element.text = "TEXT", name if code == AUTHOR else "[name]"
    elif kind == "NUM":
        element.tag, element.text = "TEXT", _number(item)
    elif kind == "IMAGE":
        element.set("instance", names[0] if names else "")
    elif kind != "CONTAINER":
        return None
    return element


def _number(item: Any) -> str:
    measured = sequence(item, "MeasuredValueSequence")
    if not measured:
        return ""
    unit = _code(sequence(measured[0], "MeasurementUnitsCodeSequence"))[0]
    return f"{measured[0].get('NumericValue') or ''} {unit}".strip()


def _code(items: Any) -> Code:
    if not items:
        return "", "", ""
    first = items[0]
    value = first.get("CodeValue") or first.get("LongCodeValue") or first.get("URNCodeValue") or ""
    said = (value, first.get("CodingSchemeDesignator") or "", first.get("CodeMeaning") or "")
    return clean(str(said[0]))[:200], clean(str(said[1]))[:40], clean(str(said[2]))[:400]
