"""A case as an IHE teaching file: a Key Object Selection, a report that tells it, and its images as Secondary Capture.

UIDs are made from the case and the site's key: the same case has the same ones in each export, and nobody is named.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from django.utils.crypto import salted_hmac

from cdss.exchange.bundles import Adds
from cdss.library.ages import dicom_age
from cdss.library.dicom_header import MODALITIES
from cdss.library.image_files import is_grey_png
from cdss.library.importers import tce_fields as fields
from cdss.library.models import Case, CaseImage
from cdss.reading import door
from retrieval.dicom_objects import NO_DAY, NO_TIME, SECONDARY_CAPTURE, file_bytes, uid_of

if TYPE_CHECKING:
    from pydicom import Dataset

SELECTION_CLASS = "1.2.840.10008.5.1.4.1.1.88.59"
PRESENTATION_STATES = "1.2.840.10008.5.1.4.1.1.11."
REPORT_CLASS = "1.2.840.10008.5.1.4.1.1.88.11"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
SEXES = {"male": "M", "female": "F", "other": "O", "m": "M", "f": "F"}
SELECTION, INFORMATION = "selection.dcm", "information.dcm"


def uid(case: Case, *parts: object) -> str:
    named = "\0".join([case.source_name, case.source_id, *map(str, parts)])
    digest = salted_hmac("cdss.exchange.uid", named, algorithm="sha256").hexdigest()
    return uid_of(int(digest[:32], 16))


def frame_uid(case: Case, image: CaseImage, number: int) -> str:
    return uid(case, "image", image.sha256, number)


def capture(case: Case, image: CaseImage, *, place: int, number: int, png: bytes, shows_no_text: bool) -> bytes:
    """One frame as a Secondary Capture: its series is the image, its number the slice."""
    pixels, grey = door.picture(png), is_grey_png(png)
    if grey:
        pixels = pixels[..., 0]
    dataset = _common(case, SECONDARY_CAPTURE, frame_uid(case, image, number))
    dataset.SeriesInstanceUID = uid(case, "series", image.sha256)
    dataset.SeriesNumber, dataset.InstanceNumber = place + 1, number + 1
    dataset.Modality = image.modality if image.modality in MODALITIES else "OT"
    dataset.ConversionType = "WSD"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.PatientOrientation = ""
    if shows_no_text:
        dataset.BurnedInAnnotation = "NO"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = (1, "MONOCHROME2") if grey else (3, "RGB")
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    if grey:
        # The stored values as they are: a viewer must not spread them.
        dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = "127", "255", "LINEAR_EXACT"
    else:
        dataset.PlanarConfiguration = 0
    data = pixels.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    return _written(dataset)


def report(case: Case, root: Element, images: Sequence[tuple[CaseImage, Sequence[str]]]) -> bytes:
    dataset = _document(case, REPORT_CLASS, uid(case, "information"), "information", fields.INFORMATION)
    dataset.ContentSequence = [_item(each) for each in root]
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.PerformedProcedureCodeSequence = []
    if images:
        dataset.CurrentRequestedProcedureEvidenceSequence = [_evidence(case, images)]
    return _written(dataset)


@dataclass(frozen=True, slots=True)
class Objects:
    """What else is written for a case: study, series, class and UID of each object."""

    found: list[tuple[str, str, str, str]] = field(default_factory=list)

    def noted(self, bundle: Adds) -> Noting:
        return Noting(bundle, self.found)


@dataclass(slots=True)
class Noting:
    """A bundle that notes the DICOM objects which go into it."""

    bundle: Adds
    found: list[tuple[str, str, str, str]]

    def add(self, name: str, data: bytes) -> None:
        from pydicom import dcmread

        made = dcmread(io.BytesIO(data), stop_before_pixels=True)
        named = (made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPClassUID, made.SOPInstanceUID)
        self.found.append((str(named[0]), str(named[1]), str(named[2]), str(named[3])))
        self.bundle.add(name, data)


def selection(case: Case, images: Sequence[tuple[CaseImage, Sequence[str]]], objects: Objects) -> bytes:
    dataset = _document(case, SELECTION_CLASS, uid(case, "selection"), "selection", fields.EXPORT)
    named = [_reference("IMAGE", SECONDARY_CAPTURE, each) for _, uids in images for each in uids]
    others = [_reference(_kind(kind), kind, each) for _, _, kind, each in objects.found]
    dataset.ContentSequence = [_reference("COMPOSITE", REPORT_CLASS, uid(case, "information")), *named, *others]
    evidence = _evidence(case, images)
    evidence.ReferencedSeriesSequence.append(
        _series(uid(case, "series", "information"), REPORT_CLASS, [uid(case, "information")])
    )
    dataset.CurrentRequestedProcedureEvidenceSequence = [evidence, *_other_evidence(objects)]
    return _written(dataset)


def _kind(sop_class: str) -> str:
    return "COMPOSITE" if sop_class.startswith(PRESENTATION_STATES) else "IMAGE"


def _other_evidence(objects: Objects) -> Iterator[Dataset]:
    from pydicom.dataset import Dataset

    series: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for study, number, kind, each in objects.found:
        series.setdefault(study, {}).setdefault(number, []).append((kind, each))
    for study, held in series.items():
        item = Dataset()
        item.StudyInstanceUID, item.ReferencedSeriesSequence = study, []
        for number, named in held.items():
            one = _series(number, "", [])
            one.ReferencedSOPSequence = [_sop(*each) for each in named]
            item.ReferencedSeriesSequence.append(one)
        yield item


def _common(case: Case, kind: str, instance: str) -> Dataset:
    from pydicom.dataset import Dataset

    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind, instance
    dataset.StudyInstanceUID = uid(case, "study")
    dataset.StudyDate = dataset.StudyTime = ""
    dataset.StudyID = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    number = salted_hmac("cdss.exchange.case", f"{case.source_name}\0{case.source_id}", algorithm="sha256").hexdigest()
    dataset.PatientID = f"TF-{number[:12]}"
    dataset.PatientName, dataset.PatientBirthDate = "Teaching^File", ""
    dataset.PatientSex = SEXES.get(case.sex.lower(), "")
    if age := dicom_age(case.age_years):
        dataset.PatientAge = age
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Made anew from a de-identified case; no source header is kept"
    dataset.Manufacturer = ""
    return dataset


def _document(case: Case, kind: str, instance: str, series: str, concept: tuple[str, str, str]) -> Dataset:
    dataset = _common(case, kind, instance)
    dataset.SeriesInstanceUID = uid(case, "series", series)
    dataset.Modality = "KO" if kind == SELECTION_CLASS else "SR"
    dataset.SeriesNumber, dataset.InstanceNumber = (9001 if kind == SELECTION_CLASS else 9002), 1
    dataset.ContentDate, dataset.ContentTime = NO_DAY, NO_TIME
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [_code(*concept)]
    if kind == SELECTION_CLASS:
        dataset.ContentTemplateSequence = [_template("2010")]
    return dataset


def _item(element: Element) -> Dataset:
    from pydicom.dataset import Dataset

    if element.tag == "IMAGE":
        return _reference("IMAGE", SECONDARY_CAPTURE, element.get("instance", ""))
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", element.tag
    item.ConceptNameCodeSequence = [
        _code(element.get("code", ""), element.get("scheme", ""), element.get("meaning", ""))
    ]
    if element.tag == "TEXT":
        item.TextValue = element.text or ""
    elif element.tag == "CODE":
        said = (element.get(name, "") for name in ("value", "value-scheme", "value-meaning"))
        item.ConceptCodeSequence = [_code(*said)]
    else:
        item.ContinuityOfContent = "SEPARATE"
    if len(element):
        item.ContentSequence = [_item(each) for each in element]
    return item


def _reference(kind: str, sop_class: str, instance: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", kind
    item.ReferencedSOPSequence = [_sop(sop_class, instance)]
    return item


def _evidence(case: Case, images: Sequence[tuple[CaseImage, Sequence[str]]]) -> Dataset:
    from pydicom.dataset import Dataset

    study = Dataset()
    study.StudyInstanceUID = uid(case, "study")
    study.ReferencedSeriesSequence = [
        _series(uid(case, "series", image.sha256), SECONDARY_CAPTURE, uids) for image, uids in images
    ]
    return study


def _series(series: str, sop_class: str, instances: Sequence[str]) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.SeriesInstanceUID = series
    item.ReferencedSOPSequence = [_sop(sop_class, each) for each in instances]
    return item


def _sop(sop_class: str, instance: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    setattr(item, "CodeValue" if len(value) <= 16 else "LongCodeValue", value)
    item.CodingSchemeDesignator, item.CodeMeaning = scheme[:16], meaning[:64]
    return item


def _template(number: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.MappingResource, item.TemplateIdentifier = "DCMR", number
    return item


def _written(dataset: Any) -> bytes:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    return file_bytes(dataset)
