"""In a child of its own kind, because its models stay loaded: places of a picture that are text, or may be."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cdss.reading.images import png
from retrieval import imaging
from retrieval.burned_text import TextRegion, find_text, mask_text
from retrieval.images import Limits, sample_indices
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File
from retrieval.types import Pixels

# Its models run in threads.
BEGINS_THREADS = True
# Of a stack, text is looked for in so many frames; what is found is masked in all of them.
LOOKED_AT = 3


def screened(args: Mapping[str, Any], file: File) -> Part:
    """The frames of one stack with text masked, and each place that only may be text with what stood there.

    No blobs come back where nothing was found: the frames stay as they are.
    """
    frames = _frames(args, file)
    regions: list[TextRegion] = []
    for index in sample_indices(len(frames), LOOKED_AT):
        regions += [each for each in find_text(frames[index]) if not _inside(each, regions)]
    certain = [region for region in regions if region.verdict == "mask"]
    asked = [region for region in regions if region.verdict == "ask"]
    facts = {"masked": len(certain), "doubts": [_doubt(region, frames) for region in asked]}
    if not certain and not asked:
        return Part(facts)
    return Part(facts, [png(mask_text(frame, [*certain, *asked])) for frame in frames])


def boxes(args: Mapping[str, Any], file: File) -> Part:
    """Of one frame, raw: each place that is text, and those that a person has to look at."""
    frame = np.frombuffer(file.whole(), dtype=np.uint8).reshape(args["shape"])
    found = [(region.verdict, _box(region)) for region in find_text(frame)]
    return Part({verdict: [box for said, box in found if said == verdict] for verdict in ("mask", "ask")})


def _frames(args: Mapping[str, Any], file: File) -> Sequence[Pixels]:
    data, at, frames = file.whole(), 0, []
    for size in args["sizes"]:
        frames += imaging.read_frames(data[at : at + size], limits=Limits(**args["limits"]), max_frames=1)
        at += size
    return frames


def _inside(region: TextRegion, others: Sequence[TextRegion]) -> bool:
    """The same text of another frame."""
    return any(
        each.left <= region.left
        and each.top <= region.top
        and each.right >= region.right
        and each.bottom >= region.bottom
        for each in others
    )


def _doubt(region: TextRegion, frames: Sequence[Pixels]) -> dict[str, Any]:
    """The frames one under the other, as a PNG in base64."""
    strip = np.concatenate([frame[region.top : region.bottom, region.left : region.right] for frame in frames])
    crop = base64.b64encode(_coloured(strip)).decode()
    return _box(region) | {"score": round(region.score, 3), "crop": crop}


def _coloured(strip: Pixels) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(strip)).save(written, "PNG")
    return written.getvalue()


def _box(region: TextRegion) -> dict[str, int]:
    width, height = region.right - region.left, region.bottom - region.top
    return {"left": int(region.left), "top": int(region.top), "width": int(width), "height": int(height)}
