"""In the child: an image or a DICOM file becomes a PNG of each frame, and the few facts that may be kept of it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import Image

from cdss.library.archives import is_zip
from cdss.library.dicom_header import HeaderFacts, header_facts, removed_identifiers, slice_place
from retrieval import dicom, imaging
from retrieval.errors import ImageError
from retrieval.images import Limits
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File
from retrieval.types import Pixels

Args = Mapping[str, Any]
# One of each kind is tried before the first child is forked: its decoders are loaded then.
# Enough to tell a ZIP file and DICOM.
HEAD = 256
WARMED = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")


def warm() -> None:
    from pydicom.pixels import get_decoder

    for kind in WARMED:
        written = io.BytesIO()
        Image.new("RGB", (8, 8)).save(written, kind)
        imaging.read_frames(written.getvalue())
    for syntax in ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"):
        get_decoder(syntax)
    dicom.is_dicom(b"")


def header(args: Args, file: File) -> Part:
    """What decoding it would hold at once."""
    limits = limits_of(args)
    found = imaging.probe(file.whole(), limits=limits)
    frames = limits.frames_within(found, imaging.MAX_FRAMES)
    return Part({"pixels": found.width * found.height * frames})


def image(args: Args, file: File) -> Part:
    head, limits, kept = os.pread(file.descriptor, HEAD, 0), limits_of(args), int(args["kept_frames"])
    if is_zip(head):
        raise ImageError("This is a ZIP file where one image is expected. Upload the image itself.")
    if dicom.is_dicom(head):
        return _dicom(file, limits, kept)
    data = file.whole()
    found = imaging.probe(data, limits=limits)
    frames = imaging.read_frames(data, limits=limits, max_frames=kept)
    count = imaging.embedded_metadata(data, limits=limits)
    return _answer(frames, found.frames, HeaderFacts(), {"metadata": count} if count else {})


def small(args: Args, file: File) -> Part:
    """One stored frame so that it fits into a square, as a JPEG or a PNG."""
    (frame,) = imaging.read_frames(file.whole(), limits=limits_of(args), max_frames=1)
    grey = _is_grey(frame)
    picture = Image.fromarray(np.ascontiguousarray(frame[..., 0]) if grey else frame)
    picture.thumbnail((int(args["side"]), int(args["side"])))
    written = io.BytesIO()
    picture.save(written, args.get("kind", "JPEG"), **args.get("options", {}))
    return Part({}, [written.getvalue()])


def pixels(args: Args, file: File) -> Iterator[Part]:
    """Frames as they are, for an encoder: nothing is stored of them."""
    for frame in imaging.read_frames(file.whole(), limits=limits_of(args), max_frames=int(args["kept_frames"])):
        yield Part({"shape": frame.shape}, [np.ascontiguousarray(frame).tobytes()])


def place(args: Args, file: File) -> Part:
    """Which series a DICOM slice is of and where it stands in it; nothing for any other file."""
    data = file.whole()
    if not dicom.is_dicom(data):
        return Part({"series": "", "position": 0.0})
    return Part(asdict(slice_place(dicom.parse(data, limits=limits_of(args)))))


def limits_of(args: Args) -> Limits:
    return Limits(**args["limits"])


def png(pixels: Pixels) -> bytes:
    """In one channel where the three are the same."""
    written = io.BytesIO()
    shown = np.ascontiguousarray(pixels[..., 0]) if _is_grey(pixels) else pixels
    Image.fromarray(shown).save(written, "PNG", compress_level=4)
    return written.getvalue()


def _is_grey(pixels: Pixels) -> bool:
    return bool(np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 1], pixels[..., 2]))


def _dicom(file: File, limits: Limits, kept: int) -> Part:
    # The bytes are let go of as soon as they have become a dataset.
    dataset = dicom.parse(file.whole(), limits=limits)
    found = dicom.header(dataset)
    frames = dicom.frames(dataset, limits=limits, max_frames=kept)
    said = _answer(frames, found.frames, header_facts(dataset), removed_identifiers(dataset))
    # For the site's own salted hash of it; it goes no further.
    return Part({**said.facts, "patient": str(dataset.get("PatientID") or "").strip()}, said.blobs)


def _answer(frames: Sequence[Pixels], source_frames: int, facts: HeaderFacts, removed: Mapping[str, int]) -> Part:
    height, width = frames[0].shape[:2]
    about = {"width": width, "height": height, "source_frames": source_frames, "removed": dict(removed), "patient": ""}
    return Part(about | asdict(facts), [png(frame) for frame in frames])
