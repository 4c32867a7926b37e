"""Uploads, the viewer's pages, frames, key images, doubts, locks and erasure."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from cdss.accounts.models import Role, User
from cdss.audit.models import Event
from cdss.library.image_files import image_bytes
from cdss.library.models import Case, CaseImage, State, Visibility
from cdss.privacy.erasure import patient_erase
from cdss.privacy.holdings import holdings_of
from cdss.rotation import keys_rotate
from cdss.studies.demo import demo_series_make
from cdss.studies.dicom_write import presentation_state
from cdss.studies.frame_files import frame_path
from cdss.studies.marks import mark_create
from cdss.studies.models import Series, StudyUpload
from cdss.studies.services import draft_begin
from cdss.studies.shown import Shown, of_series
from tests.cdss.cast import library_case
from tests.cdss.studies.conftest import read_files
from tests.cdss.studies.dicoms import study, zipped

SCRIPT = {"headers": {"Accept": "application/json"}}


def files(count: int = 3) -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(name, content) for name, content in study(count)]


@pytest.fixture
def teacher(client: Client, educator: User) -> Client:
    client.force_login(educator)
    return client


def test_a_study_sent_in_one_form_becomes_a_series_of_a_new_draft(
    teacher: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        sent = teacher.post("/studies/upload/", {"title": "A nodule", "files": files()})
    page = teacher.get(sent["Location"]).content.decode()
    assert "1 series with 3 frames were stored" in page
    assert "hx-get" not in page
    case = Case.objects.get()
    assert (case.title, case.state, case.visibility, case.series.get().frames) == ("A nodule", "draft", "public", 3)
    assert "Open in viewer" in teacher.get(f"/library/cases/{case.pk}/").content.decode()


def test_a_study_sent_in_parts(teacher: Client, draft: Case, django_capture_on_commit_callbacks: Any) -> None:
    to = teacher.post("/studies/upload/", {"case": draft.pk}, **SCRIPT).json()
    for number, (name, content) in enumerate(study(3), 1):
        sent = teacher.post(to["files"], {"files": SimpleUploadedFile(name, content)})
        assert sent.json() == {"files": number}
    waiting = teacher.post(to["start"])
    assert 'hx-trigger="every' in teacher.get(waiting["Location"]).content.decode()
    upload = StudyUpload.objects.get()
    assert (upload.state, upload.files) == ("waiting", 3)
    late = teacher.post(to["files"], {"files": files(1)})
    assert (late.status_code, "started already" in late.json()["error"]) == (400, True)


def test_a_worker_that_died_is_noticed_and_the_study_read_again(
    teacher: Client, draft: Case, educator: User, django_capture_on_commit_callbacks: Any
) -> None:
    to = teacher.post("/studies/upload/", {"case": draft.pk}, **SCRIPT).json()
    teacher.post(to["files"], {"files": files()})
    long_ago = timezone.now() - timezone.timedelta(hours=1)
    StudyUpload.objects.update(state="reading", updated=long_ago)
    page = f"/studies/uploads/{StudyUpload.objects.get().pk}/"
    assert "Read it again" in teacher.get(page).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        teacher.post(to["start"])
    assert Series.objects.get().frames == 3


@pytest.mark.parametrize(
    ("data", "says"), [({}, "title"), ({"case": "999999"}, "Select a valid choice"), ({"title": " "}, "title")]
)
def test_a_form_that_says_too_little(teacher: Client, data: dict[str, str], says: str) -> None:
    answer = teacher.post("/studies/upload/", data, **SCRIPT)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert not StudyUpload.objects.exists()


def test_without_files_it_says_so(teacher: Client) -> None:
    assert "There is no file" in teacher.post("/studies/upload/", {"title": "x"}).content.decode()
    assert not Case.objects.exists()


def test_drafts_of_others_and_retired_cases_take_no_study(teacher: Client, draft: Case, clinician: User) -> None:
    others = library_case(clinician, Visibility.PUBLIC, state=State.DRAFT)
    Case.objects.filter(pk=draft.pk).update(state=State.RETIRED)
    for case in (draft, others):
        assert teacher.get(f"/studies/upload/?case={case.pk}").status_code == 404
        assert teacher.post("/studies/upload/", {"case": case.pk}, **SCRIPT).status_code == 400


def test_a_frame_is_raw_compressed_and_kept_by_the_browser(teacher: Client, shown: Shown) -> None:
    answer = teacher.get(f"/studies/series/{shown.row.pk}/frames/2/")
    assert answer["Content-Encoding"] == "gzip"
    assert "immutable" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    stored = np.frombuffer(gzip.decompress(answer.content), "<u2").reshape(20, 30)
    assert np.array_equal(stored.astype(int) - 1024, shown.values(2))
    again = teacher.get(f"/studies/series/{shown.row.pk}/frames/2/", headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert teacher.get(f"/studies/series/{shown.row.pk}/frames/5/").status_code == 404


def test_several_frames_in_one_answer(teacher: Client, shown: Shown) -> None:
    address = f"/studies/series/{shown.row.pk}/frames/3/"
    body, found = teacher.get(f"{address}?count=8").content, []
    while body:
        length = int.from_bytes(body[:4], "little")
        found.append(gzip.decompress(body[4 : 4 + length]))
        body = body[4 + length :]
    assert found == [shown.stored(frame).tobytes() for frame in (3, 4)]
    for count in ("0", "17", "999"):
        assert teacher.get(f"{address}?count={count}").status_code == 404


def test_opening_is_recorded_once_for_a_session_by_whatever_is_asked_first(teacher: Client, shown: Shown) -> None:
    for path in ("frames/0/", "frames/1/", "data/", ""):
        teacher.get(f"/studies/series/{shown.row.pk}/{path}")
    assert Event.objects.filter(action="studies.viewed").count() == 1


def test_the_data_of_a_series(teacher: Client, shown: Shown) -> None:
    data = teacher.get(f"/studies/series/{shown.row.pk}/data/").json()
    assert (data["unit"], data["pixels"], data["frames"]) == ("HU", "uint16", 5)
    assert data["markers"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert data["presets"][:3] == [["As stored", 40, 400], ["As stored 2", -600, 1500], ["Soft tissue", 40, 400]]
    assert data["rescale"] == [[1, -1024]] * 5


def test_the_page_does_not_tell_the_diagnosis(teacher: Client, shown: Shown) -> None:
    Case.objects.update(diagnosis="Hamartoma", title="Hamartoma of the lung")
    page = teacher.get(f"/studies/series/{shown.row.pk}/").content.decode()
    assert "amartoma" not in page
    assert "de-identified" in page


def test_an_ordinary_image_opens_in_the_viewer(teacher: Client, educator: User) -> None:
    image = library_case(educator).images.get()
    data = teacher.get(f"/studies/images/{image.pk}/data/").json()
    assert (data["unit"], data["pixels"], data["presets"]) == ("grey value", "uint8", [["All greys", 127.5, 255.0]])
    frame = teacher.get(f"/studies/images/{image.pk}/frames/0/")
    assert len(gzip.decompress(frame.content)) == 1
    assert teacher.get(f"/studies/images/{image.pk}/").status_code == 200


def key(client: Client, series: Series, **data: Any) -> Any:
    return client.post(
        f"/studies/series/{series.pk}/key/", {"frame": 2, "center": 40, "width": 400, "inverted": "false"} | data
    )


def test_a_key_image_is_an_image_of_the_case_in_its_window(teacher: Client, shown: Shown, series: Series) -> None:
    before = Case.objects.get().updated
    assert key(teacher, series).status_code == 200
    image = CaseImage.objects.get()
    from django.conf import settings

    picture = np.asarray(Image.open(io.BytesIO(image_bytes(settings.MEDIA_ROOT / image.file.name))))
    expected = np.rint(np.clip((shown.values(2) - 40) / 400 + 0.5, 0, 1) * 255)
    assert np.array_equal(picture, expected)
    assert (image.modality, image.region, image.plane, series.key_images.get().frame) == ("CT", "Thorax", "Axial", 2)
    # The index is built from what has changed.
    assert Case.objects.get().updated > before
    key(teacher, series)
    assert CaseImage.objects.count() == 1
    key(teacher, series, frame=3)
    assert [image.position for image in CaseImage.objects.all()] == [0, 1]


@pytest.mark.parametrize("data", [{"frame": 9}, {"frame": -1}, {"width": 0}, {"center": "x"}, {"width": "nan"}])
def test_a_key_image_of_nothing(teacher: Client, series: Series, data: dict[str, Any]) -> None:
    assert key(teacher, series, **data).status_code == 400


def test_places_that_may_be_text_are_covered_until_somebody_decides(
    teacher: Client, shown: Shown, series: Series
) -> None:
    plain = shown.stored(0).copy()
    box = {"left": 4, "top": 5, "width": 10, "height": 6}
    Series.objects.update(doubts=[box])
    covered = of_series(Series.objects.get())
    assert len(np.unique(covered.stored(0)[5:11, 4:14])) == 1
    sent = teacher.get(f"/studies/series/{series.pk}/frames/0/")
    assert np.array_equal(np.frombuffer(gzip.decompress(sent.content), "<u2").reshape(20, 30), covered.stored(0))
    teacher.post(f"/studies/series/{series.pk}/doubts/", {"keep": "yes"})
    shown_again = Series.objects.get()
    assert shown_again.version == 2
    assert np.array_equal(of_series(shown_again).stored(0), plain)
    Series.objects.update(doubts=[box])
    teacher.post(f"/studies/series/{series.pk}/doubts/", {"keep": "no"})
    assert np.array_equal(of_series(Series.objects.get()).stored(0), covered.stored(0))


def test_text_only_shows_and_takes_nothing(teacher: Client, series: Series, draft: Case, settings: Any) -> None:
    settings.LOCKED_MODES = ("text-only",)
    for path in ("", "data/", "frames/0/"):
        assert teacher.get(f"/studies/series/{series.pk}/{path}").status_code == 423
    for answer in (
        teacher.get("/studies/upload/"),
        teacher.post("/studies/upload/", {"case": draft.pk, "files": files()}),
        key(teacher, series),
    ):
        assert answer.status_code == 423
    page = teacher.get(f"/library/cases/{draft.pk}/").content.decode()
    assert "Open in viewer" not in page


def test_a_deleted_series_takes_its_files_with_it(
    teacher: Client, series: Series, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    key(teacher, series)
    with django_capture_on_commit_callbacks(execute=True):
        teacher.post(f"/studies/series/{series.pk}/delete/")
    assert not Series.objects.exists()
    assert CaseImage.objects.count() == 1
    assert not frame_path(series.folder, 0).parent.exists()


def test_a_series_goes_out_as_dicom_and_comes_back_the_same(
    teacher: Client, series: Series, shown: Shown, educator: User
) -> None:
    answer = teacher.get(f"/studies/series/{series.pk}/dicom/")
    content = b"".join(answer.streaming_content)
    assert b"Muster" not in content
    assert b"4711" not in content
    again = draft_begin(title="Once more", by=educator)
    assert read_files(again, educator, [("series.zip", content)]).state == "done"
    back = Series.objects.get(case=again)
    assert [fact["position"] for fact in back.frame_facts] == [fact["position"] for fact in series.frame_facts]
    assert (back.unit, back.windows, back.spacing_at_detector) == (series.unit, series.windows, False)
    for frame in range(5):
        assert np.array_equal(of_series(back).values(frame), shown.values(frame))


def test_marks_fit_the_images_that_went_out_with_them(
    teacher: Client, series: Series, shown: Shown, educator: User
) -> None:
    mark = mark_create(shown=shown, by=educator, data={"kind": "length", "frame": 3, "points": [[1, 1], [9, 9]]})
    content = b"".join(teacher.get(f"/studies/series/{series.pk}/dicom/").streaming_content)
    files = zipfile.ZipFile(io.BytesIO(content))
    uids = [str(pydicom.dcmread(files.open(name)).SOPInstanceUID) for name in files.namelist()]
    state = pydicom.dcmread(io.BytesIO(presentation_state(shown, [mark])))
    referred = state.GraphicAnnotationSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID
    assert uids.index(str(referred)) == 3


def test_what_is_held_of_a_patient_is_told_and_erased(
    series: Series, administrator: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    holdings = holdings_of(patient="MRN-4711")
    from cdss.privacy.export import patient_data

    assert patient_data(holdings)["cases"][0]["series"][0]["frames"] == 5
    with django_capture_on_commit_callbacks(execute=True):
        patient_erase(holdings=holdings, by=administrator, reason="patient-request")
    assert not Series.objects.exists()
    assert not frame_path(series.folder, 0).parent.exists()


def test_a_new_key_of_the_site_reaches_the_frames(series: Series, shown: Shown) -> None:
    path = frame_path(series.folder, 0)
    before, stored = path.read_bytes(), shown.stored(0).copy()
    keys_rotate()
    assert path.read_bytes()[:16] != before[:16]
    assert np.array_equal(of_series(series).stored(0), stored)


def test_a_clinician_sees_what_is_published_and_changes_nothing(client: Client, series: Series, make_user: Any) -> None:
    reader = make_user("reader", Role.CLINICIAN)
    client.force_login(reader)
    assert client.get(f"/studies/series/{series.pk}/").status_code == 404
    Case.objects.update(state=State.PUBLISHED, visibility=Visibility.PUBLIC)
    page = client.get(f"/studies/series/{series.pk}/").content.decode()
    assert "data-key " not in page
    assert "Delete the series" not in page
    assert key(client, series).status_code == 403


def test_the_demonstration_series_is_made_once(db: None) -> None:
    assert demo_series_make() is None
    case = library_case(None)
    Case.objects.filter(pk=case.pk).update(source_id="demo-chest-01")
    made = demo_series_make()
    assert made is not None
    assert (made.frames, made.unit, made.synthetic) == (60, "HU", True)
    values = of_series(made).values(18)
    # Air around, a nodule with calcification in the right lung, which is to the left.
    assert values[2, 2] == pytest.approx(-1000, abs=80)
    assert values[140:160, 60:85].max() > 300
    assert demo_series_make() is None


def test_a_zip_over_the_page(teacher: Client, draft: Case, django_capture_on_commit_callbacks: Any) -> None:
    upload = SimpleUploadedFile("study.zip", zipped(study(4)))
    with django_capture_on_commit_callbacks(execute=True):
        teacher.post("/studies/upload/", {"case": draft.pk, "files": [upload]})
    assert json.loads(json.dumps(StudyUpload.objects.get().report))["series"][0]["frames"] == 4
