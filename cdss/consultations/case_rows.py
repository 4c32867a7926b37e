"""One line of a file of cases as `consult` reads it: checked, and nothing of it that tells the answer."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdss.library.field_values import RowError, text_of
from cdss.library.importers.base import image_inside
from cdss.reasoning.types import CaseInput

# Everything else of a case row tells the answer, and is never read.
READ = ("age", "sex", "history", "exam", "findings")


@dataclass(frozen=True, slots=True)
class CaseLine:
    id: str | int
    case: CaseInput
    images: tuple[Path, ...]
    # By which its own case would be found in the library.
    source_id: str


def case_line(line: bytes, folder: Path, *, with_images: bool = True) -> CaseLine:
    """Raises RowError, which names the field. Images lie in `folder`; without them their files are not looked for."""
    row = _object(line)
    if not text_of(row, "id"):
        raise RowError("id: there is none")
    if not isinstance(row["id"], str | int):
        raise RowError("id: expected a text or a whole number")
    images = row.get("images") or []
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise RowError("images: expected a list of objects")
    source = row.get("source") or {}
    source = {"name": source} if isinstance(source, str) else source
    if not isinstance(source, dict):
        raise RowError("source: expected an object with name and id")
    return CaseLine(
        id=row["id"],
        case=CaseInput.of({name: text_of(row, name) for name in READ}),
        images=tuple(_image(image, folder) for image in images) if with_images else (),
        source_id=text_of(source, "id") or text_of(row, "id"),
    )


def _object(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise RowError(f"not JSON: {error.msg} at character {error.pos + 1}") from error
    except (ValueError, RecursionError) as error:
        raise RowError("not JSON: not UTF-8 text, or nested too deeply") from error
    if not isinstance(row, dict):
        raise RowError("expected an object")
    return row


def _image(image: dict[str, Any], folder: Path) -> Path:
    name = text_of(image, "path")
    if not name:
        raise RowError("images: an image has no path")
    found = image_inside(folder, name)
    if found.problem:
        raise RowError(f"images: {found.problem}")
    return found.files[0]
