"""The images of a MIRC document. Their addresses in it become `#n`, their places in the row, wherever they stand."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from cdss.library.field_values import RowError
from cdss.library.importers.base import image_inside
from cdss.library.importers.mirc_fields import image_extension, image_values
from cdss.library.importers.xml import read_xml
from cdss.library.importers.xml_tree import Tree, still, tree_of
from cdss.library.rows import ImageRow

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Further slices of a stack: a role of ours, which other readers pass over.
FRAME = "frame"
ANNOTATION = "annotation"
# The DICOM file that a picture was made from.
ORIGINAL = "original-format"
MAX_DRAWING = 2 * 1024 * 1024


def images_of(root: "Element", folder: Path, *, known: Collection[str] = ()) -> tuple[list[ImageRow], dict[str, Tree]]:
    """The rows, and the drawings (SVG) that lie over images as trees, by name. `known` files are kept elsewhere."""
    rows: list[ImageRow] = []
    drawings: dict[str, Tree] = {}
    for image in list(root.iter("image")):
        if source := image.get("src", "").strip():
            _take(image, source, folder, rows, drawings, known)
    return rows, drawings


def _take(
    image: "Element",
    source: str,
    folder: Path,
    rows: list[ImageRow],
    drawings: dict[str, Tree],
    known: Collection[str],
) -> None:
    if "://" in source:
        rows.append(ImageRow((), problem=f"{source[:80]}: not in the file, and nothing is fetched"))
        return
    about = image_values(image)
    main = image_inside(folder, source, **about)
    image.set("src", f"#{len(rows)}")
    more: list[ImageRow] = []
    frames = list(main.files)
    for other in list(image.iterfind("alternative-image")):
        address, role = other.get("src", "").strip(), other.get("role", "").strip().lower()
        if not address or "://" in address:
            continue
        if role == FRAME:
            frames += image_inside(folder, address).files
            image.remove(other)
        elif role == ANNOTATION and address.lower().endswith((".svg", ".xml")):
            drawings[address] = _drawing(folder, address)
        elif role == ANNOTATION:
            other.set("src", f"#{len(rows) + 1 + len(more)}")
            caption = " ".join(part for part in (about["caption"], "(annotated)") if part)
            said = {"modality": about["modality"], "caption": caption} | image_extension(other)
            more.append(image_inside(folder, address, **said))
        elif role == ORIGINAL and address in known:
            image.remove(other)
        else:
            image.remove(other)
            more.append(
                ImageRow((), problem=f"{address[:80]}: a rendition ({role or 'no role'}) of an image, not kept.")
            )
    missing = [path.name for path in frames if not path.is_file()]
    problem = main.problem or (f"{missing[0][:200]}: not found." if missing else "")
    rows.append(ImageRow(tuple(frames), problem=problem, **about))
    rows += more


def _drawing(folder: Path, address: str) -> Tree:
    path = image_inside(folder, address).files[0]
    try:
        return still(tree_of(read_xml(path, most_bytes=MAX_DRAWING)))
    except RowError as error:
        raise RowError(f"{path.name}: this drawing is not there or cannot be read ({error})") from error
