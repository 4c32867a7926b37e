"""Marks: what they measure, whose they are, and the way through DICOM and back."""

import io
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import numpy as np
import pydicom
import pytest
from django.test import Client

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.library.models import Case, State, Visibility
from cdss.studies.dicom_read import marks_import
from cdss.studies.dicom_write import image_dataset, presentation_state, structured_report
from cdss.studies.errors import StudyError
from cdss.studies.marks import StaleMarkError, mark_change, mark_create, marks_of
from cdss.studies.models import Mark, Series
from cdss.studies.shown import Shown, of_image, of_series
from retrieval.dicom_objects import file_bytes
from tests.cdss.cast import library_case
from tests.cdss.studies.dicoms import SERIES, ct, written

ELLIPSE = {"kind": "ellipse", "frame": 2, "points": [[4, 3], [25.5, 15]]}
LENGTH = {"kind": "length", "frame": 1, "points": [[2, 3], [6, 6]], "label": "long axis"}
ANGLE = {"kind": "angle", "frame": 0, "points": [[10, 2], [2, 2], [2, 10]]}
ARROW = {"kind": "arrow", "frame": 3, "points": [[1, 1], [12.25, 9.5]], "label": "the nodule"}
TEXT = {"kind": "text", "frame": 4, "points": [[8, 8]], "label": "calcified"}
ALL = [LENGTH, ANGLE, ELLIPSE, ARROW, TEXT]


@pytest.fixture
def drawn(shown: Shown, educator: User) -> list[Mark]:
    return [mark_create(shown=shown, by=educator, data=dict(data)) for data in ALL]


def test_an_ellipse_says_what_numpy_says(shown: Shown, drawn: list[Mark]) -> None:
    values = shown.values(2)
    x, y = np.meshgrid(np.arange(30) + 0.5, np.arange(20) + 0.5)
    (x0, y0), (x1, y1) = ELLIPSE["points"]
    inside = ((x - (x0 + x1) / 2) / ((x1 - x0) / 2)) ** 2 + ((y - (y0 + y1) / 2) / ((y1 - y0) / 2)) ** 2 <= 1
    within, said = values[inside], drawn[2].values
    assert said["pixels"] == inside.sum() > 100
    for name, value in (
        ("mean", np.mean(within)),
        ("sd", np.std(within)),
        ("min", within.min()),
        ("max", within.max()),
    ):
        assert said[name] == pytest.approx(value, abs=1e-3)
    assert said["area"] == pytest.approx(np.pi * (21.5 / 2 * 0.75) * (12 / 2 * 0.5), abs=1e-3)
    assert (said["unit"], said["area_unit"]) == ("HU", "mm²")


def test_a_length_is_in_millimetres_of_both_directions(drawn: list[Mark]) -> None:
    assert drawn[0].values == {"length": round(float(np.hypot(4 * 0.75, 3 * 0.5)), 4), "length_unit": "mm"}


def test_an_angle_is_that_in_the_patient(shown: Shown, educator: User, drawn: list[Mark]) -> None:
    assert drawn[1].values == {"angle": 90.0}
    slanted = {"kind": "angle", "frame": 0, "points": [[10, 2], [2, 2], [10, 10]]}
    made = mark_create(shown=shown, by=educator, data=slanted)
    assert made.values["angle"] == pytest.approx(np.degrees(np.arctan2(8 * 0.5, 8 * 0.75)), abs=1e-3)


def test_a_picture_without_scale_is_measured_in_pixels(educator: User, db: None) -> None:
    case = library_case(educator)
    image = case.images.get()
    made = mark_create(
        shown=of_image(image), by=educator, data={"kind": "length", "frame": 0, "points": [[0, 0], [1, 1]]}
    )
    assert made.values == {"length": 1.4142, "length_unit": "px"}


BAD: list[dict[str, Any]] = [
    {"kind": "circle", "frame": 0, "points": [[1, 1], [2, 2]]},
    {"kind": "length", "frame": 9, "points": [[1, 1], [2, 2]]},
    {"kind": "length", "frame": True, "points": [[1, 1], [2, 2]]},
    {"kind": "length", "frame": 0, "points": [[1, 1]]},
    {"kind": "length", "frame": 0, "points": [[1, 1], [1, 1]]},
    {"kind": "length", "frame": 0, "points": [[1, 1], [31, 2]]},
    {"kind": "length", "frame": 0, "points": [[1, 1], ["2", 2]]},
    {"kind": "length", "frame": 0, "points": [[1, 1], [float("nan"), 2]]},
    {"kind": "length", "frame": 0, "points": "much"},
    {"kind": "ellipse", "frame": 0, "points": [[1, 1], [1.1, 1.1]]},
    {"kind": "angle", "frame": 0, "points": [[1, 1], [2, 2], [2, 2]]},
    {"kind": "text", "frame": 0, "points": [[1, 1]]},
    {"kind": "text", "frame": 0, "points": [[1, 1]], "label": 7},
    {"kind": "length", "frame": 0, "points": [[1, 1], [2, 2]], "token": "x"},
    {},
]


@pytest.mark.parametrize("data", BAD, ids=str)
def test_what_is_no_mark_is_refused(shown: Shown, educator: User, data: dict[str, Any]) -> None:
    with pytest.raises(StudyError):
        mark_create(shown=shown, by=educator, data=data)
    assert not Mark.objects.exists()


def test_sent_twice_it_is_stored_once(shown: Shown, educator: User) -> None:
    data = {**LENGTH, "token": str(uuid4())}
    assert mark_create(shown=shown, by=educator, data=data) == mark_create(shown=shown, by=educator, data=data)
    assert Event.objects.filter(action="studies.mark_made").count() == 1


def test_of_two_changes_of_one_version_the_second_is_told(shown: Shown, educator: User, drawn: list[Mark]) -> None:
    first = {**LENGTH, "label": "first", "version": 1}
    assert mark_change(shown=shown, mark=drawn[0], by=educator, data=first).version == 2
    with pytest.raises(StaleMarkError) as told:
        mark_change(shown=shown, mark=drawn[0], by=educator, data={**LENGTH, "label": "second", "version": 1})
    assert told.value.mark.label == "first"


def test_two_people_who_draw_at_once_both_keep_theirs(
    shown: Shown, series: Series, educator: User, clinician: User, drawn: list[Mark]
) -> None:
    Case.objects.update(state=State.PUBLISHED, visibility=Visibility.PUBLIC)
    theirs = mark_create(shown=of_series(Series.objects.get()), by=clinician, data=dict(LENGTH))
    assert [mark.pk for mark in marks_of(shown, educator)] == [
        mark.pk for mark in sorted(drawn, key=lambda each: each.frame)
    ]
    assert theirs in marks_of(shown, clinician)
    assert len(marks_of(shown, clinician)) == 6


def test_a_name_in_a_label_is_taken_out(shown: Shown, educator: User) -> None:
    made = mark_create(shown=shown, by=educator, data={**TEXT, "label": "MRN 12345678, Mr. John Smith"})
    assert "12345678" not in made.label
    assert "Smith" not in made.label


def comparable(marks: list[Mark]) -> list[tuple[Any, ...]]:
    return sorted((mark.frame, mark.kind, str(mark.points), mark.label, str(mark.values)) for mark in marks)


def test_gsps_brings_everything_back(shown: Shown, educator: User, drawn: list[Mark]) -> None:
    before, file = comparable(drawn), presentation_state(shown, drawn)
    Mark.objects.all().delete()
    taken = marks_import(shown=shown, data=file, by=educator)
    assert (taken.known, taken.passed_over) == (0, 0)
    assert comparable(taken.marks) == before


def test_sr_brings_measures_back(shown: Shown, educator: User, drawn: list[Mark]) -> None:
    before, file = comparable(drawn[:3]), structured_report(shown, drawn)
    Mark.objects.all().delete()
    taken = marks_import(shown=shown, data=file, by=educator)
    assert (len(taken.marks), taken.passed_over) == (3, 0)
    assert comparable(taken.marks) == before


def test_highdicom_reads_the_report_with_its_values(shown: Shown, drawn: list[Mark]) -> None:
    import highdicom as hd

    document = hd.sr.srread(io.BytesIO(structured_report(shown, drawn)))
    regions = document.content.get_planar_roi_measurement_groups()
    said = drawn[2].values
    values = [float(measure.value) for measure in regions[0].get_measurements()]
    assert values == pytest.approx([said["mean"], said["sd"], said["min"], said["max"], said["area"]], abs=1e-3)
    others = document.content.get_image_measurement_groups()
    assert [float(group.get_measurements()[0].value) for group in others] == [drawn[0].values["length"], 90.0]


def test_what_is_written_names_nobody_and_refers_to_the_series(shown: Shown, series: Series, drawn: list[Mark]) -> None:
    for file in (presentation_state(shown, drawn), structured_report(shown, drawn)):
        dataset = pydicom.dcmread(io.BytesIO(file))
        assert str(dataset.PatientName) == "Anonymized^"
        assert dataset.StudyInstanceUID == series.study_uid
        assert SERIES.encode() not in file
        assert b"Muster" not in file


def test_known_marks_are_not_taken_again(shown: Shown, educator: User, drawn: list[Mark]) -> None:
    taken = marks_import(shown=shown, data=presentation_state(shown, drawn), by=educator)
    assert (taken.marks, taken.known) == ([], 5)


def test_marks_of_the_images_as_they_were_before_fit_too(shown: Shown, educator: User, drawn: list[Mark]) -> None:
    """A workstation refers to the images by the UIDs they had there."""
    dataset = pydicom.dcmread(io.BytesIO(presentation_state(shown, drawn[:1])))
    image = dataset.GraphicAnnotationSequence[0].ReferencedImageSequence[0]
    image.ReferencedSOPInstanceUID = f"{SERIES}.2"
    Mark.objects.all().delete()
    taken = marks_import(shown=shown, data=written(dataset), by=educator)
    assert [mark.frame for mark in taken.marks] == [1]


def test_marks_of_other_images_are_counted_and_left(shown: Shown, educator: User, drawn: list[Mark]) -> None:
    dataset = pydicom.dcmread(io.BytesIO(presentation_state(shown, drawn[:1])))
    dataset.GraphicAnnotationSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    Mark.objects.all().delete()
    taken = marks_import(shown=shown, data=written(dataset), by=educator)
    assert taken.marks == []
    assert taken.passed_over == 2


@pytest.mark.parametrize("data", [b"", b"hello" * 100, written(ct(1))], ids=["empty", "text", "an image"])
def test_what_holds_no_marks_is_refused(shown: Shown, educator: User, data: bytes) -> None:
    with pytest.raises(StudyError):
        marks_import(shown=shown, data=data, by=educator)


def test_a_damaged_state_takes_nothing(shown: Shown, educator: User, drawn: list[Mark]) -> None:
    dataset = pydicom.dcmread(io.BytesIO(presentation_state(shown, drawn)))
    del dataset.GraphicAnnotationSequence[2].GraphicObjectSequence[0].GraphicData
    Mark.objects.all().delete()
    with pytest.raises(StudyError, match="damaged"):
        marks_import(shown=shown, data=written(dataset), by=educator)
    assert not Mark.objects.exists()


@pytest.mark.parametrize("left", [0.5, 0.7, 0.9, 0.98])
@pytest.mark.parametrize("make", [presentation_state, structured_report])
def test_a_file_that_is_cut_off_is_told_so_and_takes_nothing(
    shown: Shown, educator: User, drawn: list[Mark], make: Callable[..., bytes], left: float
) -> None:
    data = make(shown, drawn)
    Mark.objects.all().delete()
    with pytest.raises(StudyError, match="cut off"):
        marks_import(shown=shown, data=data[: int(len(data) * left)], by=educator)
    assert not Mark.objects.exists()


def test_nothing_to_export_is_said(shown: Shown, educator: User, client: Client) -> None:
    client.force_login(educator)
    for name in ("gsps", "sr"):
        assert client.get(f"/studies/series/{shown.row.pk}/marks/{name}/").status_code == 409


def send(client: Client, address: str, data: object) -> Any:
    return client.post(address, json.dumps(data), content_type="application/json")


def test_the_way_of_a_mark_over_the_page(shown: Shown, educator: User, client: Client) -> None:
    client.force_login(educator)
    address = f"/studies/series/{shown.row.pk}/marks/"
    made = send(client, address, LENGTH).json()
    assert made["values"]["length"] == 3.3541
    assert made["shared"] is True
    stale = send(client, f"/studies/marks/{made['id']}/", {**LENGTH, "version": 7})
    assert (stale.status_code, stale.json()["stored"]["version"]) == (409, 1)
    assert send(client, f"/studies/marks/{made['id']}/", {**LENGTH, "version": 1}).json()["version"] == 2
    assert len(client.get(address).json()["marks"]) == 1
    assert send(client, f"/studies/marks/{made['id']}/delete/", {}).status_code == 200
    assert client.get(address).json() == {"marks": []}
    actions = list(Event.objects.filter(action__contains="mark_").values_list("action", flat=True).order_by("sequence"))
    assert actions == ["studies.mark_made", "studies.mark_changed", "studies.mark_deleted"]


@pytest.mark.parametrize("body", ["", "[]", "{", "x" * 20_000, "[" * 15_000])
def test_a_body_that_is_no_mark(shown: Shown, educator: User, client: Client, body: str) -> None:
    client.force_login(educator)
    answer = client.post(f"/studies/series/{shown.row.pk}/marks/", body, content_type="application/json")
    assert answer.status_code == 400


def test_only_who_drew_a_mark_changes_it(shown: Shown, drawn: list[Mark], client: Client, make_user: Any) -> None:
    Case.objects.update(state=State.PUBLISHED, visibility=Visibility.PUBLIC)
    reader = make_user("reader", Role.CLINICIAN)
    client.force_login(reader)
    assert send(client, f"/studies/marks/{drawn[0].pk}/", {**LENGTH, "version": 1}).status_code == 403
    own = send(client, f"/studies/series/{shown.row.pk}/marks/", LENGTH).json()
    client.force_login(make_user("other", Role.CLINICIAN))
    assert send(client, f"/studies/marks/{own['id']}/delete/", {}).status_code == 404


def test_a_tilted_ellipse_is_read_measured_and_written_again(shown: Shown, educator: User) -> None:
    import highdicom as hd

    image = image_dataset(shown, 1)
    turn, middle, long, short = np.deg2rad(30), np.array([15.0, 10.0]), 8.0, 4.0
    along, aside = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    ends = np.array([middle - long * along, middle + long * along, middle - short * aside, middle + short * aside])
    layer = hd.pr.GraphicLayer("NOTES", order=1)
    note = hd.pr.GraphicAnnotation([image], layer, graphic_objects=[hd.pr.GraphicObject("ELLIPSE", ends, "PIXEL")])
    state = hd.pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[image], series_instance_uid=hd.UID(), series_number=1, sop_instance_uid=hd.UID(),
        instance_number=1, manufacturer="A", manufacturer_model_name="B", software_versions="1",
        device_serial_number="1", content_label="NOTES", graphic_layers=[layer], graphic_annotations=[note],
        presentation_lut_transformation=hd.PresentationLUTTransformation(presentation_lut_shape="IDENTITY"),
    )  # fmt: skip
    (mark,) = marks_import(shown=shown, data=file_bytes(state), by=educator).marks
    assert np.allclose(mark.points, ends, atol=1e-3)
    x, y = np.meshgrid(np.arange(30) + 0.5 - 15, np.arange(20) + 0.5 - 10)
    inside = ((x * along[0] + y * along[1]) / long) ** 2 + ((x * aside[0] + y * aside[1]) / short) ** 2 <= 1
    assert mark.values["pixels"] == inside.sum()
    assert mark.values["mean"] == pytest.approx(shown.values(1)[inside].mean(), abs=1e-3)
    assert mark.values["area"] == pytest.approx(np.pi * long * short * 0.5 * 0.75, rel=1e-4)
    written = presentation_state(shown, [mark])
    kept = mark.points
    mark.delete()
    (again,) = marks_import(shown=shown, data=written, by=educator).marks
    assert np.allclose(again.points, kept, atol=1e-3)


def test_axes_that_do_not_halve_each_other_are_no_ellipse(shown: Shown, educator: User) -> None:
    points = [[5, 5], [15, 5], [20, 2], [20, 8]]
    with pytest.raises(StudyError, match="middle of both"):
        mark_create(shown=shown, by=educator, data={"kind": "ellipse", "frame": 0, "points": points})
