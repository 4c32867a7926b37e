"""IHE teaching file export: a Key Object Selection, its Additional Teaching File Information and the images they name.

A folder or a ZIP of DICOM files; one case for each selection. Of image headers nothing is kept but what the DICOM
importer keeps; persons other than authors, dates and UIDs of the report are left behind.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

from cdss.library.field_values import RowError
from cdss.library.importers.archive import holds_dicom, unpacked
from cdss.library.importers.base import Importer, Read
from cdss.library.importers.beside import beside_of
from cdss.library.importers.dicom import HOLD, MAX_FILES, NO_DICOM, OFTEN_BURNT_IN, headers_of
from cdss.library.importers.sr import Report, report_of
from cdss.library.importers.tce_fields import BESIDE, EXPORT, INFORMATION, OURS, image_values, is_image, values_of
from cdss.library.importers.xml_tree import tree_of
from cdss.library.rows import CaseRow, ImageRow, patient_group
from cdss.reading.plain import Plain
from retrieval.errors import UnreadableError
from retrieval.sandbox import Part

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SOURCE = "TCE"
SELECTION = "1.2.840.10008.5.1.4.1.1.88.59"
REPORTS = "1.2.840.10008.5.1.4.1.1.88."
HEAD = 132
# Of a picture; a report is read whole.
KEYWORDS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "InstanceNumber", "Modality", "BurnedInAnnotation")
LOOKED_AT = 400


@dataclass(frozen=True, slots=True)
class Picture:
    path: Path
    series: str
    number: int
    modality: str
    may_show_name: bool


@dataclass(slots=True)
class Found:
    selections: list[Report]
    reports: dict[str, Report]
    pictures: dict[str, Picture]
    problems: list[Read]
    # Reports that are there and cannot be read.
    broken: set[str]
    # The folder of each report that can.
    folders: dict[str, Path]


def read(path: Path) -> Iterator[Read]:
    try:
        if path.is_dir():
            yield from _cases(_found(_files(path)))
        elif is_zipfile(path):
            with unpacked(path) as folder:
                yield from _cases(_found(_files(folder)))
        else:
            raise RowError(f"{path.name}: a teaching file is a ZIP or a folder of DICOM files")
    except RowError as error:
        yield Read(1, reason=str(error))


def _cases(found: Found) -> Iterator[Read]:
    yield from found.problems
    if not found.selections:
        yield Read(1, reason="there is no Key Object Selection for teaching file export (TCE001) in it")
    seen: set[str] = set()
    for number, selection in enumerate(found.selections, 1):
        if selection.uid in seen:
            yield Read(number, reason="the same Key Object Selection is there twice")
            continue
        seen.add(selection.uid)
        try:
            yield Read(number, _case(selection, found))
        except RowError as error:
            yield Read(number, reason=str(error))


def _case(selection: Report, found: Found) -> CaseRow:
    if found.broken & set(selection.references):
        raise RowError("the report that tells this selection cannot be read")
    report = _information(selection, found)
    values: dict[str, Any] = values_of(report.content) if report else {"source_name": "", "source_id": ""}
    said = [each.text or "" for each in selection.content if each.get("code") == "113012"]
    if said and not values.get("abstract"):
        values["abstract"] = "\n".join(said)
    beside = beside_of(_named_beside(report.content), found.folders[report.uid]) if report else None
    rows, shown = _images(selection, report, found, set(beside.files.values()) if beside else set())
    burnt_in = any(found.pictures[uid].may_show_name for uid in shown if uid in found.pictures)
    return CaseRow(
        values.pop("source_name") or SOURCE,
        values.pop("source_id") or patient_group(SOURCE, selection.uid)[:32],
        **values,
        images=tuple(rows),
        hold=HOLD if burnt_in else "",
        carried={"format": "tce", "tree": tree_of(_without_images(report.content))} if report else {},
        beside=beside,
    )


def _named_beside(content: "Element") -> dict[str, Any]:
    """Taken out of the report: it names files that stay behind."""
    found: dict[str, Any] = {}
    for item in [each for each in content if (each.get("code"), each.get("scheme")) == (BESIDE, OURS)]:
        content.remove(item)
        try:
            found[item.get("meaning", "")] = json.loads(item.text or "null")
        except (ValueError, RecursionError) as error:
            raise RowError(f"{item.get('meaning', '')[:40]}: not JSON") from error
    return found


def _information(selection: Report, found: Found) -> Report | None:
    named = [found.reports[uid] for uid in selection.references if uid in found.reports]
    if not named and len(found.selections) == 1 and len(found.reports) == 1:
        return next(iter(found.reports.values()))
    return named[0] if named else None


def _images(
    selection: Report, report: Report | None, found: Found, kept: Collection[Path]
) -> tuple[list[ImageRow], list[str]]:
    """In the order the information gives, then as the selection names them: a series is a stack. What is `kept`
    elsewhere is none of them."""
    described = [each for each in report.content if is_image(each)] if report else []
    rows: list[ImageRow] = []
    taken = {uid for uid, picture in found.pictures.items() if picture.path in kept}
    for container in described:
        uids = [each.get("instance", "") for each in container if each.tag == "IMAGE"]
        taken.update(uids)
        rows.append(_row(uids, found, image_values(container)))
    series: dict[str, list[str]] = {}
    for uid in selection.references:
        if uid not in taken and uid not in found.reports:
            picture = found.pictures.get(uid)
            series.setdefault(picture.series if picture else f"missing {uid}", []).append(uid)
            taken.add(uid)
    for uids in series.values():
        uids.sort(
            key=lambda uid: (
                (found.pictures[uid].number, found.pictures[uid].path.name) if uid in found.pictures else (0, "")
            )
        )
        picture = found.pictures.get(uids[0])
        rows.append(_row(uids, found, {"modality": picture.modality} if picture else {}))
    return rows, [*taken]


def _row(uids: Sequence[str], found: Found, about: dict[str, Any]) -> ImageRow:
    missing = sum(uid not in found.pictures for uid in uids)
    if missing or not uids:
        return ImageRow((), problem=f"{missing} of {len(uids)} images of a selected series are not there.", **about)
    return ImageRow(tuple(found.pictures[uid].path for uid in uids), **about)


def _without_images(content: "Element") -> "Element":
    """They are told by the rows, and their UIDs name their study."""
    for each in list(content):
        if is_image(each) or each.tag == "IMAGE":
            content.remove(each)
    for each in content.iter():
        each.attrib.pop("instance", None)
    return content


def _found(files: Sequence[Path]) -> Found:
    found = Found([], {}, {}, [], set(), {})
    for number, answer in headers_of(files, among=KEYWORDS, all_of=[REPORTS]):
        if isinstance(answer, UnreadableError) and str(answer) == NO_DICOM:
            continue
        try:
            if isinstance(answer, UnreadableError):
                raise RowError(str(answer))
            _take(answer, files[number], found)
        except RowError as error:
            found.problems.append(Read(number + 1, reason=f"{files[number].name}: {error}"))
    return found


def _take(part: Part, path: Path, found: Found) -> None:
    dataset = Plain.of(part.facts["values"])
    kind, uid = str(dataset.get("SOPClassUID") or ""), str(dataset.get("SOPInstanceUID") or "")
    if kind.startswith(REPORTS):
        try:
            report = report_of(dataset, uid)
        except RowError:
            found.broken.add(uid)
            raise
        if report.concept[:2] == EXPORT[:2] and kind == SELECTION:
            found.selections.append(report)
        elif report.concept[:2] == INFORMATION[:2]:
            found.reports[uid] = report
            found.folders[uid] = path.parent
        return
    says = str(dataset.get("BurnedInAnnotation") or "").strip().upper()
    modality = str(dataset.get("Modality") or "").strip().upper()
    found.pictures.setdefault(
        uid,
        Picture(
            path,
            str(dataset.get("SeriesInstanceUID") or uid),
            int(number) if (number := str(dataset.get("InstanceNumber") or "")).lstrip("-").isdecimal() else 0,
            part.facts["facts"]["modality"],
            modality in OFTEN_BURNT_IN and says != "NO",
        ),
    )


def _files(folder: Path) -> list[Path]:
    found = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink())
    return [file for file in found if file.name != "DICOMDIR" and not file.name.startswith(".")][:MAX_FILES]


def _is_selection(head: bytes) -> bool:
    """Its class stands in the first group of the file."""
    return head[128:HEAD] == b"DICM" and SELECTION.encode() + b"\0" in head


def _recognises(path: Path) -> bool:
    if path.is_dir():
        return any(_is_selection(_head(file)) for file in _files(path)[:LOOKED_AT])
    return holds_dicom(path, kind=SELECTION, among=LOOKED_AT)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1024)


def _count(path: Path) -> int:
    return 1


IMPORTER = Importer("tce", _recognises, read, _count)
