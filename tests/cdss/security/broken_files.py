"""Files to break readers with: sound ones, what mutation makes of them, and bombs. Everything in them is made up."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pydicom
from fpdf import FPDF
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.cdss.bad_input.files import huge_png
from tests.retrieval.dicom_files import dataset, deflated, dicom_bytes, written

MEGABYTE = 1024 * 1024
KINDS = ("png", "jpg", "tif", "webp", "dcm", "pdf", "zip")
# Of pydicom's own test files: compressed in five ways, a palette, overlays, several frames.
SHIPPED = ("JPEG2000.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm",
           "OBXXXX1A.dcm", "MR_small_jpeg_ls_lossless.dcm", "examples_palette.dcm")  # fmt: skip


def _picture(kind: str, **options: object) -> bytes:
    pixels = np.random.default_rng(4).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, kind, **options)
    return made.getvalue()


def _pdf() -> bytes:
    paper = FPDF()
    paper.add_page()
    paper.set_font("Helvetica", size=12)
    paper.multi_cell(0, 8, "A made-up text on a made-up finding. " * 20)
    return bytes(paper.output())


def zipped(*members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return made.getvalue()


@cache
def sound() -> dict[str, list[bytes]]:
    """Files that are read without a word, by kind."""
    grey = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)
    dicom = [dicom_bytes(grey), dicom_bytes(grey, DeflatedExplicitVRLittleEndian)]
    for name in SHIPPED:
        if path := get_testdata_file(name, download=False):
            with open(path, "rb") as file:  # noqa: PTH123 - the package gives a text
                dicom.append(file.read())
    case = b'{"id": "1", "findings": "A nodule.", "images": [{"path": "a.png"}]}\n'
    return {
        "png": [_picture("PNG"), _picture("PNG", pnginfo=None, optimize=True)],
        "jpg": [_picture("JPEG"), _picture("JPEG", progressive=True)],
        "tif": [_picture("TIFF"), _picture("TIFF", compression="tiff_lzw")],
        "webp": [_picture("WEBP"), _picture("WEBP", lossless=True)],
        "dcm": [data for data in dicom if len(data) < MEGABYTE],
        "pdf": [_pdf()],
        "zip": [zipped(("cases.jsonl", case), ("a.png", _picture("PNG")))],
    }


# One mutation each: what is changed is drawn.
def _bits(data: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 3, 20))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _head_bytes(data: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 4))):
        data[draw.randrange(min(len(data), 600))] = draw.choice((0, 1, 0x7F, 0x80, 0xFF))


def _cut(data: bytearray, draw: random.Random) -> None:
    del data[draw.randrange(len(data)) :]


def _hole(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    del data[at : at + draw.choice((1, 2, 16, 500))]


def _twice(data: bytearray, draw: random.Random) -> None:
    at, size = draw.randrange(len(data)), draw.choice((4, 64, 4000))
    data[at:at] = data[at : at + size]


def _number(data: bytearray, draw: random.Random) -> None:
    """A length, a size or an offset that is far too large, or below zero."""
    at = draw.randrange(max(1, len(data) - 4))
    value = draw.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x0000FFFF))
    data[at : at + 4] = struct.pack(draw.choice(("<I", ">I")), value)


def _zeros(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    size = min(draw.choice((8, 256, 4096)), len(data) - at)
    data[at : at + size] = bytes(size)


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _bits, _head_bytes, _cut, _hole, _twice, _number, _zeros,
)  # fmt: skip


def mutated(count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """(name, bytes): every kind in turn, each broken in one to three ways."""
    draw = random.Random(seed)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        data = bytearray(draw.choice(sound()[kind]))
        for _ in range(draw.choice((1, 1, 2, 3))):
            if data:
                draw.choice(MUTATIONS)(data, draw)
        yield f"upload-{number}.{kind}", bytes(data)


@cache
def header_classes() -> dict[str, bytes]:
    """DICOM files of the classes that broke a well-known server: sizes that overflow when they are multiplied, pixels
    that are fewer than declared, palettes and fragments out of bounds, lengths beyond the file. (Inflation: BOMBS.)"""
    grey = np.arange(600, dtype=np.uint16).reshape(20, 30)
    made: dict[str, bytes] = {}
    for name, elements in {
        "rows and columns that overflow": {"Rows": 65535, "Columns": 65535},
        "no rows": {"Rows": 0},
        "more samples than stored": {
            "SamplesPerPixel": 3,
            "PhotometricInterpretation": "RGB",
            "PlanarConfiguration": 0,
        },
        "samples of no kind": {"SamplesPerPixel": 65535},
        "frames that overflow": {"NumberOfFrames": "2147483647"},
        "frames below zero": {"NumberOfFrames": "-5"},
        "bits beyond the word": {"BitsAllocated": 16, "BitsStored": 64, "HighBit": 63},
        "bits of no word": {"BitsAllocated": 13},
        "a palette that is not there": {"PhotometricInterpretation": "PALETTE COLOR"},
    }.items():
        made[name] = dicom_bytes(grey, **elements)
    palette = dataset(grey, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [4, 65000, 16])
        setattr(palette, f"{colour}PaletteColorLookupTableData", b"\1\0\2\0")
    made["a palette shorter than its indices"] = written(palette)
    whole = dicom_bytes(grey)
    at = whole.rindex(b"\xe0\x7f\x10\x00")
    made["a length beyond the file"] = whole[: at + 8] + b"\xfe\xff\xff\xff" + whole[at + 12 :]
    made["pixels of undefined length, uncompressed"] = whole[: at + 8] + b"\xff\xff\xff\xff" + whole[at + 12 :]
    made["a meta group that never ends"] = whole[:140] + b"\xff\xff\xff\xff" + whole[144:]
    for name in ("MR_small_RLE.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm"):
        if path := get_testdata_file(name, download=False):
            made |= {f"{name}: {what}": data for what, data in _encapsulated(pydicom.dcmread(path)).items()}
    return made


def _encapsulated(good: pydicom.Dataset) -> dict[str, bytes]:
    pixels, made = good.PixelData, {}
    for name, data in {
        "an offset table that lies": pixels[:4] + struct.pack("<I", 4) + b"\xff\xff\xff\x7f" + pixels[8:],
        "a fragment longer than the file": pixels[:12] + b"\xff\xff\xff\x7f" + pixels[16:],
        "no fragment": pixels[:8] + b"\xfe\xff\xdd\xe0\0\0\0\0",
        "a header of other numbers": pixels[:16] + b"\xff" * 64 + pixels[80:],
    }.items():
        good.PixelData = data
        file = io.BytesIO()
        try:
            good.save_as(file)
        except Exception:  # noqa: S112 - what the writer itself refuses is no file
            continue
        made[name] = file.getvalue()
    return made


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(side: int, *, extra: bytes = b"", real: bool = False) -> bytes:
    """One bit a pixel; with `real`, every row is there."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes((side + 7) // 8 + 1)) for _ in range(side if real else 1)) + packer.flush()
    body = _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _strip(width: int, height: int) -> bytes:
    body = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + body + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _tiff(width: int, height: int, *, pages: int = 1) -> bytes:
    """Directories without pixels."""
    entries = ((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
               (278, 4, 1, height), (279, 4, 1, 16))  # fmt: skip
    size = 2 + 12 * len(entries) + 4
    made = bytearray(b"II*\0" + struct.pack("<I", 8))
    for page in range(pages):
        following = len(made) + size if page < pages - 1 else 0
        made += struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        made += struct.pack("<I", following)
    return bytes(made)


def _zip_of_zeros(megabytes: int, members: int = 1, name: str = "case-{}.xml") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(members):
            with archive.open(name.format(number), "w") as member:
                for _ in range(megabytes):
                    member.write(bytes(MEGABYTE))
    return made.getvalue()


def _pdf_of(stream: bytes, *, filters: str = "/FlateDecode", head: str = "", page: str = "") -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R {page} >>".encode(),
        f"<< /Length {len(stream)} /Filter {filters} {head} >>\nstream\n".encode() + stream + b"\nendstream",
    ]
    made, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    start = len(made)
    made += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF".encode()
    return bytes(made)


def _zeros(megabytes: int, raw: bool = False) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS if raw else zlib.MAX_WBITS)
    return b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(megabytes)) + packer.flush()


def _nested_sequences(deep: int) -> bytes:
    """Explicit little endian, sequences of undefined length one in the other."""
    opened = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return dicom_bytes(None) + opened * deep


def _elements(count: int, inside: bool = False) -> bytes:
    """As many empty elements, in the dataset or in one sequence."""
    body = b"".join(struct.pack("<HH2sH", 0x0009, 0x1000 + number % 0xEFFF, b"LO", 0) for number in range(count))
    if not inside:
        return dicom_bytes(None) + body
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", 0)
    return dicom_bytes(None) + struct.pack("<HH2s2sI", 0x0040, 0x0275, b"SQ", b"\0\0", 8 * count) + item * count


def bomb(name: str) -> bytes:
    """Small outside, far too large, too deep or too many inside."""
    return BOMBS[name]()


def _laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f"<!DOCTYPE l [<!ENTITY l0 'ha'>{entities}]><MIRCdocument>&l9;</MIRCdocument>".encode()


def _blow_up() -> bytes:
    entity = b"<!DOCTYPE l [<!ENTITY a '" + b"a" * 100_000 + b"'>]>"
    return entity + b"<MIRCdocument>" + b"&a;" * 90_000 + b"</MIRCdocument>"


def _wide_png() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 1, 8, 0, 0, 0, 0))


def _large_jpeg() -> bytes:
    frame = b"\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    return b"\xff\xd8\xff\xc0\x00" + frame + b"\xff\xda"


def _large_bmp() -> bytes:
    sizes = (70, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", *sizes) + bytes(16)


def _deflated_zeros() -> bytes:
    """0.97 MB, of which pydicom alone makes 1.9 GB."""
    head = deflated(b"")[:-2]
    element = struct.pack("<HH2s2sI", 0x0009, 0x1001, b"OB", b"\0\0", 1000 * MEGABYTE)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(element) + b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(1000)) + packer.flush()
    return head + body


def _codestream(side: int) -> bytes:
    path = get_testdata_file("JPEG2000.dcm", download=False)
    good = pydicom.dcmread(path)
    at = good.PixelData.index(b"\xff\x4f\xff\x51") + 8
    good.PixelData = good.PixelData[:at] + struct.pack(">II", side, side) + good.PixelData[at + 8 :]
    file = io.BytesIO()
    good.save_as(file)
    return file.getvalue()


def _many_members(count: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.png", b"")
    return made.getvalue()


def _overlapping(count: int) -> bytes:
    """One member of 8 MB, listed so many times."""
    whole = zipped(("a.png", bytes(8 * MEGABYTE)))
    end = whole.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<I", whole, end + 16)[0]
    listed = whole[start:end] * count
    return whole[:start] + listed + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(listed), start, 0)


def _with_flag(data: bytes, flag: int) -> bytes:
    made = bytearray(data)
    made[6] |= flag
    made[made.rindex(b"PK\x01\x02") + 8] |= flag
    return bytes(made)


def _bzip2(megabytes: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_BZIP2) as archive, archive.open("a.xml", "w") as member:
        for _ in range(megabytes):
            member.write(bytes(MEGABYTE))
    return made.getvalue()


# Fifty of them.
BOMBS: dict[str, Callable[[], bytes]] = {
    "13,000 squared.png": lambda: _png(13_000, real=True),
    "30,000 squared.png": lambda: huge_png(),
    "100,000 squared.png": lambda: _png(100_000),
    "2 thousand million wide.png": _wide_png,
    "text of 400 MB.png": lambda: _png(64, extra=_chunk(b"zTXt", b"Comment\0\0" + _zeros(400)), real=True),
    "profile of 400 MB.png": lambda: _png(64, extra=_chunk(b"iCCP", b"icc\0\0" + _zeros(400)), real=True),
    "international text.png": lambda: _png(64, extra=_chunk(b"iTXt", b"k\0\1\0\0\0" + _zeros(400)), real=True),
    "65,535 squared.jpg": _large_jpeg,
    "16,383 squared.webp": lambda: b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xfe\x3f\0\xfe\x3f\0" + bytes(20),
    "60,000 squared.bmp": _large_bmp,
    "50,000 squared.tif": lambda: _tiff(50_000, 50_000),
    "70 megapixels in a strip.png": lambda: _strip(70_000, 1_000),
    "30,000 pages.tif": lambda: _tiff(10, 10, pages=30_000),
    "deflated zeros.dcm": _deflated_zeros,
    "deflated elements.dcm": lambda: deflated(_elements(2_000_000)[400:]),
    "400,000 elements.dcm": lambda: _elements(400_000),
    "2,000,000 items.dcm": lambda: _elements(2_000_000, inside=True),
    "5,000 sequences deep.dcm": lambda: _nested_sequences(5_000),
    "65,535 squared.dcm": lambda: dicom_bytes(np.zeros((4, 4), dtype=np.uint16), Rows=65535, Columns=65535),
    "2 thousand million frames.dcm": lambda: dicom_bytes(np.zeros((4, 4)).astype("u2"), NumberOfFrames="2147483647"),
    "JPEG 2000 of another size.dcm": lambda: _codestream(60_000),
    "zeros.zip": lambda: _zip_of_zeros(400),
    "ten members.zip": lambda: _zip_of_zeros(90, 10),
    "pictures.zip": lambda: _zip_of_zeros(300, 1, "a-{}.png"),
    "200,000 members.zip": lambda: _many_members(200_000),
    "a ZIP in a ZIP.zip": lambda: zipped(("inner.zip", zipped(("inner.zip", _zip_of_zeros(50))))),
    "overlapping.zip": lambda: _overlapping(2_000),
    "a password.zip": lambda: _with_flag(zipped(("a.png", b"x" * 99)), 1),
    "bzip2.zip": lambda: _bzip2(300),
    "flate.pdf": lambda: _pdf_of(_zeros(900)),
    "flate twice.pdf": lambda: _pdf_of(zlib.compress(_zeros(900), 9), filters="[/FlateDecode /FlateDecode]"),
    "columns.pdf": lambda: _pdf_of(zlib.compress(b"x"), head="/DecodeParms << /Predictor 15 /Columns 2000000000 >>"),
    "hex of hex.pdf": lambda: _pdf_of(b"<" * 5_000_000, filters="[" + "/ASCIIHexDecode " * 40 + "]"),
    "arrays.pdf": lambda: _pdf_of(b"", page="/X " + "[" * 100_000),
    "pages of pages.pdf": lambda: _pdf_of(b"").replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]"),
    "a million pages.pdf": lambda: _pdf_of(b"").replace(b"/Kids [3 0 R]", b"/Kids [" + b"3 0 R " * 1_000_000 + b"]"),
    "a reference to itself.pdf": lambda: _pdf_of(b"").replace(b"/Contents 4 0 R", b"/Contents 3 0 R"),
    "operators.pdf": lambda: _pdf_of(zlib.compress(b"BT /F 1 Tf (" + b"x" * 9_000_000 + b") Tj ET\n" * 9, 9)),
    "laughs.xml": _laughs,
    "blow-up.xml": _blow_up,
    "deep.xml": lambda: b"<MIRCdocument>" + b"<a>" * 900_000,
    "wide.xml": lambda: b"<MIRCdocument>" + b"<a/>" * 1_200_000 + b"</MIRCdocument>",
    "attributes.xml": lambda: b"<MIRCdocument " + b" ".join(b"a%d='1'" % n for n in range(400_000)) + b"/>",
    "an article without end.xml": lambda: b"<PubmedArticleSet><PubmedArticle>" + b"<a>x</a>" * 3_000_000,
    "articles nested.xml": lambda: b"<PubmedArticle>" * 500_000,
    "brackets.jsonl": lambda: b'{"id": "1", "images": ' + b"[" * 5_000_000,
    "a line of 60 MB.jsonl": lambda: b'{"id": "1", "history": "' + b"a" * (60 * MEGABYTE) + b'"}',
    "a number of 4 MB.jsonl": lambda: b'{"id": ' + b"9" * (4 * MEGABYTE) + b"}",
    "carried.jsonl": lambda: b'{"id": "1", "carried": {"format": "mirc", "tree": ' + b'["a", {}, [' * 90_000,
    "objects.jsonl": lambda: b'{"id": "1", "images": [' + b"{}," * 2_000_000 + b"{}]}",
}  # fmt: skip
