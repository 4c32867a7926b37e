"""Frames as they are stored and shown: one type for a whole stack, places of text covered, a window to 8 bits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdss.reading import door
from cdss.studies.ordering import Placed, Stack
from retrieval.images import sample_indices
from retrieval.types import Pixels, StoredFrame

Array = NDArray[Any]
Window = tuple[float, float]
# Of a stack, text is looked for in so many frames; what is found is covered in all of them.
LOOKED_AT = 3
# Frames that tell the range of the whole stack.
RANGED = 9


def common_type(found: Collection[tuple[int, str]]) -> str:
    """What holds the values of all these frames: of each the number of dimensions, and its type."""
    if any(dimensions == 3 for dimensions, _ in found):
        return "rgb8"
    kinds = {kind for _, kind in found}
    if kinds == {"uint8"}:
        return "uint8"
    return "int16" if kinds & {"int8", "int16"} else "uint16"


def cast(frame: StoredFrame, kind: str) -> StoredFrame:
    """The same values in the type of the stack; what does not fit is said by the intercept."""
    pixels = frame.pixels
    wanted = {"rgb8": np.uint8, "uint8": np.uint8, "uint16": np.uint16, "int16": np.int16}[kind]
    if pixels.dtype == wanted:
        return frame
    if kind == "int16" and pixels.dtype == np.uint16 and int(pixels.max(initial=0)) > 32767:
        lowered = (pixels.astype(np.int32) - 32768).astype(np.int16)
        return StoredFrame(lowered, frame.slope, frame.intercept + 32768 * frame.slope)
    return StoredFrame(pixels.astype(wanted), frame.slope, frame.intercept)


def values_of(pixels: Array, *, slope: float, intercept: float) -> NDArray[np.float64]:
    """Modality values: Hounsfield units of a CT."""
    values: NDArray[np.float64] = pixels.astype(np.float64) * slope + intercept
    return values


def windowed(values: Array, *, center: float, width: float, inverted: bool = False) -> Pixels:
    """PS3.3 C.11.2.1.2.1, linear: the same as the viewer shows."""
    width = max(width, 1e-6)
    grey = np.clip((values - center) / width + 0.5, 0.0, 1.0) * 255.0
    shown: Pixels = np.rint(255.0 - grey if inverted else grey).astype(np.uint8)
    return shown


def full_window(values: Array) -> Window:
    low, high = (float(part) for part in np.percentile(values, (0.5, 99.5)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (low + high) / 2, max(high - low, 1.0)


def cover(pixels: Array, boxes: Sequence[Mapping[str, int]]) -> Array:
    """A copy in which each box has the value that is most of its edge."""
    if not boxes:
        return pixels
    covered = pixels.copy()
    for box in boxes:
        part = covered[box["top"] : box["top"] + box["height"], box["left"] : box["left"] + box["width"]]
        if part.size:
            edge = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
            part[...] = np.median(edge, axis=0).astype(part.dtype)
    return covered


def looked_at(stack: Stack) -> list[Placed]:
    return [stack.frames[index] for index in sample_indices(len(stack.frames), LOOKED_AT)]


def text_boxes(frames: Sequence[Pixels]) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    """Of 8-bit frames: the places that are text, and those that a person has to look at."""
    certain: dict[tuple[int, ...], dict[str, int]] = {}
    asked: dict[tuple[int, ...], dict[str, int]] = {}
    for frame in frames:
        found = door.look(f"{door.LOOKING}:boxes", np.ascontiguousarray(frame).tobytes(), shape=list(frame.shape))
        for verdict, chosen in (("mask", certain), ("ask", asked)):
            chosen |= {tuple(box.values()): box for box in found.facts[verdict]}
    return list(certain.values()), list(asked.values())


def as_rgb(frame: StoredFrame, *, inverted: bool) -> Pixels:
    if frame.pixels.ndim == 3:
        return np.ascontiguousarray(frame.pixels, dtype=np.uint8)
    values = values_of(frame.pixels, slope=frame.slope, intercept=frame.intercept)
    center, width = full_window(values)
    grey = windowed(values, center=center, width=width, inverted=inverted)
    return np.repeat(grey[:, :, None], 3, axis=2)
