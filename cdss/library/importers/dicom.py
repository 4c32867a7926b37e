"""DICOM files: one case for each study, one stack for each series. Of the headers only what is harmless is kept.

Studies and patients are known by salted hashes of their identifiers, so the same study is found again and nobody can
be named by it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdss.library.field_values import RowError
from cdss.library.importers.base import Importer, Read, attempt
from cdss.library.rows import CaseRow, ImageRow, patient_group

if TYPE_CHECKING:
    from pydicom import Dataset

SOURCE = "DICOM"
SEXES = {"M": "male", "F": "female", "O": "other"}
# Kinds of picture that often show the patient's name in their pixels.
OFTEN_BURNT_IN = frozenset({"US", "ES", "XC", "OT", "SC"})
HOLD = "its pictures may show the patient's name: look at them before publishing"
MAX_FILES = 50_000


@dataclass(frozen=True, slots=True)
class Slice:
    path: Path
    study: str
    series: tuple[float, str, int, int]
    place: float
    patient: str
    age: str
    sex: str
    modality: str
    region: str
    plane: str
    may_show_name: bool


def read(path: Path) -> Iterator[Read]:
    studies: dict[str, list[tuple[int, Slice]]] = defaultdict(list)
    for number, file in enumerate(_files(path), 1):
        try:
            found = _slice(file)
            studies[found.study].append((number, found))
        except RowError as error:
            yield Read(number, reason=f"{file.name}: {error}")
    for slices in studies.values():
        yield attempt(slices[0][0], partial(_case, [each for _, each in slices]))


def _slice(path: Path) -> Slice:
    from cdss.library.dicom_header import header_facts
    from cdss.library.intake import image_limits
    from retrieval import dicom, imaging
    from retrieval.errors import ImageError

    try:
        data = imaging.file_bytes(path, limits=image_limits())
        if not dicom.is_dicom(data):
            raise RowError("not a DICOM file")
        dataset = dicom.parse(data, limits=image_limits())
        header, facts = dicom.header(dataset), header_facts(dataset)
    except ImageError as error:
        raise RowError(str(error)) from error
    study = _text(dataset, "StudyInstanceUID")
    if not study:
        raise RowError("there is no StudyInstanceUID")
    return Slice(
        path,
        study,
        (_number(dataset, "SeriesNumber"), _text(dataset, "SeriesInstanceUID"), header.width, header.height),
        _number(dataset, "InstanceNumber"),
        _text(dataset, "PatientID"),
        _text(dataset, "PatientAge"),
        SEXES.get(_text(dataset, "PatientSex"), ""),
        facts.modality,
        facts.region,
        facts.plane,
        facts.modality in OFTEN_BURNT_IN and _text(dataset, "BurnedInAnnotation") != "NO",
    )


def _case(slices: Sequence[Slice]) -> CaseRow:
    stacks: dict[tuple[float, str, int, int], list[Slice]] = defaultdict(list)
    for each in slices:
        stacks[each.series].append(each)
    first = slices[0]
    modalities = sorted({each.modality for each in slices if each.modality})
    regions = sorted({each.region for each in slices if each.region})
    study_id = patient_group(SOURCE, first.study)[:32]
    return CaseRow(
        SOURCE,
        study_id,
        title=" ".join([", ".join(modalities) or "Imaging", "study", *(["of", ", ".join(regions)] if regions else [])]),
        age=first.age,
        sex=first.sex,
        patient=first.patient,
        images=tuple(_stack(stacks[key]) for key in sorted(stacks)),
        hold=HOLD if any(each.may_show_name for each in slices) else "",
    )


def _stack(slices: Sequence[Slice]) -> ImageRow:
    ordered = sorted(slices, key=lambda each: (each.place, each.path.name))
    first = ordered[0]
    return ImageRow(
        tuple(each.path for each in ordered), modality=first.modality, region=first.region, plane=first.plane
    )


def _text(dataset: "Dataset", keyword: str) -> str:
    return str(_value(dataset, keyword) or "").strip()


def _number(dataset: "Dataset", keyword: str) -> float:
    try:
        return float(_value(dataset, keyword) or 0)
    except (TypeError, ValueError):
        return 0.0


def _value(dataset: "Dataset", keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except Exception:  # a value that cannot be parsed says nothing
        return None


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = (file for file in sorted(path.rglob("*")) if file.is_file() and not file.is_symlink())
    return [file for file in files if file.name != "DICOMDIR" and not file.name.startswith(".")][:MAX_FILES]


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix.lower() in (".dcm", ".dicom") or file.read(132)[128:] == b"DICM"


def _recognises(path: Path) -> bool:
    return any(_is_dicom(file) for file in _files(path)[:200])


def _count(path: Path) -> int:
    return len(_files(path))


IMPORTER = Importer("dicom", _recognises, read, _count)
