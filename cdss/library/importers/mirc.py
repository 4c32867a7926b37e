"""MIRC teaching files: a ZIP of MIRCdocument.xml and its images, or the XML beside them. One case for each."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile, is_zipfile

from cdss.library.field_values import RowError, clean
from cdss.library.importers.archive import unpacked
from cdss.library.importers.base import Importer, Read, image_inside
from cdss.library.importers.xml import inner_text
from cdss.library.rows import CaseRow, ImageRow

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SPACE = re.compile(r"\s+")
ROOT = b"<MIRCdocument"
MAX_XML = 5 * 1024 * 1024
FIELDS = {
    "history": ("history", "clinical history", "patient history"),
    "exam": ("exam", "physical exam", "physical examination"),
    "findings": ("findings", "imaging findings"),
    "diagnosis": ("diagnosis", "final diagnosis"),
    "diagnosis_by": ("confirmation",),
    "differential": ("differential diagnosis", "differential-diagnosis", "differential"),
    "discussion": ("discussion", "commentary"),
    "treatment": ("treatment", "management"),
}


def read(path: Path) -> Iterator[Read]:
    try:
        if path.suffix.lower() == ".xml":
            yield Read(1, _case(path, path.parent, path.stem))
            return
        with unpacked(path) as folder:
            yield Read(1, _case(_document(folder), folder, path.stem))
    except RowError as error:
        yield Read(1, reason=str(error))


def _document(folder: Path) -> Path:
    found = [file for file in sorted(folder.rglob("*.xml")) if _is_mirc(file)]
    if len(found) != 1:
        raise RowError(f"the ZIP file holds {len(found)} MIRC documents; one is expected")
    return found[0]


def _case(document: Path, folder: Path, name: str) -> CaseRow:
    root = _parsed(document)
    texts: dict[str, Any] = {field: _text(root, headings) for field, headings in FIELDS.items()}
    differential = texts.pop("differential")
    names = (line.strip(" -•\t") for line in differential.replace(";", "\n").splitlines())
    return CaseRow(
        "MIRC",
        root.get("docref", "").strip() or name,
        title=inner_text(root.find("title")),
        age=_patient(root, "pt-age"),
        sex=_patient(root, "pt-sex"),
        category=inner_text(root.find("category")),
        licence=inner_text(root.find("rights")),
        differential=tuple(each for each in names if each),
        images=tuple(_images(root, document.parent)),
        **texts,
    )


def _parsed(document: Path) -> "Element":
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import parse

    if document.stat().st_size > MAX_XML:
        raise RowError(f"{document.name}: larger than {MAX_XML // 1024**2} MB")
    try:
        root: Element = parse(document).getroot()
    except ParseError as error:
        raise RowError(f"{document.name}: broken XML: {error}") from error
    except DefusedXmlException as error:
        raise RowError(f"{document.name}: the XML declares entities, which is not allowed") from error
    if root.tag != "MIRCdocument":
        raise RowError(f"{document.name}: not a MIRC document")
    return root


def _text(root: "Element", headings: tuple[str, ...]) -> str:
    """The section of one of these headings, else the index field of that name."""
    for section in root.iter("section"):
        if section.get("heading", "").strip().lower() in headings and (text := _paragraphs(section)):
            return text
    return next(
        (text for name in headings if " " not in name for each in root.iterfind(name) if (text := _paragraphs(each))),
        "",
    )


def _paragraphs(element: "Element") -> str:
    """Text with a line for each paragraph, list entry and break."""
    parts: list[str] = []

    def walk(node: "Element") -> None:
        if node.tag in ("p", "li", "br", "ul", "ol", "tr"):
            parts.append("\n")
        parts.append(SPACE.sub(" ", node.text or ""))
        for child in node:
            if child.tag not in ("image", "quiz", "href"):
                walk(child)
            parts.append(SPACE.sub(" ", child.tail or ""))
        if node.tag in ("p", "li"):
            parts.append("\n")

    walk(element)
    lines = (" ".join(line.split()) for line in clean("".join(parts)).split("\n"))
    return "\n".join(line for line in lines if line)


def _patient(root: "Element", name: str) -> str:
    found = next(root.iter(name), None)
    return inner_text(found)


def _images(root: "Element", folder: Path) -> Iterator[ImageRow]:
    for image in (
        image for part in ("image-section", "section") for each in root.iter(part) for image in each.iter("image")
    ):
        source = image.get("src", "").strip()
        if not source:
            continue
        if "://" in source:
            yield ImageRow((), problem=f"{source[:80]}: not in the file, and nothing is fetched")
        else:
            yield image_inside(folder, source, modality=inner_text(image.find("modality")), caption=_caption(image))


def _caption(image: "Element") -> str:
    return inner_text(image.find("image-caption")) or inner_text(image.find("format/caption"))


def _is_mirc(path: Path) -> bool:
    with path.open("rb") as file:
        return ROOT in file.read(16384)


def _recognises(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.suffix.lower() == ".xml":
        return _is_mirc(path)
    try:
        if not is_zipfile(path):
            return False
        with ZipFile(path) as archive:
            return any(name.lower().endswith(".xml") for name in archive.namelist())
    except (BadZipFile, OSError):
        return False


IMPORTER = Importer("mirc", _recognises, read, lambda path: 1)
