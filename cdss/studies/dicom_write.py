"""Marks as DICOM: a presentation state (GSPS) and a structured report (TID 1500), written by highdicom.

They refer to images by the UIDs that de-identification gave them, so they fit the de-identified series, and files of
the same images that were de-identified by this site.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.crypto import salted_hmac

from cdss.library.dicom_profile import mapped_uid
from cdss.studies.errors import StudyError
from cdss.studies.measuring import TILTED, half_axes
from cdss.studies.models import Mark, MarkKind, Series
from cdss.studies.shown import Shown, references
from retrieval.dicom_objects import SECONDARY_CAPTURE, file_bytes, make_lasting, uid_of

if TYPE_CHECKING:
    from pydicom import Dataset

MAKER, MODEL, SOFTWARE = "CDSS", "CDSS viewer", "1"
UCUM_UNITS = {"HU": ("[hnsf'U]", "Hounsfield unit"), "mm": ("mm", "millimeter"), "px": ("{pixels}", "pixels"),
              "mm²": ("mm2", "square millimeter"), "px²": ("{pixels2}", "square pixels"), "Bq/ml": ("Bq/ml", "Bq/ml"),
              "g/ml": ("g/ml", "g/ml"), "counts": ("{counts}", "counts"), "SUV": ("{SUVbw}g/ml", "SUV body weight"),
              "%": ("%", "percent")}  # fmt: skip
# Classes whose images have one frame each, and those of several that they stand for when frames are told apart.
STORAGE = "1.2.840.10008.5.1.4.1.1."
ONE_FRAME = frozenset(f"{STORAGE}{kind}" for kind in ("1", "1.1", "1.1.1", "1.2", "1.2.1", "2", "4", "6.1", "128"))
OF_ONE_FRAME = {f"{STORAGE}{many}": f"{STORAGE}{one}" for many, one in (("2.1", "2"), ("4.1", "4"), ("3.1", "6.1"))}
NO_UNITS = ("1", "no units")
# Of the ellipse: its name, and how it was derived from the values within.
STATISTICS = {"mean": "Mean", "sd": "StandardDeviation", "min": "Minimum", "max": "Maximum"}


def presentation_state(shown: Shown, marks: Sequence[Mark], *, lasting: bool = False) -> bytes:
    """The same bytes each time where it is `lasting`. Raises StudyError without marks."""
    import highdicom as hd

    images = _images(shown, marks)
    layer = hd.pr.GraphicLayer("ANNOTATIONS", order=1, description="Marks")
    notes = [_annotation(shown, mark, images, layer) for mark in marks]
    colour = shown.pixels == "rgb8"
    make = hd.pr.ColorSoftcopyPresentationState if colour else hd.pr.GrayscaleSoftcopyPresentationState
    more: dict[str, Any] = {} if colour else {"presentation_lut_transformation": _shape(shown)}
    try:
        state = make(
            referenced_images=list(images.values()),
            series_instance_uid=hd.UID(),
            series_number=900,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer=MAKER,
            manufacturer_model_name=MODEL,
            software_versions=SOFTWARE,
            device_serial_number="1",
            content_label="ANNOTATIONS",
            graphic_layers=[layer],
            graphic_annotations=notes,
            **more,
        )
    except ValueError as error:
        raise StudyError(
            "Marks on several images of this kind do not go into one file: export one at a time."
        ) from error
    if lasting:
        make_lasting(state, seed="|".join(sorted(images)))
        return file_bytes(state)
    return _bytes(state)


def structured_report(shown: Shown, marks: Sequence[Mark]) -> bytes:
    """TID 1500: an ellipse as a region with its statistics, a length and an angle with the points they were taken at.

    Arrows and texts measure nothing: they go into the presentation state alone. Raises StudyError without measures.
    """
    import highdicom as hd
    from pydicom.sr.codedict import codes

    measures = [mark for mark in marks if mark.values]
    images = _images(shown, measures)
    person = hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=mapped_uid("cdss.viewer"), name=MODEL, manufacturer_name=MAKER
        ),
    )
    groups = [_group(shown, mark, images) for mark in measures]
    report = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=person),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion
        if getattr(shown.row, "modality", "") == "CT"
        else hd.sr.CodedConcept("P5-00000", "SRT", "Radiologic procedure"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    document = hd.sr.ComprehensiveSR(
        evidence=list(images.values()),
        content=report,
        series_instance_uid=hd.UID(),
        series_number=901,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=MAKER,
    )
    return _bytes(document)


def image_dataset(shown: Shown, frame: int) -> Dataset:
    """The header of the image that a frame belongs to, as a reference needs it; it names nobody."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    row = shown.row
    uid, number = references(shown)[frame]
    case = mapped_uid(f"cdss.case.{shown.case.pk}")
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    series = row if isinstance(row, Series) else None
    dataset.SOPClassUID = _sop_class(shown, series.sop_class if series else "")
    dataset.SOPInstanceUID = uid
    dataset.StudyInstanceUID = series.study_uid if series else case
    dataset.SeriesInstanceUID = series.series_uid if series else mapped_uid(f"cdss.images.{shown.case.pk}")
    dataset.PatientID = pseudonym(shown)
    dataset.PatientName = "Anonymized^"
    for keyword in ("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
        setattr(dataset, keyword, "")
    dataset.Modality = (series.modality if series else "") or "OT"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "PS3.15 basic profile"
    dataset.Rows, dataset.Columns = shown.rows, shown.columns
    dataset.SamplesPerPixel = 3 if shown.pixels == "rgb8" else 1
    if number:
        dataset.NumberOfFrames = str(shown.frames)
    if len(shown.spacing) == 2:
        dataset.PixelSpacing = [decimal(part) for part in shown.spacing]
    return dataset


def decimal(value: float) -> str:
    """As a DICOM decimal string, which has room for sixteen characters."""
    for digits in range(15, 0, -1):
        if len(text := format(value, f".{digits}g")) <= 16:
            return text
    return "0"


def _sop_class(shown: Shown, stored: str) -> str:
    if shown.apart and stored not in ONE_FRAME:
        return OF_ONE_FRAME.get(stored, SECONDARY_CAPTURE)
    return stored or SECONDARY_CAPTURE


def pseudonym(shown: Shown) -> str:
    """Who a case is of without saying it: the same in whatever is written of the case."""
    return "C" + salted_hmac("cdss.studies.pseudonym", str(shown.case.pk), algorithm="sha256").hexdigest()[:12].upper()


def _images(shown: Shown, marks: Sequence[Mark]) -> dict[str, Dataset]:
    if not marks:
        raise StudyError(
            "There is nothing to export yet: draw a mark first. A report holds lengths, angles and ellipses."
        )
    found: dict[str, Dataset] = {}
    for mark in marks:
        dataset = image_dataset(shown, mark.frame)
        found.setdefault(str(dataset.SOPInstanceUID), dataset)
    return found


def _of(shown: Shown, mark: Mark, images: dict[str, Dataset]) -> tuple[Dataset, int]:
    uid, number = references(shown)[mark.frame]
    return images[uid], number


def _annotation(shown: Shown, mark: Mark, images: dict[str, Dataset], layer: Any) -> Any:
    import highdicom as hd

    image, number = _of(shown, mark, images)
    identity: dict[str, Any] = {"tracking_id": f"{mark.kind} {mark.pk}", "tracking_uid": mark_uid(mark)}
    points = np.array(mark.points, dtype=float)
    graphics = []
    if mark.kind == MarkKind.ELLIPSE:
        graphics.append(hd.pr.GraphicObject("ELLIPSE", _axes(points), "PIXEL", **identity))
    elif mark.kind != MarkKind.TEXT:
        graphics.append(hd.pr.GraphicObject("POLYLINE", points, "PIXEL", **identity))
    texts = []
    if mark.label:
        anchor = (float(points[0][0]), float(points[0][1]))
        texts.append(hd.pr.TextObject(mark.label, "PIXEL", anchor_point=anchor, **identity))
    return hd.pr.GraphicAnnotation(
        referenced_images=[image],
        graphic_layer=layer,
        referenced_frame_number=number or None,
        graphic_objects=graphics or None,
        text_objects=texts or None,
    )


def _group(shown: Shown, mark: Mark, images: dict[str, Dataset]) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    image, number = _of(shown, mark, images)
    source = hd.sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID, [number] if number else None)
    tracking = hd.sr.TrackingIdentifier(uid=mark_uid(mark), identifier=mark.label or f"{mark.kind} {mark.pk}")
    points = np.array(mark.points, dtype=float)
    if mark.kind == MarkKind.ELLIPSE:
        region = hd.sr.ImageRegion("ELLIPSE", _axes(points), source)
        return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking, referenced_region=region, measurements=_statistics(mark)
        )
    place = hd.sr.CoordinatesForMeasurement("POLYLINE", points, source)
    if mark.kind == MarkKind.LENGTH:
        name, value, unit = codes.SCT.Length, mark.values["length"], _unit(mark.values["length_unit"])
    else:
        name, value, unit = codes.SCT.Angle, mark.values["angle"], hd.sr.CodedConcept("deg", "UCUM", "degree")
    measure = hd.sr.Measurement(name=name, value=value, unit=unit, referenced_coordinates=[place])
    return hd.sr.MeasurementsAndQualitativeEvaluations(tracking_identifier=tracking, measurements=[measure])


def _statistics(mark: Mark) -> list[Any]:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    values = mark.values
    attenuation = hd.sr.CodedConcept("112031", "DCM", "Attenuation Coefficient")
    name = attenuation if values["unit"] == "HU" else hd.sr.CodedConcept("112033", "DCM", "Pixel value")
    found = [
        hd.sr.Measurement(name, values[key], _unit(values["unit"]), derivation=getattr(codes.SCT, keyword))
        for key, keyword in STATISTICS.items()
    ]
    return [*found, hd.sr.Measurement(codes.SCT.Area, values["area"], _unit(values["area_unit"]))]


def _unit(unit: str) -> Any:
    import highdicom as hd

    value, meaning = UCUM_UNITS.get(unit, NO_UNITS)
    return hd.sr.CodedConcept(value, "UCUM", meaning)


def _axes(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The ends of the longer axis, then of the shorter."""
    if len(points) == TILTED:
        one, other = points[:2], points[2:]
    else:
        (x, y), (across, _), (_, down) = half_axes(points.tolist())
        one, other = np.array([[x - across, y], [x + across, y]]), np.array([[x, y - down], [x, y + down]])
    first_is_longer = np.linalg.norm(one[1] - one[0]) >= np.linalg.norm(other[1] - other[0])
    return np.array([*one, *other] if first_is_longer else [*other, *one], dtype=float)


def _shape(shown: Shown) -> Any:
    import highdicom as hd

    inverted = isinstance(shown.row, Series) and shown.row.inverted
    return hd.PresentationLUTTransformation(presentation_lut_shape="INVERSE" if inverted else "IDENTITY")


def mark_uid(mark: Mark) -> str:
    return uid_of(mark.token.int)


def _bytes(dataset: Dataset) -> bytes:
    now = datetime.now(UTC)
    dataset.ContentDate, dataset.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    return file_bytes(dataset)
