"""A folder of images with labels.csv: one case for each row, its diagnosis the label.

Columns: path and label; patient_id (stored as a salted hash); id, title, age, sex, history, findings, modality,
sequence, plane, region, location and caption where they are there. Others are passed over.
"""

import csv
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cdss.library.field_values import RowError, clean
from cdss.library.importers.base import Importer, Read, attempt, image_inside
from cdss.library.rows import CaseRow

LABELS = "labels.csv"
CASE_COLUMNS = ("title", "age", "sex", "history", "findings", "licence")
IMAGE_COLUMNS = ("modality", "sequence", "plane", "region", "location", "caption")


def read(path: Path) -> Iterator[Read]:
    labels = _labels(path)
    with labels.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        try:
            for row in reader:
                yield attempt(reader.line_num, partial(_case, row, labels.parent))
        except csv.Error as error:
            yield Read(reader.line_num, reason=f"not a CSV file from here on: {error}")


def _case(row: Mapping[str | None, object], folder: Path) -> CaseRow:
    values = {str(key).strip(): clean(value) for key, value in row.items() if isinstance(value, str)}
    name, label = values.get("path", ""), values.get("label", "")
    if not name or not label:
        raise RowError(f"{'path' if not name else 'label'}: there is none")
    image = image_inside(folder, name, **{key: values.get(key, "") for key in IMAGE_COLUMNS})
    if image.problem:
        raise RowError(image.problem)
    diagnosis = label.replace("_", " ")
    texts: dict[str, Any] = {key: values.get(key, "") for key in CASE_COLUMNS}
    return CaseRow(
        folder.resolve().name,
        values.get("id") or name,
        diagnosis=diagnosis,
        patient=values.get("patient_id", ""),
        images=(image,),
        **texts,
    )


def _labels(path: Path) -> Path:
    return path / LABELS if path.is_dir() else path


def _recognises(path: Path) -> bool:
    labels = _labels(path)
    if labels.suffix.lower() != ".csv" or not labels.is_file():
        return False
    with labels.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = next(csv.reader([file.readline(65536)]), [])
    return {"path", "label"} <= {name.strip() for name in header}


def _count(path: Path) -> int:
    with _labels(path).open("rb") as file:
        return sum(1 for _ in file) - 1


IMPORTER = Importer("images", _recognises, read, _count)
