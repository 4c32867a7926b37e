"""DICOM objects that are made here: their UIDs, and their bytes as a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
UUID_ROOT, UUID_BITS = "2.25.", 128


def uid_of(number: int) -> str:
    """The UID under 2.25 of a number in the place of a UUID, of which 128 bits count (DICOM PS3.5 B.2)."""
    return f"{UUID_ROOT}{number % (1 << UUID_BITS)}"


def file_bytes(dataset: Dataset) -> bytes:
    """The dataset as a DICOM file (PS3.10). It has its file meta information already.

    Raises:
        ValueError: an element that the file format asks for is missing.
    """
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()
