"""What of a DICOM header may be kept, and what of it was removed.

Nothing of the header is stored but a modality, a region, a plane and a view, each from a closed list. So every
attribute of the PS3.15 basic profile is gone, known or private, nested or not; what is counted is what a person could
be known by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval.dicom_values import check_expandable, functional_group
from retrieval.errors import ImageError

if TYPE_CHECKING:
    from pydicom import Dataset

MODALITIES = frozenset({
    "BMD", "CR", "CT", "DX", "ES", "GM", "IO", "IVUS", "MG", "MR", "NM", "OCT", "OP", "OPT", "PT", "PX", "RF", "SM",
    "US", "XA", "XC",
})  # fmt: skip
REGIONS = {
    "ABDOMEN": "Abdomen", "ABDOMENPELVIS": "Abdomen", "ANKLE": "Ankle", "ARM": "Arm", "BRAIN": "Head",
    "BREAST": "Breast", "CALF": "Leg", "CERVIX": "Pelvis", "CHEST": "Thorax", "CLAVICLE": "Shoulder",
    "CSPINE": "Spine", "ELBOW": "Elbow", "FEMUR": "Thigh", "FOOT": "Foot", "FOREARM": "Forearm", "HAND": "Hand",
    "HEAD": "Head", "HEART": "Thorax", "HIP": "Hip", "HUMERUS": "Arm", "KIDNEY": "Abdomen", "KNEE": "Knee",
    "LEG": "Leg", "LIVER": "Abdomen", "LSPINE": "Spine", "LUNG": "Thorax", "NECK": "Neck", "ORBIT": "Head",
    "PANCREAS": "Abdomen", "PELVIS": "Pelvis", "PROSTATE": "Pelvis", "SHOULDER": "Shoulder", "SKULL": "Head",
    "SPINE": "Spine", "SSPINE": "Spine", "THIGH": "Thigh", "THORAX": "Thorax", "TSPINE": "Spine", "WRIST": "Wrist",
}  # fmt: skip
VIEWS = {"PA": "PA", "AP": "AP", "LL": "Lateral", "RL": "Lateral", "LATERAL": "Lateral", "CC": "CC", "MLO": "MLO"}
# A slice whose normal leans this far to one axis is called by it.
PLANES = ("Sagittal", "Coronal", "Axial")
PLANE_COSINE = 0.8

KIND_OF_VR = {"PN": "name", "DA": "date", "DT": "date", "TM": "date", "AS": "age"}
KIND_OF_WORD = (
    ("phone", ("Telephone", "Telecom")),
    ("address", ("Address", "CountryOfResidence", "RegionOfResidence", "PatientTelecom")),
    ("institution", ("Institution", "Station", "Department", "Facility")),
    ("device", ("Device", "SerialNumber", "SoftwareVersion", "GantryID", "DetectorID", "PlateID", "CassetteID")),
    ("name", ("OperatorsName", "PhysicianName", "Physicians", "PersonName", "ReviewerName")),
    ("record", ("PatientID", "AccessionNumber", "StudyID", "Admission", "OrderNumber", "IssuerOf", "RequestAttributes",
                "ProcedureStepID", "RequestedProcedureID", "FillerOrder", "PlacerOrder", "Insurance")),
    ("demographic", ("PatientSex", "PatientSize", "PatientWeight", "Ethnic", "Occupation", "Pregnancy", "Smoking",
                     "Religious", "MilitaryRank", "BranchOfService", "PatientSpecies", "MedicalAlerts", "Allergies",
                     "MedicalRecord", "PatientState", "SpecialNeeds", "ResponsibleOrganization")),
    ("text", ("Comment", "Description", "History", "Reason", "Impressions", "Text", "Protocol")),
)  # fmt: skip
# UIDs of the standard itself name no one.
STANDARD_UIDS = "1.2.840.10008."
MAX_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    modality: str = ""
    region: str = ""
    plane: str = ""
    says_burned_in: bool = False
    says_none: bool = False


@dataclass(frozen=True, slots=True)
class SlicePlace:
    """Which stack a slice belongs to and where in it; used while an upload is read, and never stored."""

    series: str
    position: float


def header_facts(dataset: Dataset) -> HeaderFacts:
    modality = _code(dataset, "Modality")
    view = VIEWS.get(_code(dataset, "ViewPosition"), "")
    return HeaderFacts(
        modality=modality if modality in MODALITIES else "",
        region=REGIONS.get(_code(dataset, "BodyPartExamined").replace(" ", ""), ""),
        plane=_plane(dataset) or view,
        says_burned_in=_code(dataset, "BurnedInAnnotation") == "YES",
        says_none=_code(dataset, "BurnedInAnnotation") == "NO",
    )


def slice_place(dataset: Dataset) -> SlicePlace:
    number = _floats(dataset.get("InstanceNumber"))
    return SlicePlace(series=str(dataset.get("SeriesInstanceUID") or ""), position=number[0] if number else 0.0)


def removed_identifiers(dataset: Dataset) -> dict[str, int]:
    """How many attributes of each kind the file held. Counts alone: the values go nowhere."""
    kinds: Counter[str] = Counter()
    for number, element in enumerate(_elements(dataset)):
        if number >= MAX_COUNTED:
            break
        if kind := _kind(element):
            kinds[kind] += 1
    return dict(sorted(kinds.items()))


def _elements(dataset: Any, depth: int = 0) -> Iterator[Any]:
    for tag in list(dataset.keys()):
        try:
            check_expandable(dataset.get_item(tag))
            element = dataset[tag]
        except ImageError:
            raise
        except Exception:  # noqa: S112 - a value that cannot be parsed is not kept either
            continue
        if element.VR == "SQ":
            for item in (element.value or ()) if depth < 8 else ():
                yield from _elements(item, depth + 1)
        elif element.value not in (None, "", b""):
            yield element


def _kind(element: Any) -> str:
    if element.tag.is_private:
        return "private"
    if kind := KIND_OF_VR.get(element.VR):
        return kind
    if element.VR == "UI":
        return "" if str(element.value).startswith(STANDARD_UIDS) else "uid"
    keyword = str(element.keyword)
    return next((kind for kind, words in KIND_OF_WORD if any(word in keyword for word in words)), "")


def _plane(dataset: Dataset) -> str:
    source = functional_group(dataset, 0, "PlaneOrientationSequence") or dataset
    cosines = _floats(source.get("ImageOrientationPatient"))
    if len(cosines) != 6:
        return ""
    a, b = cosines[:3], cosines[3:]
    normal = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    largest = max(range(3), key=lambda axis: abs(normal[axis]))
    return PLANES[largest] if abs(normal[largest]) >= PLANE_COSINE else ""


def _code(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip().upper()


def _floats(value: Any) -> Sequence[float]:
    try:
        return [
            float(part) for part in (value if hasattr(value, "__len__") and not isinstance(value, str) else [value])
        ]
    except (TypeError, ValueError):
        return []
