"""Masks as DICOM segmentations (SEG), out and in again.

A mask of a key image names the frame of the stored series that this image was made from. Of other pictures no DICOM
object is kept: their segmentation names a stand-in, whose identifiers are made from the SHA-256 of the pixels, so that
the same picture in another site has the same ones.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cdss.library.dicom_profile import mapped_uid
from cdss.library.models import CaseImage
from cdss.regions.models import Origin, RegionMask
from cdss.regions.services import RefusedError, mask_of
from cdss.studies.dicom_series import placed_dataset, slice_spacing
from cdss.studies.dicom_write import decimal, image_dataset
from cdss.studies.models import KeyImage
from cdss.studies.shown import Shown, of_series, references
from retrieval.dicom_objects import SECONDARY_CAPTURE, file_bytes, make_lasting, uid_of

if TYPE_CHECKING:
    from pydicom import Dataset

    from cdss.regions.masks import Mask

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
MAKER = "CDSS"


def segmentation_of(mask: RegionMask, *, lasting: bool = False) -> bytes:
    """One binary segment on one frame, labelled with the structure's name; a proposal that a person has accepted or
    corrected says that it was made with an algorithm. Where it is `lasting` the same mask is the same bytes each time,
    and a frame is told as an image of its own, as exports hold it."""
    highdicom = _highdicom()
    source, number = _source(mask.image, mask.frame, apart=lasting)
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
        series_instance_uid=_uid("series of masks", str(source.SeriesInstanceUID)),
        series_number=1,
        sop_instance_uid=_uid("mask", str(source.SOPInstanceUID), mask.structure.name, mask.runs),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions="1",
        device_serial_number="0",
        content_label="MASK",
    )
    if number:
        _name_frame(made, number)
    if lasting:
        make_lasting(made, seed=str(made.SOPInstanceUID))
    return file_bytes(made)


def segmentation_read(data: bytes, *, image: CaseImage, frame: int, of_one: bool = False) -> Mask:
    """The mask of this frame in a segmentation: what any of its segments covers. `of_one`: the file came with the
    image, and may name what it was made on by an identifier that is another here.

    Raises RefusedError: no segmentation, damaged, too large, or of another image."""
    import numpy as np

    from cdss.reading import door
    from retrieval.errors import ReaderFailedError, UnreadableError

    size = {"width": image.width, "height": image.height}
    try:
        sources = door.read(f"{door.SEGMENTATIONS}:sources", data, **size).facts["sources"]
        source = _meant(sources, image, frame, of_one)
        part = door.read(f"{door.SEGMENTATIONS}:mask", data, uid=source[0], frame=source[1], **size)
    except ReaderFailedError as error:
        raise RefusedError("This segmentation cannot be read. Export it again from its source.") from error
    except UnreadableError as error:
        raise RefusedError(str(error)) from error
    bits = np.unpackbits(np.frombuffer(part.blobs[0], dtype=np.uint8), count=image.width * image.height)
    mask: Mask = bits.reshape(image.height, image.width).astype(bool)
    return mask


def _source(image: CaseImage, frame: int, *, apart: bool = False) -> tuple[Dataset, int]:
    """What a mask was drawn on, and which of its frames; 0 where it has one."""
    shown, at = _of_series(image, frame)
    if shown is None:
        return _stand_in(image, frame), 0
    shown = replace(shown, apart=apart)
    apart_by = slice_spacing(shown)
    dataset = placed_dataset(shown, at) if apart_by else image_dataset(shown, at)
    dataset.ReferringPhysicianName = ""
    number = references(shown)[at][1]
    if number:
        del dataset.NumberOfFrames
    # A place in space is told with a thickness: for slices that touch it is their distance.
    if apart_by:
        dataset.SliceThickness = decimal(apart_by)
    elif "PixelSpacing" in dataset:
        del dataset.PixelSpacing
    return dataset, number


def _of_series(image: CaseImage, frame: int) -> tuple[Shown | None, int]:
    """The series that a key image was made from, and the frame in it."""
    key = KeyImage.objects.filter(image=image).select_related("series__case").first()
    if key is None or frame or (key.series.columns, key.series.rows) != (image.width, image.height):
        return None, 0
    return of_series(key.series), key.frame


def _meant(sources: list[list[Any]], image: CaseImage, frame: int, of_one: bool) -> tuple[str, int]:
    """Of the images and frames that a segmentation names, the one that is this. Identifiers are those that
    de-identification gave, or those that they were made from."""
    wanted = {(_uid("image", image.sha256, str(frame)), 0)}
    shown, at = _of_series(image, frame)
    if shown is not None:
        wanted |= {references(shown)[at], references(replace(shown, apart=True))[at]}
    for uid, number in sources:
        if (uid, number) in wanted or (mapped_uid(uid), number) in wanted or (of_one and len(sources) == 1):
            return str(uid), int(number)
    raise RefusedError("This segmentation was made on another image. Open the image it belongs to.")


def _name_frame(made: Dataset, number: int) -> None:
    for group in made.PerFrameFunctionalGroupsSequence:
        for derived in group.get("DerivationImageSequence", ()):
            for source in derived.SourceImageSequence:
                source.ReferencedFrameNumber = number


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
