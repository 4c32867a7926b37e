"""The size a compressed frame or a WebP file declares, read from its own markers."""

from __future__ import annotations

import struct

# SOF0–SOF15 without DHT (C4), JPG (C8), DAC (CC); and SOF55 of JPEG-LS.
_JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = {0x01, *range(0xD0, 0xD9)}
_J2K_START = b"\xff\x4f\xff\x51"


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """(width, height) of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K codestream; None when no size can be found.

    Source: ISO 10918-1 B.2.2, ISO 14495-1 C.2.2, ISO 15444-1 A.5.1.
    """
    if frame[:2] == b"\xff\xd8":
        return _jpeg_size(frame)
    start = frame.find(_J2K_START, 0, 4096)
    if start >= 0 and len(frame) >= start + 24:
        width, height, left, top = struct.unpack_from(">IIII", frame, start + 8)
        return width - left, height - top
    return None


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(frame):
        if frame[at] != 0xFF:
            return None
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _JPEG_ALONE:
            at += 2
            continue
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", frame, at + 5)
            return width, height
        at += 2 + int(struct.unpack_from(">H", frame, at + 2)[0])
    return None


def webp_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) of a WebP file's canvas, from its first chunk; None when it is not WebP.

    Source: RFC 9649 sections 2.5 to 2.7.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        packed = int.from_bytes(body[1:5], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None
