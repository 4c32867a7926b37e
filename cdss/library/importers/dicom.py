"""DICOM files: one case for each study, one stack for each series. Of the headers only what is harmless is kept.

Studies and patients are known by salted hashes of their identifiers, so the same study is found again and nobody can
be named by it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings

from cdss.library.dicom_header import HeaderFacts
from cdss.library.field_values import RowError
from cdss.library.importers.base import Importer, Read, attempt
from cdss.library.rows import CaseRow, ImageRow, patient_group
from cdss.reading import door
from cdss.reading.plain import Plain
from retrieval.errors import UnreadableError
from retrieval.images import Limits, check_file
from retrieval.sandbox import Part

SOURCE = "DICOM"
SEXES = {"M": "male", "F": "female", "O": "other"}
# Kinds of picture that often show the patient's name in their pixels.
OFTEN_BURNT_IN = frozenset({"US", "ES", "XC", "OT", "SC"})
HOLD = "its pictures may show the patient's name: look at them before publishing"
MAX_FILES = 50_000
# Files that are handed to a child at once.
TOGETHER = 16
NO_DICOM = "not a DICOM file"
KEYWORDS = ("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber", "PatientID", "PatientAge",
            "PatientSex", "BurnedInAnnotation")  # fmt: skip


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
    files = _files(path)
    for number, answer in headers_of(files, among=KEYWORDS, of_image=True):
        try:
            if isinstance(answer, UnreadableError):
                raise RowError(str(answer))
            found = _slice(files[number], answer)
            studies[found.study].append((number + 1, found))
        except RowError as error:
            yield Read(number + 1, reason=f"{files[number].name}: {error}")
    for slices in studies.values():
        yield attempt(slices[0][0], partial(_case, [each for _, each in slices]))


def headers_of(files: Sequence[Path], **wanted: Any) -> Iterator[tuple[int, Part | UnreadableError]]:
    """The header of each file as a child has read it, by number; in place of one that cannot be read, why."""
    limits = Limits(max_bytes=settings.UPLOAD_MAX_BYTES)
    for start in range(0, len(files), TOGETHER):
        batch, checked = files[start : start + TOGETHER], []
        for number, path in enumerate(batch, start):
            try:
                check_file(path, limits=limits)
                checked.append(number)
            except UnreadableError as error:
                yield number, error
        read = list(door.read_each(f"{door.DATASETS}:values", [(files[number], wanted) for number in checked]))
        yield from ((checked[at], answer) for at, answer in read)


def _slice(path: Path, part: Part) -> Slice:
    dataset, facts = Plain.of(part.facts["values"]), HeaderFacts(**part.facts["facts"])
    study = _text(dataset, "StudyInstanceUID")
    if not study:
        raise RowError("there is no StudyInstanceUID")
    return Slice(
        path,
        study,
        (
            _number(dataset, "SeriesNumber"),
            _text(dataset, "SeriesInstanceUID"),
            part.facts["width"],
            part.facts["height"],
        ),
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


def _text(dataset: Plain, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()


def _number(dataset: Plain, keyword: str) -> float:
    try:
        return float(dataset.get(keyword) or 0)
    except (TypeError, ValueError):
        return 0.0


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
