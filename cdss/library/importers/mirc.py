"""MIRC teaching files: a ZIP or a folder of MIRCdocument.xml and its images, or the XML beside them. One case for each.

What a document says beyond the fields of a case is handed over as a tree (`CaseRow.carried`), so that it can go out
again.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdss.library.field_values import RowError
from cdss.library.importers.archive import names_in, unpacked
from cdss.library.importers.base import Importer, Read, attempt
from cdss.library.importers.beside import beside_of
from cdss.library.importers.mirc_fields import BESIDE, values_of
from cdss.library.importers.mirc_images import images_of
from cdss.library.importers.xml import read_xml
from cdss.library.importers.xml_tree import tree_of
from cdss.library.rows import CaseRow

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# XML may be written in UTF-16 too.
ROOTS = tuple("<MIRCdocument".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
MAX_XML = 5 * 1024 * 1024


def read(path: Path) -> Iterator[Read]:
    try:
        if path.suffix.lower() == ".xml":
            yield attempt(1, lambda: case_row(path, path.stem))
        elif path.is_dir():
            yield from _each(path, path.name)
        else:
            with unpacked(path) as folder:
                yield from _each(folder, path.stem)
    except RowError as error:
        yield Read(1, reason=str(error))


def case_row(document: Path, name: str) -> CaseRow:
    root = parsed(document)
    values = values_of(root)
    source_id = values.pop("source_id") or root.get("docref", "").strip() or name
    beside = beside_of(_named_beside(root), document.parent)
    images, files = images_of(root, document.parent, known=beside.files if beside else ())
    return CaseRow(
        values.pop("source_name") or "MIRC",
        source_id,
        **values,
        images=tuple(images),
        carried={"format": "mirc", "tree": tree_of(root), **({"files": files} if files else {})},
        beside=beside,
    )


def _named_beside(root: "Element") -> dict[str, Any]:
    """Taken out of the document: it names files that stay behind."""
    found: dict[str, Any] = {}
    for element in root.findall(BESIDE):
        root.remove(element)
        try:
            found[element.get("name", "")] = json.loads(element.text or "null")
        except (ValueError, RecursionError) as error:
            raise RowError(f"{element.get('name', '')[:40]}: not JSON") from error
    return found


def parsed(document: Path) -> "Element":
    root = read_xml(document, most_bytes=MAX_XML)
    if root.tag != "MIRCdocument":
        raise RowError(f"{document.name}: not a MIRC document")
    return root


def _each(folder: Path, name: str) -> Iterator[Read]:
    found = _documents(folder)
    for number, document in enumerate(found, 1):
        # A folder of many documents tells them apart by its own folders.
        own = document.parent.name if len(found) > 1 else name
        yield attempt(number, lambda document=document, own=own: case_row(document, own))  # type: ignore[misc]


def _documents(folder: Path) -> list[Path]:
    """Each in a folder of its own: images beside two documents would be of either."""
    found = [file for file in sorted(folder.rglob("*.xml")) if not file.is_symlink() and _is_mirc(file)]
    folders = {file.parent for file in found}
    if not found or len(folders) < len(found) or any(folders & set(each.parents) for each in folders):
        raise RowError(f"the ZIP file holds {len(found)} MIRC documents; one is expected, or each in its own folder")
    return found


def _is_mirc(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(16384)
    return any(root in head for root in ROOTS)


def _recognises(path: Path) -> bool:
    if path.is_dir():
        return any(_is_mirc(file) for file in sorted(path.glob("*/*.xml"))[:20] + sorted(path.glob("*.xml"))[:20])
    if not path.is_file():
        return False
    if path.suffix.lower() == ".xml":
        return _is_mirc(path)
    return any(name.lower().endswith(".xml") for name in names_in(path))


def _count(path: Path) -> int:
    return len(list(path.rglob("*.xml"))) if path.is_dir() else 1


IMPORTER = Importer("mirc", _recognises, read, _count)
