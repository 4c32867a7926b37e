"""DICOM files made for the tests. Every name and number in them is invented."""

import io
import zlib

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite, write_file_meta_info
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)


def dataset(pixels: np.ndarray | None, syntax: str = ExplicitVRLittleEndian, **elements: object) -> Dataset:
    """One object with these pixels: (rows, columns), (rows, columns, 3) uint8, or (frames, rows, columns)."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = CTImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.Modality, made.PatientName, made.PatientID = "CT", "Specimen^Invented", "T-0001"
    if pixels is not None:
        _describe(made, pixels, big=syntax == ExplicitVRBigEndian)
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def written(made: Dataset) -> bytes:
    file = io.BytesIO()
    dcmwrite(file, made, enforce_file_format=True)
    return file.getvalue()


def dicom_bytes(pixels: np.ndarray | None, syntax: str = ExplicitVRLittleEndian, **elements: object) -> bytes:
    return written(dataset(pixels, syntax, **elements))


def deflated(body: bytes) -> bytes:
    """A file whose deflated dataset is these bytes, whatever they are."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    file = io.BytesIO()
    file.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(file, meta, enforce_standard=True)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return file.getvalue() + packer.compress(body) + packer.flush()


def read(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data))


def _describe(made: Dataset, pixels: np.ndarray, *, big: bool) -> None:
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    if pixels.ndim == 3 and not colour:
        made.NumberOfFrames = pixels.shape[0]
    made.Rows, made.Columns = pixels.shape[:2] if colour or pixels.ndim == 2 else pixels.shape[1:]
    made.SamplesPerPixel = 3 if colour else 1
    made.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        made.PlanarConfiguration = 0
    bits = pixels.dtype.itemsize * 8
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit = bits - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made["PixelData"] = pydicom.DataElement(
        0x7FE00010, "OB" if bits == 8 else "OW", pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes()
    )


SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
