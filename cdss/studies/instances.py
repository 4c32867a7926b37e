"""What is kept of one DICOM file: where its frames lie, how their values are meant, and nothing that names anybody.

`header` runs in a child, `instance_of` here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from cdss.library.dicom_header import header_facts, removed_identifiers
from retrieval import dicom
from retrieval.dicom_values import functional_group, number, sequence
from retrieval.errors import ImageError
from retrieval.images import Limits, check_size
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File

if TYPE_CHECKING:
    from pydicom import Dataset

Vector = tuple[float, ...]
UNITS = {"HU": "HU", "OD": "OD", "BQML": "Bq/ml", "GML": "g/ml", "CNTS": "counts", "SUVBW": "SUV", "PCNT": "%"}
LETTERS = frozenset("APLRHF")
MAX_WINDOWS = 8
CENTIMETRES = 3


@dataclass(frozen=True, slots=True)
class FrameFacts:
    index: int
    position: Vector = ()
    orientation: Vector = ()
    # What tells stacks of one place apart: echo, phase, time point.
    phase: Vector = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """One file. `source` is where its bytes are held; UIDs are as the file has them and go no further.

    `patient` is the key of who it is of.
    """

    uid: str
    series: str
    study: str
    frame_of_reference: str
    sop_class: str
    series_number: float
    number: float
    rows: int
    columns: int
    colour: bool
    frames: tuple[FrameFacts, ...]
    source: str = ""
    name: str = ""
    sha256: str = ""
    modality: str = ""
    region: str = ""
    plane: str = ""
    laterality: str = ""
    unit: str = ""
    spacing: Vector = ()
    spacing_at_detector: bool = False
    letters: tuple[str, ...] = ()
    frame_time: float | None = None
    windows: tuple[Vector, ...] = ()
    inverted: bool = False
    bits: int = 16
    says_burned_in: bool = False
    says_none: bool = False
    patient: str = ""
    patient_number: str = field(default="", repr=False)
    removed: Mapping[str, int] = field(default_factory=dict)


def header(args: Mapping[str, Any], file: File) -> Part:
    """In the child: what a study keeps of one file; the number of its patient is for the site's own salted hash."""
    return Part(asdict(read_header(file.whole(), limits=Limits(**args["limits"]))))


def instance_of(facts: Mapping[str, Any], **about: Any) -> Instance:
    """As `read_header` made it, after JSON."""
    frames = tuple(FrameFacts(**{name: _tuples(value) for name, value in each.items()}) for each in facts["frames"])
    values = {name: _tuples(value) for name, value in facts.items() if name not in ("frames", *about)}
    return Instance(frames=frames, **values, **about)


def read_header(data: bytes, *, limits: Limits) -> Instance:
    """Raises ImageError for what is no DICOM image, or too large."""
    if not dicom.is_dicom(data):
        raise ImageError("not a DICOM file")
    dataset = dicom.parse(data, limits=limits)
    declared = dicom.header(dataset)
    check_size(declared, limits)
    uid, series, study = (_text(dataset, f"{kind}InstanceUID") for kind in ("SOP", "Series", "Study"))
    if not (uid and series and study):
        raise ImageError("it does not say which study, series and image it is (StudyInstanceUID and others)")
    facts = header_facts(dataset)
    spacing, at_detector = _spacing(dataset)
    colour = (
        int(dataset.get("SamplesPerPixel") or 1) > 1 or _text(dataset, "PhotometricInterpretation") == "PALETTE COLOR"
    )
    return Instance(
        uid=uid,
        series=series,
        study=study,
        frame_of_reference=_text(dataset, "FrameOfReferenceUID"),
        sop_class=_text(dataset, "SOPClassUID"),
        series_number=number(dataset, "SeriesNumber", 0.0),
        number=number(dataset, "InstanceNumber", 0.0),
        rows=declared.height,
        columns=declared.width,
        colour=colour,
        frames=tuple(_frame(dataset, index) for index in range(declared.frames)),
        modality=facts.modality,
        region=facts.region,
        plane=facts.plane,
        laterality=_laterality(dataset),
        unit="" if colour else _unit(dataset, facts.modality),
        spacing=spacing,
        spacing_at_detector=at_detector,
        letters=_letters(dataset),
        frame_time=_frame_time(dataset),
        windows=_windows(dataset),
        inverted=_text(dataset, "PhotometricInterpretation") == "MONOCHROME1",
        bits=declared.bits,
        says_burned_in=facts.says_burned_in,
        says_none=facts.says_none,
        patient_number=_text(dataset, "PatientID"),
        removed=removed_identifiers(dataset),
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


def _frame(dataset: Dataset, index: int) -> FrameFacts:
    place = functional_group(dataset, index, "PlanePositionSequence") or dataset
    plane = functional_group(dataset, index, "PlaneOrientationSequence") or dataset
    position, cosines = _vector(place, "ImagePositionPatient"), _vector(plane, "ImageOrientationPatient")
    phase = tuple(
        number(dataset, keyword, 0.0) for keyword in ("TemporalPositionIdentifier", "EchoTime", "AcquisitionNumber")
    )
    return FrameFacts(
        index,
        position if len(position) == 3 else (),
        cosines if len(cosines) == 6 and _is_orthonormal(cosines) else (),
        phase,
    )


def _is_orthonormal(cosines: Vector) -> bool:
    along, down = cosines[:3], cosines[3:]
    lengths = [math.sqrt(sum(part * part for part in axis)) for axis in (along, down)]
    across = sum(a * b for a, b in zip(along, down, strict=True))
    return all(abs(length - 1) < 0.01 for length in lengths) and abs(across) < 0.01


def _spacing(dataset: Dataset) -> tuple[Vector, bool]:
    """Rows, columns in mm; whether it holds at the detector and not in the patient."""
    measures = functional_group(dataset, 0, "PixelMeasuresSequence") or dataset
    for source, keyword, at_detector in (
        (measures, "PixelSpacing", False),
        (dataset, "ImagerPixelSpacing", True),
        (dataset, "NominalScannedPixelSpacing", True),
    ):
        found = _vector(source, keyword)
        if len(found) == 2 and all(1e-4 < part < 1e3 for part in found):
            return found, at_detector
    return _ultrasound_spacing(dataset), False


def _ultrasound_spacing(dataset: Dataset) -> Vector:
    """Only where one calibrated region says it for the whole picture."""
    regions = sequence(dataset, "SequenceOfUltrasoundRegions")
    if len(regions) != 1:
        return ()
    units = [number(regions[0], f"PhysicalUnits{axis}Direction", 0) for axis in "XY"]
    deltas = tuple(abs(number(regions[0], f"PhysicalDelta{axis}", 0.0)) * 10 for axis in "YX")
    return deltas if units == [CENTIMETRES, CENTIMETRES] and all(1e-4 < delta < 1e3 for delta in deltas) else ()


def _unit(dataset: Dataset, modality: str) -> str:
    said = _text(dataset, "RescaleType").upper() or _text(dataset, "Units").upper()
    source = functional_group(dataset, 0, "PixelValueTransformationSequence")
    if source is not None:
        said = _text(source, "RescaleType").upper() or said
    if said in UNITS:
        return UNITS[said]
    has_scale = source is not None or "RescaleIntercept" in dataset
    return "HU" if modality == "CT" and has_scale and said in ("", "US") else ""


def _windows(dataset: Dataset) -> tuple[Vector, ...]:
    source = functional_group(dataset, 0, "FrameVOILUTSequence") or dataset
    centers, widths = _vector(source, "WindowCenter"), _vector(source, "WindowWidth")
    pairs = [pair for pair in zip(centers, widths, strict=False) if pair[1] >= 1]
    return tuple(dict.fromkeys(pairs))[:MAX_WINDOWS]


def _frame_time(dataset: Dataset) -> float | None:
    found = number(dataset, "FrameTime", None)
    if found is None and (
        rate := number(dataset, "CineRate", None) or number(dataset, "RecommendedDisplayFrameRate", None)
    ):
        found = 1000 / rate
    return float(found) if found is not None and 1 <= found <= 10_000 else None


def _laterality(dataset: Dataset) -> str:
    anatomy = functional_group(dataset, 0, "FrameAnatomySequence")
    said = (
        _text(dataset, "ImageLaterality")
        or _text(dataset, "Laterality")
        or (_text(anatomy, "FrameLaterality") if anatomy is not None else "")
    )
    return said.upper() if said.upper() in ("R", "L", "B") else ""


def _letters(dataset: Dataset) -> tuple[str, ...]:
    value = dataset.get("PatientOrientation")
    found = [str(part).upper() for part in value] if isinstance(value, Sequence) and not isinstance(value, str) else []
    usable = len(found) == 2 and all(0 < len(part) <= 3 and set(part) <= LETTERS for part in found)
    return tuple(found) if usable else ()


def _vector(dataset: Any, keyword: str) -> Vector:
    try:
        value = dataset.get(keyword)
        parts = value if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
        found = tuple(float(part) for part in parts)
    except (TypeError, ValueError):
        return ()
    return found if all(math.isfinite(part) for part in found) else ()


def _text(dataset: Any, keyword: str) -> str:
    try:
        return str(dataset.get(keyword) or "").strip()
    except Exception:  # a value that cannot be parsed says nothing
        return ""
