"""In the child: DICOM files that are not pictures alone. Headers as plain values, frames at full depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from cdss.library.dicom_header import header_facts
from cdss.reading.images import limits_of
from retrieval import dicom
from retrieval.dicom_values import check_expandable
from retrieval.errors import ImageError, UnreadableError
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File

MAX_VALUES = 200_000
MAX_DEPTH = 60
MAX_TEXT, MAX_TEXTS = 4_000_000, 8_000_000
# Bytes, and numbers packed into them: pictures, tables, curves.
PACKED = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
# Decimal strings stay as they were written.
NUMBERS = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})


def values(args: Mapping[str, Any], file: File) -> Part:
    """Every value of the standard's dictionary by its keyword, sequences as lists; with the facts of an image header.

    `among` names the keywords that are wanted, when not all are; `whole` refuses a file that is cut off.
    """
    data = file.whole()
    if not dicom.is_dicom(data):
        raise UnreadableError("not a DICOM file")
    dataset = dicom.parse(data, limits=limits_of(args), whole=bool(args.get("whole")))
    found = dicom.header(dataset) if args.get("of_image") else None
    wanted = frozenset(args["among"]) if args.get("among") else None
    kind = str(dataset.get("SOPClassUID") or "")
    if wanted is not None and any(kind.startswith(start) for start in args.get("all_of", ())):
        wanted = None
    facts: dict[str, Any] = {"values": _Plain().of(dataset, wanted), "facts": asdict(header_facts(dataset))}
    if found is not None:
        facts |= {"width": found.width, "height": found.height}
    return Part(facts)


def stored_frames(args: Mapping[str, Any], file: File) -> Iterator[Part]:
    """Frames as they were stored, in the order asked for."""
    dataset = dicom.parse(file.whole(), limits=limits_of(args))
    for index in args["frames"]:
        frame = dicom.stored_frame(dataset, index, limits=limits_of(args))
        shape = {"shape": frame.pixels.shape, "type": frame.pixels.dtype.name}
        pixels = np.ascontiguousarray(frame.pixels).tobytes()
        yield Part({**shape, "slope": float(frame.slope), "intercept": float(frame.intercept)}, [pixels])


class _Plain:
    """A dataset as JSON has it, within bounds."""

    def __init__(self) -> None:
        self.left, self.room = MAX_VALUES, MAX_TEXTS

    def of(self, dataset: Any, wanted: frozenset[str] | None = None, depth: int = 0) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise ImageError("This DICOM file is nested too deeply. Export it again from its source.")
        plain = {}
        for tag in list(dataset.keys()):
            keyword = _keyword(tag)
            if not keyword or (wanted is not None and keyword not in wanted):
                continue
            value = self._value(dataset, tag, depth)
            if value is not None:
                plain[keyword] = value
        return plain

    def _value(self, dataset: Any, tag: Any, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise ImageError("This DICOM file has too many values. Export it without private sequences.")
        try:
            check_expandable(dataset.get_item(tag))
            element = dataset[tag]
            value, kind = element.value, element.VR
        except ImageError:
            raise
        except Exception:  # a value that cannot be parsed says nothing
            return None
        if kind == "SQ":
            return [self.of(item, None, depth + 1) for item in value or ()]
        if kind in PACKED or value is None:
            return None
        return self._plain(value, kind)

    def _plain(self, value: Any, kind: str) -> Any:
        if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
            self.left -= len(value)
            return [self._plain(each, kind) for each in value]
        if kind in NUMBERS:
            return _number(value)
        text = str(value)[:MAX_TEXT]
        self.room -= len(text)
        if self.room < 0:
            raise ImageError("This DICOM file has too much text. Export it again from its source.")
        return text


def _keyword(tag: Any) -> str:
    from pydicom.datadict import keyword_for_tag

    return str(keyword_for_tag(tag))


def _number(value: Any) -> int | float | str:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)[:MAX_TEXT]
    if not np.isfinite(number):
        return str(value)[:MAX_TEXT]
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
