"""Marks out of DICOM: presentation states and structured reports, this site's or not. Nothing in them is trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.library.dicom_profile import mapped_uid
from cdss.numbers import whole_number
from cdss.reading import door
from cdss.reading.plain import Plain, sequence
from cdss.studies.errors import StudyError
from cdss.studies.marks import mark_create
from cdss.studies.models import Mark, MarkKind
from cdss.studies.shown import Shown, references
from retrieval import dicom
from retrieval.dicom_objects import UUID_BITS, UUID_ROOT
from retrieval.errors import UnreadableError

MAX_BYTES = 16 * 1024 * 1024
MAX_FOUND = 1000
DEEPEST = 16
# How far an axis may lean, in parts of its length, and still be one of a row or a column.
STRAIGHT = 0.0005
PRESENTATION_STATES = ("1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2")
REPORTS = "1.2.840.10008.5.1.4.1.1.88."
TRACKING_IDENTIFIER, TRACKING_UID, MEASUREMENT_GROUP = "112039", "112040", "125007"


@dataclass(frozen=True, slots=True)
class FoundMark:
    frame: int
    kind: str
    points: list[list[float]]
    label: str = ""
    uid: str = ""


@dataclass(slots=True)
class Taken:
    marks: list[Mark] = field(default_factory=list)
    known: int = 0
    passed_over: int = 0


def marks_import(*, shown: Shown, data: bytes, by: User | None) -> Taken:
    """What refers to frames of this series becomes marks of one's own; the rest is counted. Raises StudyError."""
    dataset = _parsed(data)
    kind = str(dataset.get("SOPClassUID") or "")
    places = {reference: frame for frame, reference in enumerate(references(shown))}
    return marks_take(shown=shown, found=_found(dataset, kind, places), by=by)


def marks_take(*, shown: Shown, found: Iterable[FoundMark | None], by: User | None) -> Taken:
    """None stands for one that cannot be drawn here. Raises StudyError, and then keeps nothing."""
    taken = Taken()
    with transaction.atomic():
        for mark in found:
            if mark is None:
                taken.passed_over += 1
                continue
            if len(taken.marks) + taken.known >= MAX_FOUND:
                raise StudyError(f"This file holds more than {MAX_FOUND} marks. Nothing was taken.")
            _take(shown, mark, by, taken)
        details = {"made": len(taken.marks), "known": taken.known, "passed_over": taken.passed_over}
        record(action="studies.marks_imported", by=by, obj=shown.case, details={shown.kind: shown.row.pk, **details})
    return taken


def _parsed(data: bytes) -> Plain:
    if len(data) > MAX_BYTES:
        raise StudyError(f"This file is larger than {MAX_BYTES >> 20} MB: no presentation state or report is.")
    if not dicom.is_dicom(data):
        raise StudyError("This is no DICOM presentation state or structured report. Choose such a file.")
    limits = {"max_bytes": min(MAX_BYTES, settings.UPLOAD_MAX_BYTES)}
    try:
        return Plain.of(door.read(f"{door.DATASETS}:values", data, limits=limits, whole=True).facts["values"])
    except UnreadableError as error:
        raise StudyError(str(error)) from error


def _found(dataset: Any, kind: str, places: dict[tuple[str, int], int]) -> Iterator[FoundMark | None]:
    if kind in PRESENTATION_STATES:
        found = _of_state(dataset, places)
    elif kind.startswith(REPORTS):
        found = _of_report(dataset, places)
    else:
        raise StudyError("This DICOM file is no presentation state and no structured report.")
    try:
        yield from found
    except (AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise StudyError("This DICOM file is damaged: a mark in it cannot be read. Nothing was taken.") from error


def _take(shown: Shown, found: FoundMark, by: User | None, taken: Taken) -> None:
    token = _token(found.uid)
    if token and shown.marks.filter(token=token).exists():
        taken.known += 1
        return
    if token and Mark.objects.filter(owner=by, token=token).exists():
        # It is a mark of the same images in another case.
        token = None
    data = {"frame": found.frame, "kind": found.kind, "points": found.points, "label": found.label}
    try:
        with transaction.atomic():
            taken.marks.append(mark_create(shown=shown, by=by, data=data | ({"token": token} if token else {})))
    except StudyError:
        taken.passed_over += 1


def _token(uid: str) -> UUID | None:
    number = whole_number(uid.removeprefix(UUID_ROOT), most=(1 << UUID_BITS) - 1) if uid.startswith(UUID_ROOT) else None
    return None if number is None else UUID(int=number)


def _of_state(dataset: Any, places: dict[tuple[str, int], int]) -> Iterator[FoundMark | None]:
    for note in sequence(dataset, "GraphicAnnotationSequence"):
        frames = [frame for image in sequence(note, "ReferencedImageSequence") for frame in _frames(image, places)]
        graphics, texts = sequence(note, "GraphicObjectSequence"), list(sequence(note, "TextObjectSequence"))
        if not frames:
            yield from [None] * max(1, len(graphics) + len(texts))
            continue
        for frame in frames:
            yield from _of_note(frame, graphics, texts)


def _of_note(frame: int, graphics: Sequence[Any], texts: Sequence[Any]) -> Iterator[FoundMark | None]:
    """A text that is tracked with a figure, or stands alone beside a single one, is its label."""
    left = list(texts)
    for graphic in graphics:
        uid = str(graphic.get("TrackingUID") or "")
        own = next((text for text in left if uid and str(text.get("TrackingUID") or "") == uid), None)
        if own is None and len(graphics) == len(texts) == 1:
            own = left[0]
        if own is not None:
            left.remove(own)
        kind, points = _figure(
            str(graphic.GraphicType), _pairs(graphic.GraphicData), str(graphic.get("TrackingID") or "")
        )
        usable = kind and str(graphic.GraphicAnnotationUnits) == "PIXEL"
        label = _label(own) if own is not None else ""
        yield FoundMark(frame, kind, points, label, uid) if usable else None
    for text in left:
        yield _of_text(frame, text)


def _of_text(frame: int, text: Any) -> FoundMark | None:
    anchored = "AnchorPoint" in text and str(text.get("AnchorPointAnnotationUnits")) == "PIXEL"
    boxed = "BoundingBoxTopLeftHandCorner" in text and str(text.get("BoundingBoxAnnotationUnits")) == "PIXEL"
    if not (anchored or boxed):
        return None
    point = _pairs(text.AnchorPoint if anchored else text.BoundingBoxTopLeftHandCorner)
    return FoundMark(frame, MarkKind.TEXT, point, _label(text), str(text.get("TrackingUID") or ""))


def _of_report(dataset: Any, places: dict[tuple[str, int], int]) -> Iterator[FoundMark | None]:
    if "ContentSequence" not in dataset:
        raise StudyError(dicom.CUT_OFF)
    for group in _groups(dataset, 0):
        items = list(sequence(group, "ContentSequence"))
        said = {_code(item): item for item in items}
        label = (
            _unnumbered(str(said[TRACKING_IDENTIFIER].get("TextValue") or "")) if TRACKING_IDENTIFIER in said else ""
        )
        uid = str(said[TRACKING_UID].get("UID") or "") if TRACKING_UID in said else ""
        for number, place in enumerate(_places(items, 0)):
            # The identity is that of the group: its first figure has it.
            yield _of_place(place, places, label, "" if number else uid)


def _of_place(place: Any, places: dict[tuple[str, int], int], label: str, uid: str) -> FoundMark | None:
    kind, points = _figure(str(place.GraphicType), _pairs(place.GraphicData), "")
    for source in sequence(place, "ContentSequence"):
        for image in sequence(source, "ReferencedSOPSequence"):
            if kind and (frames := _frames(image, places)):
                return FoundMark(frames[0], kind, points, label, uid)
    return None


def _groups(item: Any, depth: int) -> Iterator[Any]:
    for child in sequence(item, "ContentSequence") if depth < DEEPEST else ():
        if _code(child) == MEASUREMENT_GROUP:
            yield child
        else:
            yield from _groups(child, depth + 1)


def _places(items: Sequence[Any], depth: int) -> Iterator[Any]:
    for item in items:
        if str(item.get("ValueType")) == "SCOORD":
            yield item
        elif depth < DEEPEST:
            yield from _places(list(sequence(item, "ContentSequence")), depth + 1)


def _frames(image: Any, places: dict[tuple[str, int], int]) -> list[int]:
    """By the UID as de-identification gave it, or by the one it had before."""
    said = str(image.get("ReferencedSOPInstanceUID") or "")
    numbers = image.get("ReferencedFrameNumber")
    wanted = [
        int(part)
        for part in (numbers if isinstance(numbers, Sequence) and not isinstance(numbers, str) else [numbers or 0])
    ]
    for uid in (said, mapped_uid(said)):
        found = [places[uid, number] for number in wanted if (uid, number) in places]
        if not found and wanted == [0]:
            found = [places[uid, 1]] if (uid, 1) in places else []
        if found:
            return found
    return []


def _figure(graphic: str, points: list[list[float]], said: str) -> tuple[str, list[list[float]]]:
    """What kind of mark a figure is, and its points; no kind for one that the viewer does not draw."""
    word = said.split(" ")[0].lower()
    if graphic == "POLYLINE" and len(points) == 2:
        return (word if word in (MarkKind.LENGTH, MarkKind.ARROW) else MarkKind.LENGTH), points
    if graphic == "POLYLINE" and len(points) == 3:
        return MarkKind.ANGLE, points
    if graphic == "ELLIPSE" and len(points) == 4:
        return _box(points)
    if graphic == "CIRCLE" and len(points) == 2:
        (x, y), (ex, ey) = points
        radius = ((ex - x) ** 2 + (ey - y) ** 2) ** 0.5
        return MarkKind.ELLIPSE, [[x - radius, y - radius], [x + radius, y + radius]]
    return "", points


def _box(points: list[list[float]]) -> tuple[str, list[list[float]]]:
    """An ellipse along rows and columns by the corners of its box, a tilted one by the ends of its axes."""
    across, down = [abs(points[1][axis] - points[0][axis]) for axis in (0, 1)]
    if min(across, down) > STRAIGHT * max(across, down):
        return MarkKind.ELLIPSE, points
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return MarkKind.ELLIPSE, [[min(xs), min(ys)], [max(xs), max(ys)]]


def _pairs(data: Any) -> list[list[float]]:
    numbers = [float(part) for part in data]
    return [[numbers[at], numbers[at + 1]] for at in range(0, len(numbers) - 1, 2)]


def _label(text: Any) -> str:
    return str(text.get("UnformattedTextValue") or "")


def _unnumbered(label: str) -> str:
    """A mark without a label is tracked by its kind and number."""
    word, _, number = label.partition(" ")
    return "" if word in MarkKind.values and number.isdigit() else label


def _code(item: Any) -> str:
    names = sequence(item, "ConceptNameCodeSequence")
    return str(names[0].get("CodeValue") or "") if names else ""
