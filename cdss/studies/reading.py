"""From held files to series of a case: looked at as a whole first, then decoded frame by frame."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction

from cdss.audit.services import record
from cdss.encryption import EncryptionError
from cdss.library.dicom_profile import mapped_uid
from cdss.library.image_files import remove_images_on_commit
from cdss.library.models import Case, State
from cdss.library.patients import Patient
from cdss.library.rows import patient_group
from cdss.library.screening import is_wanted
from cdss.library.writing import desk
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.positions import next_position
from cdss.reading import door
from cdss.studies.errors import StudyError
from cdss.studies.frame_files import frame_writer
from cdss.studies.held import held_bytes, held_files
from cdss.studies.instances import Instance, instance_of
from cdss.studies.models import Series, StudyUpload
from cdss.studies.ordering import Placed, Stack, stacks_of
from cdss.studies.permitting import may_author, told_when_closed
from cdss.studies.pixels import as_rgb, cast, common_type, cover, looked_at, text_boxes
from retrieval.errors import UnreadableError
from retrieval.sandbox.sources import Source
from retrieval.types import StoredFrame

Told = Callable[[int, int], None]
OFTEN_BURNT_IN = frozenset({"US", "ES", "XC", "OT", "SC"})
MAX_REMARKS = 100
CLOSED = (
    "This case is not open to you for writing any more: it was handed in, retired or handed over meanwhile. Nothing "
    "was kept. Take it back, then send the study again."
)
# Files and bytes that are handed to a child at once.
FILES_TOGETHER, BYTES_TOGETHER = 16, 64 * 1024 * 1024


@dataclass(slots=True)
class Found:
    instances: list[Instance] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def remark(self, text: str) -> None:
        if len(self.remarks) < MAX_REMARKS:
            self.remarks.append(text)


def survey(place: str, told: Told) -> Found:
    """The headers of all files. What is no DICOM image is left out and said; two patients are refused."""
    found, seen = Found(), dict[str, str]()
    for count, (name, sha256, instance) in enumerate(_headers(place), 1):
        if isinstance(instance, UnreadableError):
            found.remark(f"{name}: {instance}")
            continue
        if instance.uid in seen and seen[instance.uid] != sha256:
            raise StudyError(
                f"{name}: another file of this upload claims to be the same image (SOPInstanceUID) and differs from "
                "it. Nothing was kept. Export the study again from its source."
            )
        if instance.uid in seen:
            found.remark(f"{name}: the same file is there twice; it was read once.")
            continue
        seen[instance.uid] = sha256
        found.instances.append(instance)
        if count % 20 == 0:
            told(0, 0)
    if not found.instances:
        raise StudyError("; ".join(["No image of DICOM was found in this upload.", *found.remarks[:3]]))
    return found


def _headers(place: str) -> Iterator[tuple[str, str, Instance | UnreadableError]]:
    for together in _together(held_files(place)):
        files: list[tuple[Source, dict[str, Any]]] = [(data, {}) for _, _, data in together]
        for number, answer in list(door.read_each(f"{door.INSTANCES}:header", files)):
            source, name, data = together[number]
            sha256 = hashlib.sha256(data).hexdigest()
            if isinstance(answer, UnreadableError):
                yield name, sha256, answer
            else:
                number_of = answer.facts["patient_number"]
                key = Patient.of(number_of).key if number_of else ""
                yield name, sha256, instance_of(answer.facts, source=source, name=name, sha256=sha256, patient=key)


def _together(files: Iterator[tuple[str, str, bytes]]) -> Iterator[list[tuple[str, str, bytes]]]:
    """Some at a time: many small files, or few large ones."""
    held: list[tuple[str, str, bytes]] = []
    for file in files:
        held.append(file)
        if len(held) == FILES_TOGETHER or sum(len(data) for _, _, data in held) > BYTES_TOGETHER:
            yield held
            held = []
    if held:
        yield held


def check_one_patient(instances: Sequence[Instance], case: Case) -> None:
    named = {each.patient for each in instances if each.patient}
    if len(named) > 1:
        raise StudyError(
            f"These files are of {len(named)} patients (by PatientID). Nothing was kept. "
            "Upload one patient's study alone."
        )
    number = next((each.patient_number for each in instances if each.patient_number), "")
    if number and case.source_group and case.source_group != patient_group(case.source_name, number):
        raise StudyError(
            "This study is of another patient than this case. Nothing was kept. Upload it to a case of its own."
        )


def check_pixels(stacks: Sequence[Stack]) -> None:
    total = sum(len(stack.frames) * stack.first.rows * stack.first.columns for stack in stacks)
    if total > settings.STUDY_MAX_PIXELS:
        raise StudyError(
            f"This study has {total / 1e6:,.0f} megapixels in all its frames; at most "
            f"{settings.STUDY_MAX_PIXELS / 1e6:,.0f} are accepted. Upload the relevant series alone."
        )


def study_read(*, upload: StudyUpload, told: Told) -> dict[str, Any]:
    """Everything of an upload becomes series, or nothing does. Raises StudyError."""
    refuse_in(Mode.TEXT_ONLY)
    found = survey(upload.place, told)
    check_one_patient(found.instances, upload.case)
    stacks = stacks_of(found.instances)
    check_pixels(stacks)
    held = dict(Series.objects.filter(case=upload.case).values_list("digest", "pk"))
    fresh = [stack for stack in stacks if stack.digest not in held]
    total, made = sum(len(stack.frames) for stack in fresh), list[Series]()
    try:
        for stack in fresh:
            before = sum(series.frames for series in made)
            counted: Callable[[int], None] = lambda count, before=before: told(before + count, total)  # type: ignore[misc]  # noqa: E731
            made.append(_series(upload.case, upload.place, stack, counted))
        rows = _stored(upload, made, found)
    except BaseException:
        with transaction.atomic():
            remove_images_on_commit(names=[series.folder for series in made])
        raise
    hidden = sum(len(series.doubts) for series in rows)
    if hidden:
        found.remark(f"{hidden} place(s) that may be text are covered until you have looked at them.")
    return {
        "series": [{"id": series.pk, "label": str(series), "frames": series.frames} for series in rows],
        "unchanged": len(stacks) - len(fresh),
        "frames": total,
        "removed": sum(sum(each.removed.values()) for each in found.instances),
        "remarks": found.remarks,
    }


def _stored(upload: StudyUpload, made: Sequence[Series], found: Found) -> list[Series]:
    number = next((each.patient_number for each in found.instances if each.patient_number), "")
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=upload.case_id)
        if not may_author(upload.owner, case):
            raise StudyError(CLOSED)
        if number and not case.source_group:
            case.source_group = patient_group(case.source_name, number)
            case.save(update_fields=["source_group", "updated"])
        for position, series in enumerate(made, next_position(case.series.all())):
            series.position, series.waiting = position, case.state == State.PUBLISHED
            series.save(force_insert=True)
        if made:
            with told_when_closed():
                desk().changed(case=case, by=upload.owner, note=f"{len(made)} series came to it.")
        details = {"series": len(made), "frames": sum(series.frames for series in made)}
        record(action="studies.uploaded", by=upload.owner, obj=case, details=details)
    return list(made)


def exported_series_read(*, case: Case, place: str, files: int, known: bool) -> Series:
    """The one series that so many held files of an export are; not stored yet. `known`: its pixels show no text.

    Raises StudyError."""
    found = survey(place, lambda *_: None)
    stacks = stacks_of(found.instances)
    if len(found.instances) != files:
        raise StudyError("; ".join(found.remarks[:3]) or "some of its files are no images.")
    if len(stacks) != 1:
        raise StudyError(f"these files are {len(stacks)} series; one was named.")
    check_pixels(stacks)
    return _series(case, place, stacks[0], lambda _: None, known=known)


def _series(case: Case, place: str, stack: Stack, told: Callable[[int], None], *, known: bool = False) -> Series:
    first = stack.first
    sample = list(_frames(place, looked_at(stack)))
    certain, asked = ([], []) if known else _text(stack, sample)
    facts, signed, seen = [], _common(place, stack, sample), hashlib.sha256()
    with frame_writer() as (folder, writer):
        for count, (placed, read) in enumerate(zip(stack.frames, _frames(place, stack.frames), strict=True), 1):
            frame = cast(read, signed)
            seen.update(frame.pixels.tobytes())
            writer.add(cover(frame.pixels, certain))
            facts.append(_facts(placed, frame))
            told(count)
    removed = Counter[str]()
    for instance in {placed.instance.uid: placed.instance for placed in stack.frames}.values():
        removed.update(instance.removed)
    if certain:
        removed["burnt_in_text"] += len(certain)
    return Series(
        case=case,
        digest=stack.digest,
        pixel_digest=seen.hexdigest(),
        study_uid=mapped_uid(first.study),
        series_uid=mapped_uid(first.series),
        frame_of_reference=mapped_uid(first.frame_of_reference),
        sop_class=first.sop_class if first.sop_class.startswith("1.2.840.10008.") else "",
        modality=first.modality,
        region=first.region,
        plane=first.plane,
        laterality=first.laterality,
        folder=folder,
        rows=first.rows,
        columns=first.columns,
        frames=len(stack.frames),
        pixels=signed,
        bits=min(first.bits, 16),
        inverted=first.inverted,
        unit=first.unit,
        row_spacing=first.spacing[0] if first.spacing else None,
        column_spacing=first.spacing[1] if first.spacing else None,
        spacing_at_detector=first.spacing_at_detector,
        orientation=list(stack.orientation),
        letters=list(first.letters),
        frame_time=first.frame_time,
        windows=[list(window) for window in first.windows],
        frame_facts=facts,
        doubts=asked,
        removed_identifiers=dict(removed),
    )


def _text(stack: Stack, sample: Sequence[StoredFrame]) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    first = stack.first
    if is_wanted(modality=first.modality, says_none=first.says_none):
        return text_boxes([as_rgb(frame, inverted=first.inverted) for frame in sample])
    if any(placed.instance.says_burned_in for placed in stack.frames):
        raise StudyError(
            f"{first.name}: its header says that text is burnt into the pixels, and this site does not look for it "
            "(CDSS_OCR=never). Nothing was kept. Mask the text, then upload the study again."
        )
    return [], []


def _common(place: str, stack: Stack, sample: Sequence[StoredFrame]) -> str:
    """The type of the whole stack. Files of one series may differ: the header of each tells, without its pixels."""
    kinds = {(frame.pixels.ndim, frame.pixels.dtype.name) for frame in sample}
    if any(placed.instance.bits != stack.first.bits for placed in stack.frames):
        kinds |= {(frame.pixels.ndim, frame.pixels.dtype.name) for frame in _frames(place, stack.frames)}
    return common_type(kinds)


def _facts(placed: Placed, frame: StoredFrame) -> dict[str, Any]:
    return {
        "uid": mapped_uid(placed.instance.uid),
        "number": placed.frame.index + 1 if len(placed.instance.frames) > 1 else 0,
        "position": list(placed.frame.position),
        "slope": frame.slope,
        "intercept": frame.intercept,
    }


def _frames(place: str, wanted: Sequence[Placed]) -> Iterator[StoredFrame]:
    """In this order, each at full depth. Frames of one file come from one reading of it."""
    runs = [list(run) for _, run in groupby(wanted, key=lambda placed: placed.instance.source)]
    at = 0
    while at < len(runs):
        together = _some(place, runs[at:])
        items = [(data, {"frames": [placed.frame.index for placed in run]}) for run, data in together]
        with closing(door.read_each(f"{door.DATASETS}:stored_frames", items)) as answers:
            for number, answer in answers:
                if isinstance(answer, UnreadableError):
                    name = together[number][0][0].instance.name
                    raise StudyError(f"{name}: {answer} Nothing was kept.") from answer
                facts = answer.facts
                pixels = np.frombuffer(answer.blobs[0], dtype=facts["type"]).reshape(facts["shape"])
                yield StoredFrame(pixels, facts["slope"], facts["intercept"])
        at += len(together)


def _some(place: str, runs: Sequence[list[Placed]]) -> list[tuple[list[Placed], bytes]]:
    """As many runs as go to a child at once, with the bytes of their files."""
    held: list[tuple[list[Placed], bytes]] = []
    for run in runs[:FILES_TOGETHER]:
        try:
            held.append((run, held_bytes(place, run[0].instance.source)))
        except (OSError, EncryptionError) as error:
            name = run[0].instance.name
            raise StudyError(f"{name}: it cannot be read any more. Upload the study again.") from error
        if sum(len(data) for _, data in held) > BYTES_TOGETHER:
            break
    return held
