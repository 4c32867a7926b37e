"""DICOM files made for tests; no patient's."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

STUDY, SERIES, SPACE = "1.2.826.0.1.3680043.9.1", "1.2.826.0.1.3680043.9.1.1", "1.2.826.0.1.3680043.9.1.9"


def values_at(number: int, rows: int = 20, columns: int = 30) -> np.ndarray:
    """HU of a slice: the same for the same number."""
    return np.random.default_rng(number).integers(-1024, 1500, (rows, columns)).astype(np.int16)


def ct(number: int, *, z: float | None = None, pixels: np.ndarray | None = None, **elements: Any) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, SERIES, SPACE
    dataset.SOPInstanceUID = f"{SERIES}.{number + 1}"
    dataset.PatientID, dataset.PatientName = "MRN-4711", "Muster^Erika"
    dataset.InstitutionName = "A hospital"
    dataset.StudyDescription = "Seen by Dr. Muster"
    dataset.Modality, dataset.BodyPartExamined = "CT", "CHEST"
    dataset.InstanceNumber = number
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [-10, -20, float(number if z is None else z)]
    dataset.PixelSpacing = [0.5, 0.75]
    values = values_at(number) if pixels is None else pixels
    # Stored as unsigned, as scanners do: the rescale makes Hounsfield units of it.
    stored = (values + 1024).astype("<u2")
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [400, 1500]
    dataset.BurnedInAnnotation = "NO"
    dataset.PixelData = stored.tobytes()
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def written(dataset: Dataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def study(count: int, **elements: Any) -> list[tuple[str, bytes]]:
    return [(f"IM{number:04}.dcm", written(ct(number, **elements))) for number in range(count)]


def zipped(members: Sequence[tuple[str, bytes]], **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def new_uid() -> str:
    return str(generate_uid())
