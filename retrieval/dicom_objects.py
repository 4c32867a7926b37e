"""DICOM objects that are made here: their UIDs, and their bytes as a file."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
UUID_ROOT, UUID_BITS = "2.25.", 128
# UIDs that highdicom makes up.
MADE_UP = "1.2.826.0.1.3680043.10.511.3."
# An object has to have a time: this one is nobody's.
NO_DAY, NO_TIME = "19000101", "000000"
NOBODYS_TIME = {"DA": NO_DAY, "TM": NO_TIME, "DT": f"{NO_DAY}{NO_TIME}"}


def uid_of(number: int) -> str:
    """The UID under 2.25 of a number in the place of a UUID, of which 128 bits count (DICOM PS3.5 B.2)."""
    return f"{UUID_ROOT}{number % (1 << UUID_BITS)}"


def make_lasting(dataset: Dataset, *, seed: str) -> None:
    """Changes a new object of highdicom in place so that the same content is the same bytes: its days and times become
    `NO_DAY` and `NO_TIME`, and the UIDs that were made up for it (under highdicom's root) come from the seed instead.
    """
    given: dict[str, str] = {}

    def settle(_: Dataset, element: Any) -> None:
        if element.VR in NOBODYS_TIME and element.value:
            element.value = NOBODYS_TIME[element.VR]
        elif element.VR == "UI" and str(element.value).startswith(MADE_UP):
            element.value = given.setdefault(str(element.value), _seeded(seed, len(given)))

    dataset.walk(settle)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _seeded(seed: str, number: int) -> str:
    return uid_of(int.from_bytes(sha256(f"{seed}|{number}".encode()).digest()[:16]))


def file_bytes(dataset: Dataset) -> bytes:
    """The dataset as a DICOM file (PS3.10). It has its file meta information already.

    Raises:
        ValueError: an element that the file format asks for is missing.
    """
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()
