"""The Basic Application Level Confidentiality Profile of DICOM PS3.15 (Table E.1-1), as a function of a dataset.

The table is that of edition 2026c as the package dicom-anonymizer carries it: 655 attributes. What it names is removed,
emptied, replaced by a dummy or, for UIDs, mapped; so is every private attribute, every attribute of a group that the
dictionary does not know, and every name, whatever the table says of it.

The product itself keeps no dataset: this is for handing studies on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from django.utils.crypto import salted_hmac

from cdss.library.date_shift import DateShift
from retrieval.dicom_objects import uid_of

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

# Free text of structured reports, wherever it stands: the table reaches it only through Content Sequence.
BEYOND = {(0x0040, 0xA160): "dummy"}
# Of group 2, what tells of a machine or is private, beside what the table names.
META_NAMES = frozenset({
    "SourceApplicationEntityTitle", "SendingApplicationEntityTitle", "ReceivingApplicationEntityTitle",
    "SourcePresentationAddress", "SendingPresentationAddress", "ReceivingPresentationAddress",
    "PrivateInformationCreatorUID", "PrivateInformation",
})  # fmt: skip
STANDARD_UIDS = "1.2.840.10008."
DUMMY_TEXT, DUMMY_DATE = "ANONYMIZED", "19000101"
DUMMIES: Mapping[str, Any] = {
    "DA": DUMMY_DATE, "DT": DUMMY_DATE, "TM": "000000", "AS": "000Y", "UR": "http://anonymized.invalid", "DS": "0",
    "IS": "0", "FD": 0.0, "FL": 0.0, "SS": 0, "US": 0, "SL": 0, "UL": 0, "SV": 0, "UV": 0, "AT": 0, "OB": b"\0\0",
    "OW": b"\0\0", "OF": b"\0" * 4, "OD": b"\0" * 8, "OL": b"\0" * 4, "OV": b"\0" * 8, "UN": b"\0\0",
}  # fmt: skip
TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "CS", "AE", "PN"})
DEEPEST = 32
# PS3.15 E.3: what was done, said in the dataset itself.
METHOD_CODES = (("113100", "Basic Application Confidentiality Profile"),)
DATES_CODE = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
# Groups of which the table removes every attribute: curves, and overlays as far as it names them.
CURVES = range(0x5000, 0x5100)
OVERLAYS = range(0x6000, 0x6100)
OVERLAY_ELEMENTS = frozenset({0x3000, 0x4000})


@dataclass(frozen=True)
class _Profile:
    """`salt` makes the UIDs; with `shift`, dates are moved instead of taken away."""

    salt: str
    shift: DateShift | None = None
    mapping: dict[str, str] = field(default_factory=dict)

    def uid(self, value: str) -> str:
        if not value or value.startswith(STANDARD_UIDS):
            return value
        if value not in self.mapping:
            digest = salted_hmac(f"cdss.library.dicom_uid.{self.salt}", value, algorithm="sha256").digest()
            self.mapping[value] = uid_of(int.from_bytes(digest, "big"))
        return self.mapping[value]

    def apply(self, dataset: Dataset, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise ValueError(f"The dataset is nested deeper than {DEEPEST} sequences.")
        for tag in list(dataset.keys()):
            element = dataset[tag]
            action = action_of(element)
            if action == "remove":
                del dataset[tag]
            elif element.VR == "SQ":
                self._sequence(dataset, element, action, depth)
            elif element.VR == "UI":
                element.value = None if action == "empty" else _each(element.value, self.uid)
            elif action != "keep":
                self._value(element, action)

    def _sequence(self, dataset: Dataset, element: DataElement, action: str, depth: int) -> None:
        """Emptied, or cleaned inside; one that the table replaces keeps its shape and not a word of what it said."""
        if action == "empty":
            element.value = []
        for item in element.value or ():
            self.apply(item, depth + 1)
            if action == "dummy":
                self._dummies(item)

    def _dummies(self, dataset: Dataset) -> None:
        for tag in list(dataset.keys()):
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value or ():
                    self._dummies(item)
            elif element.VR != "UI" and not _is_dummy(element):
                self._value(element, "dummy")

    def _value(self, element: DataElement, action: str) -> None:
        if self.shift and element.VR in ("DA", "DT"):
            element.value = _each(str(element.value or ""), lambda value: self.shift.dicom(str(value), element.VR))  # type: ignore[union-attr]
        elif action == "empty":
            element.value = None
        elif element.VR in TEXTS:
            element.value = DUMMY_TEXT
        else:
            element.value = DUMMIES.get(element.VR)


def deidentify_dataset(
    dataset: Dataset, *, salt: str = "", patient: str = "", mapping: dict[str, str] | None = None
) -> Dataset:
    """A copy of a dataset without anything that names a person, a place, a device or a moment.

    The same UID becomes the same new one wherever it stands, in every file that is done with this `salt`; `mapping`
    collects old → new. With `patient`, dates are moved by the patient's shift and times of the day stay.

    Raises ValueError for a dataset that is nested too deeply.
    """
    from copy import deepcopy

    profile = _Profile(salt, DateShift.of(patient) if patient else None, {} if mapping is None else mapping)
    clean: Dataset = deepcopy(dataset)
    clean.remove_private_tags()
    profile.apply(clean)
    _say_so(clean, with_dates=bool(patient))
    meta = getattr(clean, "file_meta", None)
    if meta is not None:
        _clean_meta(meta, clean)
    if getattr(clean, "preamble", None):
        clean.preamble = b"\0" * 128  # type: ignore[attr-defined]
    return clean


def mapped_uid(value: str, *, salt: str = "") -> str:
    """The UID that stands for this one in whatever is de-identified with this salt."""
    return _Profile(salt).uid(value)


@cache
def table() -> Mapping[tuple[int, int], str]:
    """Of each attribute the profile names: remove, empty, dummy or uid. X stands before Z before D where it may."""
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as fields

    actions = {
        "remove": (fields.X_TAGS,),
        # Z, or what may be removed only where the object does not need it.
        "empty": (fields.Z_TAGS, fields.X_Z_TAGS),
        "dummy": (fields.D_TAGS, fields.Z_D_TAGS, fields.X_D_TAGS, fields.X_Z_D_TAGS),
        # X/Z/U*: sequences of references, whose UIDs are mapped.
        "uid": (fields.U_TAGS, fields.X_Z_U_STAR_TAGS),
    }
    return {tuple(tag): action for action, groups in actions.items() for tags in groups for tag in tags}  # type: ignore[misc]


def action_of(element: DataElement) -> str:
    tag = element.tag
    if tag.is_private or tag.group in CURVES or (tag.group in OVERLAYS and tag.element in OVERLAY_ELEMENTS):
        return "remove"
    named = table().get((tag.group, tag.element)) or BEYOND.get((tag.group, tag.element))
    if named:
        return named
    if element.VR == "PN":
        return "empty"
    return "keep" if element.keyword or tag.group in OVERLAYS else "remove"


def _is_dummy(element: DataElement) -> bool:
    return element.is_empty or element.value in (DUMMY_TEXT, DUMMIES.get(element.VR))


def _each(value: Any, change: Any) -> Any:
    if value is None or isinstance(value, str):
        return change(value) if value else value
    return [change(str(each)) for each in value]


def _say_so(dataset: Dataset, *, with_dates: bool) -> None:
    from pydicom.dataset import Dataset as NewDataset
    from pydicom.sequence import Sequence

    codes = []
    for value, meaning in (*METHOD_CODES, *([DATES_CODE] if with_dates else [])):
        code = NewDataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
        codes.append(code)
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethodCodeSequence = Sequence(codes)
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if with_dates else "REMOVED"


def _clean_meta(meta: Any, dataset: Dataset) -> None:
    for tag in list(meta.keys()):
        if meta[tag].keyword in META_NAMES or table().get((tag.group, tag.element), "uid") != "uid":
            del meta[tag]
    if "SOPInstanceUID" in dataset:
        meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
