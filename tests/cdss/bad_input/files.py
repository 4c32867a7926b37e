"""Files nobody should send. Everything in them is made up."""

import io
import struct
import zipfile
import zlib
from functools import cache

import numpy as np
from PIL import Image
from pypdf import PdfWriter

from tests.retrieval.dicom_files import dicom_bytes


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def huge_png(side: int = 30_000) -> bytes:
    """Seventy bytes that declare a picture of 900 megapixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in chunks)


def good_png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(1200, dtype=np.uint16).astype(np.uint8).reshape(30, 40)).save(file, "PNG")
    return file.getvalue()


@cache
def zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("case.xml", "w") as member:
        for _ in range(40):
            member.write(bytes(1024 * 1024))
    return file.getvalue()


def pdf_without_text() -> bytes:
    file = io.BytesIO()
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.write(file)
    return file.getvalue()


@cache
def images() -> dict[str, tuple[bytes, str]]:
    """By name: the bytes, and what has to be said of them."""
    whole = dicom_bytes(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64))
    return {
        "text.png": (b"no image at all\n" * 20, "not an image that can be read"),
        "empty.png": (b"", "empty"),
        "huge.png": (huge_png(), "30,000 × 30,000 pixels"),
        "cut.dcm": (whole[:-3000], "truncated"),
        "stub.dcm": (whole[:140], "holds no DICOM elements"),
        "report.dcm": (dicom_bytes(None), "holds no pixels"),
        "bomb.zip": (zip_bomb(), "ZIP file where one image is expected"),
    }
