"""Whole series with their marks, key images and masks: out of a library and into an empty one without a difference."""

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from cdss.accounts.models import User
from cdss.exchange.comparing import differences
from cdss.library.models import Case, CaseImage, Collection, State
from cdss.regions.models import RegionMask, Structure
from cdss.regions.services import mask_save, structure_create
from cdss.studies.frame_files import packed_frame
from cdss.studies.marks import mark_create
from cdss.studies.models import KeyImage, Mark, Series, StudyUpload
from cdss.studies.services import Window, draft_begin, key_image_make
from cdss.studies.shown import of_image, of_series
from cdss.studies.uploads import upload_add, upload_begin, upload_read
from tests.cdss.cast import library_case
from tests.cdss.exchange.conftest import emptied, held
from tests.cdss.studies.dicoms import ct, study, written

SAMPLES = Path(os.environ.get("CDSS_TEST_DATA", "")) / "dicom" / "samples"
FORMATS = ("mirc", "jsonl", "tce")
# Made from the identifiers of a file each time it comes in, or from its bytes; who and when are the site's. A class of
# several frames becomes one of a single frame.
ANEW = {"id", "sop_class", "case_id", "folder", "digest", "study_uid", "series_uid", "frame_of_reference", "created",
        "removed_identifiers", "synthetic", "_state", "frame_facts"}  # fmt: skip
TEXT = {"findings": "A nodule.", "text": "Findings:\nA nodule."}
MARKS: list[dict[str, Any]] = [
    {"kind": "length", "frame": 1, "points": [[2.125, 3.3333], [17.75, 12.0001]], "label": "Längster Durchmesser"},
    {"kind": "angle", "frame": 2, "points": [[1, 1], [9.5, 8], [20, 2]]},
    {"kind": "ellipse", "frame": 3, "points": [[4, 5], [14, 11]], "label": "Fat"},
    {"kind": "arrow", "frame": 0, "points": [[29, 19], [15, 10]]},
    {"kind": "text", "frame": 4, "points": [[6, 7]], "label": "popcorn"},
]


def begun(by: User, files: list[tuple[str, bytes]]) -> Series:
    case = draft_begin(title="A nodule", by=by)
    upload = upload_begin(case=case, by=by)
    upload_add(upload=upload, files=[SimpleUploadedFile(name, content) for name, content in files])
    StudyUpload.objects.filter(pk=upload.pk).update(state="waiting")
    upload_read(upload=StudyUpload.objects.select_related("case", "owner").get(pk=upload.pk))
    return Series.objects.get(case=case)


def finished(series: Series, by: User) -> None:
    """Marks of each kind, two key images, a mask on one; published, so that an export holds it."""
    shown = of_series(series)
    for data in MARKS:
        mark_create(shown=shown, by=by, data=data)
    for frame, window in ((3, Window(40, 400)), (1, Window(-600, 1500, True))):
        image = key_image_make(shown=shown, frame=frame, window=window, caption="", by=by)
    mask = np.zeros((series.rows, series.columns), dtype=bool)
    mask[4:9, 6:20] = True
    mask_save(structure=structure_create(name="nodule, CT", note="", by=by), image=image, frame=0, mask=mask, by=by)
    Case.objects.filter(pk=series.case_id).update(state=State.PUBLISHED, visibility="public", **TEXT)


def series_held() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in Series.objects.order_by("case", "position"):
        about = {name: value for name, value in vars(row).items() if name not in ANEW}
        about["places"] = [
            {name: fact[name] for name in ("position", "slope", "intercept")} for fact in row.frame_facts
        ]
        frames = [hashlib.sha256(packed_frame(row.folder, frame)).hexdigest() for frame in range(row.frames)]
        names = ("kind", "frame", "points", "label", "values", "shared")
        marks = [tuple(str(getattr(mark, name)) for name in names) for mark in row.marks.order_by("token")]
        keys = row.key_images.order_by("frame").values_list("frame", "center", "width", "inverted", "image__position")
        found[f"{row.case.source_id} {row.position}"] = {**about, "pixels": frames, "marks": marks, "keys": list(keys)}
    masks = RegionMask.objects.current().order_by("structure__name", "image__position")
    return found | {
        "masks": [(mask.structure.name, mask.image.position, mask.frame, mask.runs, mask.origin) for mask in masks]
    }


def gone() -> None:
    RegionMask.objects.all().delete()
    Structure.objects.all().delete()
    Series.objects.all().delete()
    emptied()
    assert not Mark.objects.exists()


def trip(form: str, target: Path, exporting: Callable, importing: Callable) -> list[Any]:
    """What is another after it, of the case and of its series."""
    before, series = held(), series_held()
    assert exporting("--format", form, "--output", target).code == 0
    gone()
    into = target / "cases.jsonl" if form == "jsonl" and target.is_dir() else target
    done = importing(into, "--publish", "--trust-pixels")
    assert (done.code, done["skipped"]) == (0, [])
    after = series_held()
    return [*differences(before, held()), *(each for name in series for each in other(name, series[name], after))]


def other(name: str, before: Any, after: dict[str, Any]) -> list[Any]:
    now = after.get(name)
    if not isinstance(before, dict) or not isinstance(now, dict):
        return [] if before == now else [(name, before, now)]
    return [(name, key, before[key], now[key]) for key in before if rounded(before[key]) != rounded(now[key])]


def rounded(value: Any) -> Any:
    """A DICOM decimal has sixteen characters."""
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


@pytest.fixture
def series(educator: User) -> Series:
    return begun(educator, study(5))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("place", ["out.zip", "out"])
def test_a_series_with_marks_and_masks(
    series: Series, educator: User, tmp_path: Path, exporting: Callable, importing: Callable, form: str, place: str
) -> None:
    finished(series, educator)
    assert trip(form, tmp_path / place, exporting, importing) == []
    assert (Series.objects.count(), Mark.objects.count(), KeyImage.objects.count()) == (1, 5, 2)
    assert RegionMask.objects.current().count() == 1
    # The same file again changes nothing.
    target = tmp_path / place
    into = target / "cases.jsonl" if form == "jsonl" and target.is_dir() else target
    assert importing(into, "--publish", "--trust-pixels")["updated"] == 0
    assert (Series.objects.count(), Mark.objects.count(), RegionMask.objects.count()) == (1, 5, 1)


def pictured(by: User) -> CaseImage:
    """An image of a published case, of no series, with marks that readers see, and one they do not."""
    case = library_case(by)
    case.images.all().delete()
    pixels = np.random.default_rng(3).integers(0, 255, (20, 30)).astype(np.uint8)
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    image = CaseImage(case=case, width=30, height=20, sha256=hashlib.sha256(held.getvalue()).hexdigest())
    image.file.save("greys.png", ContentFile(held.getvalue()))
    for data in MARKS:
        mark_create(shown=of_image(image), by=by, data=data | {"frame": 0})
    mark_create(shown=of_image(image), by=None, data=MARKS[0] | {"frame": 0, "label": "a note of somebody"})
    return image


def marks_held() -> list[tuple[str, ...]]:
    names = ("kind", "frame", "points", "label", "values", "shared", "token")
    rows = Mark.objects.filter(shared=True, image__isnull=False).order_by("token")
    return [tuple(str(getattr(mark, name)) for name in names) for mark in rows]


@pytest.mark.parametrize("form", FORMATS)
def test_marks_on_a_picture_of_no_series(
    educator: User, tmp_path: Path, exporting: Callable, importing: Callable, form: str
) -> None:
    pictured(educator)
    before = marks_held()
    assert len(before) == 5
    target = tmp_path / "out.zip"
    assert exporting("--format", form, "--output", target).code == 0
    Mark.objects.all().delete()
    emptied()
    for _ in range(2):
        done = importing(target, "--publish", "--trust-pixels")
        assert (done.code, done["skipped"]) == (0, [])
        assert marks_held() == before


@pytest.mark.parametrize(
    "said",
    [
        {"image": 9, "marks": []},
        {"image": 1, "marks": "all"},
        {"image": 1, "marks": [{"frame": 0, "kind": "length", "points": [["a", 1], [2, 3]], "label": ""}]},
        {"image": 1, "marks": [{"frame": 7, "kind": "length", "points": [[1, 1], [2, 3]]}, 5]},
        {"image": 1, "marks": [{"frame": {}, "kind": [], "points": None, "label": 4, "uid": 9}]},
    ],
)
def test_marks_that_cannot_be_read_are_left_out_and_said(
    educator: User, tmp_path: Path, exporting: Callable, importing: Callable, said: dict[str, Any]
) -> None:
    pictured(educator)
    exporting("--format", "jsonl", "--output", tmp_path / "out")
    Mark.objects.all().delete()
    emptied()
    lines = tmp_path / "out" / "cases.jsonl"
    lines.write_text(json.dumps(json.loads(lines.read_text()) | {"marks": [said]}) + "\n")
    done = importing(lines, "--publish", "--trust-pixels")
    assert "Marks 1: " in json.dumps(done)
    assert (Case.objects.count(), Mark.objects.count()) == (1, 0)


def test_frames_of_one_file_over_time(educator: User, tmp_path: Path, exporting: Callable, importing: Callable) -> None:
    pixels = np.random.default_rng(5).integers(0, 4000, (6, 20, 30)).astype(np.int16)
    cine = ct(1, pixels=pixels, NumberOfFrames="6", FrameTime="40", ImagePositionPatient=None, Modality="XA",
              SOPClassUID="1.2.840.10008.5.1.4.1.1.12.1", ImageOrientationPatient=None, RescaleType="US")  # fmt: skip
    finished(begun(educator, [("cine.dcm", written(cine))]), educator)
    assert Series.objects.get().frame_time == 40
    assert trip("mirc", tmp_path / "out.zip", exporting, importing) == []


def test_other_kinds_of_pixels(educator: User, tmp_path: Path, exporting: Callable, importing: Callable) -> None:
    """Signed values, greys the other way round, other directions, no place at all."""
    signed = np.random.default_rng(1).integers(-2048, 2047, (20, 30)).astype(np.int16)
    for elements in (
        {"PixelRepresentation": 1, "PixelData": signed.tobytes(), "RescaleIntercept": 0, "RescaleSlope": 0.1220703125},
        {"PhotometricInterpretation": "MONOCHROME1", "Modality": "DX", "ImagePositionPatient": None,
         "ImageOrientationPatient": None, "PixelSpacing": None, "ImagerPixelSpacing": [0.143, 0.1431],
         "RescaleType": None, "PatientOrientation": ["L", "F"], "ViewPosition": "PA", "ImageLaterality": "L"},
        {"ImageOrientationPatient": [0.8660254, 0.5, 0, 0, 0, -1], "Modality": "PT", "RescaleType": "BQML"},
    ):  # fmt: skip
        files = [(f"{each}.dcm", written(ct(each, **elements))) for each in range(3)]
        case = begun(educator, files).case
        Case.objects.filter(pk=case.pk).update(state=State.PUBLISHED, visibility="public", **TEXT)
    assert Series.objects.count() == 3
    assert trip("mirc", tmp_path / "out.zip", exporting, importing) == []


def test_the_file_says_it_to_other_readers(series: Series, educator: User, tmp_path: Path, exporting: Callable) -> None:
    finished(series, educator)
    exporting("--format", "mirc", "--output", tmp_path / "1.zip")
    exporting("--format", "mirc", "--output", tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    archive = zipfile.ZipFile(tmp_path / "1.zip")
    document = archive.read("MIRCdocument.xml").decode()
    assert 'role="original-format" src="series-001/00004.dcm"' in document
    files = {name: pydicom.dcmread(io.BytesIO(archive.read(name))) for name in archive.namelist() if ".dcm" in name}
    slices = {each.SOPInstanceUID: each for name, each in files.items() if "/0" in name}
    assert len(slices) == 5
    assert {each.BitsStored for each in slices.values()} == {12}
    text = json.dumps([each.to_json_dict() for each in files.values()])
    assert all(word not in text for word in ("Muster", "MRN-4711", "hospital", "1.2.826.0.1.3680043.9.1"))
    state = files["series-001/annotations.dcm"]
    named = {each.ReferencedSOPInstanceUID for part in state.ReferencedSeriesSequence for each in
             part.ReferencedImageSequence}  # fmt: skip
    assert named == slices.keys()
    mask = highdicom.seg.segread(io.BytesIO(archive.read("mask-001.dcm")))
    (source,) = mask.get_source_image_uids()
    assert source[2] in slices
    assert source[1] == slices[source[2]].SeriesInstanceUID
    assert slices[source[2]].InstanceNumber == 2


def changed(path: Path, name: str, data: bytes | None) -> None:
    """One member another, or gone."""
    with zipfile.ZipFile(path) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    members[name] = data if data is not None else b""
    if data is None:
        del members[name]
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, content)


@pytest.mark.parametrize(
    ("name", "data", "said", "left"),
    [
        ("series-001/00002.dcm", None, "1 of its 5 files are not there", (0, 0)),
        ("series-001/00002.dcm", b"no DICOM", "Series 1", (0, 0)),
        ("series-001/00002.dcm", written(ct(2, SeriesInstanceUID="1.2.3")), "2 series; one was named", (0, 0)),
        ("series-001/annotations.dcm", b"\0" * 500, "its marks", (1, 0)),
        ("mask-001.dcm", b"", "Segmentation 1", (1, 5)),
    ],
)
def test_a_broken_part_is_left_out_and_said(
    series: Series, educator: User, tmp_path: Path, exporting: Callable, importing: Callable, name: str,
    data: bytes | None, said: str, left: tuple[int, int],
) -> None:  # fmt: skip
    finished(series, educator)
    exporting("--format", "mirc", "--output", tmp_path / "out.zip")
    gone()
    shutil.rmtree(tmp_path / "media")
    changed(tmp_path / "out.zip", name, data)
    done = importing(tmp_path / "out.zip", "--publish", "--trust-pixels")
    assert done["cases"] == 1
    assert said in " ".join(each["reason"] for each in done["skipped"])
    assert (Series.objects.count(), Mark.objects.count()) == left
    assert CaseImage.objects.count() == 2
    folders = list((tmp_path / "media" / "series").glob("??/*"))
    assert len(folders) == left[0]


@pytest.mark.parametrize(
    "beside",
    [
        {"series": "all"},
        {"series": [{"files": "a.dcm"}]},
        {"series": [{"files": ["../../etc/passwd"]}]},
        {"series": [7]},
        {"segmentations": [{"path": 7}]},
        {"segmentations": [{}] * 1001},
    ],
)
def test_what_names_files_wrongly_is_no_case(
    tmp_path: Path, importing: Callable, beside: dict[str, Any], db: None
) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps({"id": "1", "findings": "A nodule.", **beside}) + "\n")
    done = importing(path)
    assert done.code == 2
    assert next(iter(beside)) in done["skipped"][0]["reason"] or "outside" in done["skipped"][0]["reason"]


@pytest.mark.parametrize("key", [{}, {"image": 1, "frame": 99}, {"image": 0}, {"image": True, "frame": 0}, "x",
                                 {"image": 1, "frame": 0, "center": "NaN", "width": 1}])  # fmt: skip
def test_a_key_image_that_is_none_is_passed_over(
    series: Series, educator: User, tmp_path: Path, exporting: Callable, importing: Callable, key: object
) -> None:
    finished(series, educator)
    exporting("--format", "jsonl", "--output", tmp_path / "out")
    gone()
    line = json.loads((tmp_path / "out" / "cases.jsonl").read_text())
    line["series"][0]["keys"] = [key]
    (tmp_path / "out" / "cases.jsonl").write_text(json.dumps(line) + "\n")
    assert importing(tmp_path / "out" / "cases.jsonl", "--trust-pixels").code == 0
    assert (Series.objects.count(), KeyImage.objects.count()) == (1, 0)


def test_text_only_takes_and_gives_no_series(
    series: Series, educator: User, tmp_path: Path, exporting: Callable, settings: Any
) -> None:
    finished(series, educator)
    settings.LOCKED_MODES = frozenset({"text-only"})
    exporting("--format", "mirc", "--output", tmp_path / "out.zip")
    assert not [name for name in zipfile.ZipFile(tmp_path / "out.zip").namelist() if name.endswith((".dcm", ".png"))]


def test_a_collection_of_nobody_stays_so(series: Series, educator: User, tmp_path: Path, exporting: Callable,
                                         importing: Callable) -> None:  # fmt: skip
    finished(series, educator)
    assert Collection.objects.exists()
    trip("mirc", tmp_path / "out.zip", exporting, importing)
    assert {mark.owner for mark in Mark.objects.all()} == {None}
    assert all(mark.shared for mark in Mark.objects.all())


@pytest.mark.data
def test_real_files_come_back(educator: User, tmp_path: Path, exporting: Callable, importing: Callable) -> None:
    """Every sample that can be read as a series of its own, of all transfer syntaxes."""
    for path in sorted(SAMPLES.iterdir()):
        try:
            made = begun(educator, [(path.name, path.read_bytes())])
        except Series.DoesNotExist:
            continue
        Case.objects.filter(pk=made.case_id).update(state=State.PUBLISHED, visibility="public", **TEXT)
    Case.objects.filter(state=State.DRAFT).delete()
    assert Series.objects.count() > 30
    different = trip("mirc", tmp_path / "out", exporting, importing)
    print(Series.objects.count(), "series,", sum(row.frames for row in Series.objects.all()), "frames")
    # Values that stand outside of the bits their header names are kept, and their bits then told as they are.
    assert [each for each in different if each[1] != "bits"] == []
