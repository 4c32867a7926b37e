"""From held files to series of a case: looked at as a whole first, then decoded frame by frame."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction

from cdss.audit.services import record
from cdss.encryption import EncryptionError
from cdss.library.dicom_profile import mapped_uid
from cdss.library.image_files import remove_images_on_commit
from cdss.library.models import Case
from cdss.library.rows import patient_group
from cdss.library.screening import is_wanted
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.studies.errors import StudyError
from cdss.studies.frame_files import frame_writer
from cdss.studies.held import file_limits, held_bytes, held_files
from cdss.studies.instances import Instance, read_instance
from cdss.studies.models import Series, StudyUpload
from cdss.studies.ordering import Placed, Stack, stacks_of
from cdss.studies.pixels import as_rgb, cast, common_type, cover, looked_at, text_boxes
from retrieval import dicom
from retrieval.errors import ImageError
from retrieval.types import StoredFrame

Told = Callable[[int, int], None]
OFTEN_BURNT_IN = frozenset({"US", "ES", "XC", "OT", "SC"})
MAX_REMARKS = 100


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
    for count, (source, name, data) in enumerate(held_files(place), 1):
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            instance = read_instance(data, source=source, name=name, sha256=sha256, limits=file_limits())
        except ImageError as error:
            found.remark(f"{name}: {error}")
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
            made.append(_series(upload, stack, lambda count, before=before: told(before + count, total)))  # type: ignore[misc]
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
        if number and not case.source_group:
            case.source_group = patient_group(case.source_name, number)
            case.save(update_fields=["source_group", "updated"])
        last = Series.objects.filter(case=case).order_by("-position").values_list("position", flat=True).first()
        for position, series in enumerate(made, 0 if last is None else last + 1):
            series.position = position
            series.save(force_insert=True)
        details = {"series": len(made), "frames": sum(series.frames for series in made)}
        record(action="studies.uploaded", by=upload.owner, obj=case, details=details)
    return list(made)


def _series(upload: StudyUpload, stack: Stack, told: Callable[[int], None]) -> Series:
    first, held = stack.first, _Opened(upload.place)
    sample = [held.frame(placed) for placed in looked_at(stack)]
    certain, asked = _text(stack, sample)
    facts, signed = [], _common(stack, sample, held)
    with frame_writer() as (folder, writer):
        for count, placed in enumerate(stack.frames, 1):
            frame = cast(held.frame(placed), signed)
            writer.add(cover(frame.pixels, certain))
            facts.append(_facts(placed, frame))
            told(count)
    removed = Counter[str]()
    for instance in {placed.instance.uid: placed.instance for placed in stack.frames}.values():
        removed.update(instance.removed)
    if certain:
        removed["burnt_in_text"] += len(certain)
    return Series(
        case=upload.case,
        digest=stack.digest,
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


def _common(stack: Stack, sample: Sequence[StoredFrame], held: _Opened) -> str:
    """The type of the whole stack. Files of one series may differ: the header of each tells, without its pixels."""
    kinds = [frame.pixels for frame in sample]
    if any(placed.instance.bits != stack.first.bits for placed in stack.frames):
        kinds = [held.frame(placed).pixels for placed in stack.frames]
    return common_type(kinds)


def _facts(placed: Placed, frame: StoredFrame) -> dict[str, Any]:
    return {
        "uid": mapped_uid(placed.instance.uid),
        "number": placed.frame.index + 1 if len(placed.instance.frames) > 1 else 0,
        "position": list(placed.frame.position),
        "slope": frame.slope,
        "intercept": frame.intercept,
    }


class _Opened:
    """The dataset last asked for: the frames of one file come one after the other."""

    def __init__(self, place: str) -> None:
        self.place, self.source = place, ""
        self.dataset: Any = None

    def frame(self, placed: Placed) -> StoredFrame:
        try:
            if self.source != placed.instance.source:
                data = held_bytes(self.place, placed.instance.source)
                self.dataset, self.source = dicom.parse(data, limits=file_limits()), placed.instance.source
            return dicom.stored_frame(self.dataset, placed.frame.index, limits=file_limits())
        except ImageError as error:
            raise StudyError(f"{placed.instance.name}: {error} Nothing was kept.") from error
        except (OSError, EncryptionError) as error:
            raise StudyError(f"{placed.instance.name}: it cannot be read any more. Upload the study again.") from error
