"""Masks as DICOM segmentations (SEG), out and in again.

The library keeps pictures, not the DICOM objects they came from: a segmentation names a stand-in for its picture, whose
identifiers are made from the SHA-256 of the pixels. The same picture in another site has the same ones.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cdss.library.models import CaseImage
from cdss.regions.models import Origin, RegionMask
from cdss.regions.services import RefusedError, mask_of
from retrieval.dicom_objects import SECONDARY_CAPTURE, file_bytes, uid_of

if TYPE_CHECKING:
    from pydicom import Dataset

    from cdss.regions.masks import Mask

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
MAKER = "CDSS"


def segmentation_of(mask: RegionMask) -> bytes:
    """One binary segment on one frame, labelled with the structure's name; a proposal that a person has accepted or
    corrected says that it was made with an algorithm."""
    highdicom = _highdicom()
    source = _stand_in(mask.image, mask.frame)
    described = highdicom.seg.SegmentDescription(
        segment_number=1,
        segment_label=mask.structure.name[:64],
        segmented_property_category=highdicom.sr.CodedConcept("123037004", "SCT", "Anatomical Structure"),
        segmented_property_type=highdicom.sr.CodedConcept("85756007", "SCT", "Tissue"),
        **_made_by(mask, highdicom),
    )
    made = highdicom.seg.Segmentation(
        source_images=[source],
        pixel_array=mask_of(mask)[None].astype("uint8"),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[described],
        series_instance_uid=_uid("series of masks", mask.image.sha256),
        series_number=1,
        sop_instance_uid=_uid("mask", mask.image.sha256, str(mask.pk), mask.runs),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions="1",
        device_serial_number="0",
        content_label="MASK",
    )
    return file_bytes(made)


def segmentation_read(data: bytes, *, image: CaseImage, frame: int) -> Mask:
    """The mask of this frame in a segmentation: what any of its segments covers.

    Raises RefusedError: no segmentation, damaged, too large, or of another image."""
    import numpy as np

    from cdss.reading import door
    from retrieval.errors import ReaderFailedError, UnreadableError

    uid, size = _uid("image", image.sha256, str(frame)), {"width": image.width, "height": image.height}
    try:
        part = door.read(f"{door.SEGMENTATIONS}:mask", data, uid=uid, **size)
    except ReaderFailedError as error:
        raise RefusedError("This segmentation cannot be read. Export it again from its source.") from error
    except UnreadableError as error:
        raise RefusedError(str(error)) from error
    bits = np.unpackbits(np.frombuffer(part.blobs[0], dtype=np.uint8), count=image.width * image.height)
    mask: Mask = bits.reshape(image.height, image.width).astype(bool)
    return mask


def _made_by(mask: RegionMask, highdicom: Any) -> dict[str, Any]:
    kinds = highdicom.seg.SegmentAlgorithmTypeValues
    if mask.origin not in (Origin.ACCEPTED, Origin.CORRECTED):
        return {"algorithm_type": kinds.MANUAL}
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name="Nearest patches of masked images",
        version="1",
        family=highdicom.sr.CodedConcept("123109", "DCM", "Manual Processing"),
    )
    return {"algorithm_type": kinds.SEMIAUTOMATIC, "algorithm_identification": algorithm}


def _stand_in(image: CaseImage, frame: int) -> Dataset:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    source = Dataset()
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE_ENDIAN)
    source.SOPClassUID = SECONDARY_CAPTURE
    source.SOPInstanceUID = _uid("image", image.sha256, str(frame))
    source.SeriesInstanceUID = _uid("series", image.sha256)
    source.StudyInstanceUID = _uid("study", image.sha256)
    source.Modality = "OT"
    source.Rows, source.Columns = image.height, image.width
    for empty in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
        setattr(source, empty, "")
    source.AccessionNumber = source.ReferringPhysicianName = ""
    return source


def _uid(*parts: str) -> str:
    return uid_of(int.from_bytes(sha256("|".join(parts).encode()).digest()[:16]))


def _highdicom() -> Any:
    import highdicom
    import highdicom.seg
    import highdicom.sr

    return highdicom
